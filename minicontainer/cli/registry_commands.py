"""`minicontainer registry serve`: the kit's own registry, for everybody on this machine."""

from __future__ import annotations

import argparse
import sys

from minicontainer.registry.mirror import REGISTRY_VARIABLE, embedded_images
from minicontainer.registry.server import serve as serve_layout
from minicontainer.step03_image.layout import open_layout


def serve(arguments: argparse.Namespace) -> int:
    """Serve the embedded images, or the layout that --layout names, until Ctrl-C."""
    layout = open_layout(arguments.layout) if arguments.layout else embedded_images()
    serve_layout(layout, arguments.port, _announce)
    return 0


def _announce(address: str) -> None:
    print(f"serving on {address}; Ctrl-C ends it", file=sys.stderr)
    print(f"  curl -i http://{address}/v2/", file=sys.stderr)
    print(f"  {REGISTRY_VARIABLE}={address} minicontainer pull workshop/shell", file=sys.stderr)
    sys.stderr.flush()
