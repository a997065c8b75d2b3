"""Macs and Windows machines lack much of Linux; the image labs must work there all the same."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

from . import images
from .images import directory, hard_link, info, symlink, tar

WITHOUT = """
import os, sys
for name in ("fcntl", "pwd", "grp", "resource", "termios"):
    sys.modules[name] = None
for name in ("mknod", "mkfifo", "setxattr", "getxattr", "listxattr", "geteuid", "makedev",
             "O_DIRECTORY", "O_NOFOLLOW", "O_CLOEXEC", "chown", "fchmod", "fchown"):
    if hasattr(os, name):
        delattr(os, name)
os.supports_dir_fd.clear()
os.supports_follow_symlinks.clear()
import minicontainer.step03_image as room
import pkgutil
for module in pkgutil.iter_modules(room.__path__):
    __import__(f"{room.__name__}.{module.name}")
from pathlib import Path
from minicontainer.errors import ImageError
from minicontainer.cli.gc import prune
from minicontainer.step03_image.layout import create_layout, references, untag
from minicontainer.step03_image.runtime_config import to_runtime_config
from minicontainer.step03_image.unpack import unpack
layout = create_layout(sys.argv[1])
root = Path(sys.argv[2])
config = unpack(layout, references(layout)["test"], root / "root")
to_runtime_config(config, {}, root / "root")
try:
    unpack(layout, references(layout)["evil"], root / "evil")
except ImageError as error:
    print(error.one_line)
untag(layout, "test")
print(len(prune(layout)))
"""


def test_without_what_only_linux_has(tmp_path) -> None:
    layers = [
        tar(
            directory("d"),
            ("d/a", b"1"),
            ("d/b", b"2"),
            symlink("l", "/d"),
            ("motd", b""),
            info("null", tarfile.CHRTYPE, devmajor=1, devminor=3),
        ),
        tar(("l/c", b"3"), ("d/.wh.a", b""), (".wh.motd", b""), hard_link("e", "d/b")),
    ]
    layout, _ = images.image(tmp_path / "l", *layers)
    outside = tmp_path / "outside"
    outside.mkdir()
    evil = tar(symlink("l", str(outside)), ("l/x", b""), ("..\\x", b""), symlink("l/y", "../l"))
    images.image(tmp_path / "l", evil, name="evil")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, layout.path, tmp_path / "work"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["..\\x: this system can't have a file of that name", "4"]
    root = tmp_path / "work" / "root"
    found = {str(one.relative_to(root)) for one in root.rglob("*") if not one.is_symlink()}
    assert found == {"d", "d/b", "d/c", "e"}
    assert (root / "e").stat().st_ino == (root / "d" / "b").stat().st_ino
    assert list(outside.iterdir()) == []
    assert sorted(path.name for path in Path(tmp_path / "work").iterdir()) == ["root"]
