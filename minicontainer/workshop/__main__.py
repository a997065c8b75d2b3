"""`python -m minicontainer.workshop COMMAND …`: what is behind the commands of `./workshop`."""

import sys

from minicontainer.errors import MinicontainerError
from minicontainer.lib.standard_files import print_plainly


def main(arguments: list[str]) -> int:
    """Run one command; its exit status. Each brings in only what it needs."""
    if arguments[:1] == ["lab"]:
        from .open_labs import open_labs

        return open_labs(arguments[1:])
    if arguments[:1] == ["slides"]:
        from .labs.lab import find_root

        find_root()
        from slides.make import make_slides

        return make_slides(arguments[1:])
    from .commands import run

    return run(arguments)


if __name__ == "__main__":
    try:
        print_plainly()
        sys.exit(main(sys.argv[1:]))
    except MinicontainerError as error:
        print(f"workshop: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(130)
    except ModuleNotFoundError as error:
        sys.exit(f"workshop: {error}\n  ./workshop in a clone of the kit brings all that labs need")
    except OSError as error:
        sys.exit(f"workshop: {error.filename or 'error'}: {error.strerror}")
