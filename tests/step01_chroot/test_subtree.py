"""A machine whose / is a part of a file system, as a btrfs subvolume or a bind mount is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.programs import needs_root

ACTS = Path(__file__).parents[2] / "labs/01/acts.py"
#: in a mount namespace of its own: a directory with all of this machine's becomes /
CODE = """
import os, sys
from pathlib import Path
from minicontainer import linux
top, acts = sys.argv[1:]
linux.unshare(linux.CLONE_NEWNS)
linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
linux.mount(top, top, None, linux.MS_BIND)
for path in Path("/").iterdir():
    here = Path(top, path.name)
    if path.is_symlink():
        here.symlink_to(path.readlink())
    elif path.is_dir():
        here.mkdir()
        linux.mount(path, here, None, linux.MS_BIND | linux.MS_REC)
os.chdir(top)
linux.pivot_root(".", ".")
linux.umount2(".", linux.MNT_DETACH)
os.chdir("/")
os.mkdir("/scratch")
os.execv(sys.executable, [sys.executable, acts, "pivot", "/scratch"])
"""


@needs_root
def test_what_lies_on_the_root_is_told_alike(tmp_path: Path) -> None:
    (top := tmp_path / "machine").mkdir()
    command = [sys.executable, "-c", CODE, str(top), str(ACTS)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [row[1] for row in rows][1:] == ["machine", "root < machine", "root"]
