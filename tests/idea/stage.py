"""Where chapter 0 and the engine run the same images: a registry, directories, a user."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from minicontainer.registry.embedded import make_hello
from minicontainer.registry.host_tools import program_files
from minicontainer.registry.image_builder import (
    File,
    Layer,
    add_image,
    add_layer,
    directory,
    write_blob,
)
from minicontainer.registry.server import running_registry
from minicontainer.registry.token_service import Settings
from minicontainer.step03_image.layout import Layout, create_layout, tag
from minicontainer.step03_image.manifest import host_platform
from minicontainer.step03_image.spec import Descriptor

NOBODY = 65534
ENGINE = str(Path(sys.executable).with_name("minicontainer"))
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"


class Images:
    """A layout with images that have a shell; `log` holds what the registry was asked."""

    def __init__(self, path: Path) -> None:
        self.layout: Layout = create_layout(path)
        self.log: list[str] = []
        files = [file for name in ("sh", "cat", "id", "sleep") for file in program_files(name)]
        places = [directory("dev"), directory("proc"), directory("sys"), directory("tmp", 0o1777)]
        users = [File("etc/passwd", b"root:x:0:0:root:/:/bin/sh\n"), File("etc/motd", b"hello\n")]
        self.base = add_layer(self.layout, "a shell", [*files, *places, *users])
        self.named("shell", self.image())
        self.named("hello", make_hello(self.layout))

    def image(self, *layers: Layer, says: str = "", **settings) -> Descriptor:
        """An image with a shell and `layers` over it, which by default runs `sh -c says`."""
        about = {"Cmd": ["sh", "-c", says or ":"], "Env": ["PATH=/bin:/usr/bin"], **settings}
        return add_image(self.layout, [self.base, *layers], about, host_platform())

    def named(self, name: str, descriptor: Descriptor) -> str:
        tag(self.layout, f"docker.io/workshop/{name}", descriptor)
        return f"workshop/{name}"

    def archive(self, *members: tuple[tarfile.TarInfo, bytes]) -> Layer:
        """A layer, not compressed, with just these members."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for header, content in members:
                header.size = len(content)
                archive.addfile(header, io.BytesIO(content))
        plain = buffer.getvalue()
        digest = f"sha256:{hashlib.sha256(plain).hexdigest()}"
        return Layer(write_blob(self.layout, plain, OCI_LAYER), digest, "by hand")

    def served(self) -> contextlib.AbstractContextManager[str]:
        return running_registry(self.layout, Settings(log=self.log.append))


class Stage:
    """Directories of one test, for one user; runs chapter 0 and the engine in them."""

    def __init__(self, top: Path, registry: str, user: int = 0) -> None:
        self.top, self.user, self.registry = top, user, registry
        self.left = self._own("left")
        self.home = self._own("home")
        self.store = self.home / "data" / "minicontainer"
        self.variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TMPDIR": str(self.left),
            "XDG_DATA_HOME": str(self.home / "data"),
            "XDG_RUNTIME_DIR": str(self._own("run")),
            "MINICONTAINER_REGISTRY": registry,
        }

    def _own(self, name: str) -> Path:
        path = self.top / name
        path.mkdir()
        if self.user:
            os.chown(path, self.user, self.user)
        return path

    @property
    def root(self) -> Path:
        """The one root filesystem that chapter 0 has left."""
        (root,) = self.left.glob("idea-*/rootfs")
        return root

    def options(self, **more) -> dict:
        who = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        variables = {**self.variables, **more.pop("variables", {})}
        return {"env": variables, "cwd": self.home, **who, **more}

    def command(self, *words: str, **more) -> subprocess.CompletedProcess[str]:
        """Run any command to its end, as the stage's user."""
        more = {"timeout": 60, "stdin": subprocess.DEVNULL, **more}
        return subprocess.run(
            words, capture_output=True, text=True, check=False, **self.options(**more)
        )

    def idea(self, *words: str, **more) -> subprocess.CompletedProcess[str]:
        return self.command(*IDEA, *words, **more)

    def engine(self, *words: str, **more) -> subprocess.CompletedProcess[str]:
        return self.command(ENGINE, *words, **more)

    def engine_runs(self, *words: str, **more) -> subprocess.CompletedProcess[str]:
        return self.engine("run", "--rm", *words, **more)

    def jailed(self, code: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run Python code with step 01's functions, as root or as root of a user namespace."""
        return self.command(sys.executable, "-c", JAILED + code, *words)


IDEA: Sequence[str] = (sys.executable, "-m", "minicontainer.idea")
JAILED = """
import os, sys
from pathlib import Path
from minicontainer import linux
from minicontainer.step01_chroot import jail
jail.new_namespaces(0 if os.geteuid() == 0 else linux.CLONE_NEWUSER)
"""


@contextlib.contextmanager
def stage(registry: str, user: int = 0) -> Iterator[Stage]:
    """A stage whose directories every user may enter; removed at the end."""
    top = Path(tempfile.mkdtemp(prefix="stage-"))
    try:
        top.chmod(0o755)
        yield Stage(top, registry, user)
    finally:
        shutil.rmtree(top)
