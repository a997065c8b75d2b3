"""What is the least that a directory must hold for a program to live in it?

In: programs of this machine. Out: a directory with these programs, their
loaders and libraries, each at the path it has here, and the few files that
every program expects (/etc/passwd, /tmp, …): a root filesystem.
Sources: hier(7), path_resolution(7), execve(2) "Interpreter scripts", passwd(5).
"""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import stat
from collections.abc import Iterable, Iterator

from minicontainer import explain
from minicontainer.errors import MinicontainerError
from minicontainer.lib.files import make_open_directory
from minicontainer.lib.removal import remove_tree

from .elf import libraries_of

#: where programs are, also for people whose PATH lacks the sbin directories
_PROGRAM_DIRECTORIES = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

#: a script may be run by a script, so many times (execve(2))
_MOST_INTERPRETERS = 5

_DIRECTORIES = {"tmp": 0o1777, "root": 0o700, "dev": 0o755, "etc": 0o755, "proc": 0o755}
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
}


class RootError(MinicontainerError):
    """A root filesystem cannot be built: a program is missing, the directory is in use, …"""


def build_root(root: str, programs: Iterable[str]) -> list[str]:
    """Make `root` a root filesystem in which `programs` run; returns the paths it holds, sorted.

    `root` must be empty or not exist yet; it also gets what every program expects
    (`add_basics`). A program is a path, or a name to look up in PATH. Symbolic links
    on the way to a file (/bin -> usr/bin) are kept, so that each path works inside
    as it does here. After a failure nothing is left.

    Raises RootError, and ElfError when libraries are not to be found.
    """
    held: list[str] = []
    with empty_directory(root):
        for program in programs:
            for file in files_of(find_program(program)):
                held += copy_into(root, file)
        held += add_basics(root)
    return sorted(set(held))


@contextlib.contextmanager
def empty_directory(root: str) -> Iterator[None]:
    """Make the directory `root` or take it when empty; empty it again if the body fails."""
    made = not os.path.isdir(root)
    try:
        if made:
            os.makedirs(os.path.dirname(os.path.abspath(root)), exist_ok=True)
            make_open_directory(root)
        if os.listdir(root):
            raise RootError("is not empty", root, "give a new or an empty directory")
    except OSError as problem:
        raise _root_error(problem, root) from None
    try:
        yield
    except BaseException as problem:
        for name in os.listdir(root):
            remove_tree(os.path.join(root, name))
        if made:
            os.rmdir(root)
        if isinstance(problem, OSError):
            raise _root_error(problem, root) from None
        raise


def _root_error(problem: OSError, path: str) -> RootError:
    return RootError(problem.strerror or "failed", os.fsdecode(problem.filename or path))


def find_program(program: str) -> str:
    """The absolute path of `program`, a path or a name to look up in PATH.

    Raises RootError when there is none.
    """
    if "/" in program:
        if os.path.isfile(program):
            return os.path.abspath(program)
        raise RootError("there is no such program", program)
    directories = f"{os.environ.get('PATH', '')}:{_PROGRAM_DIRECTORIES}"
    if found := shutil.which(program, path=directories):
        return os.path.abspath(found)
    raise RootError(
        f"there is no program {program!r} on this machine", hint="install it, or give a path"
    )


def files_of(program: str) -> list[str]:
    """What must be in a root for `program` to run: itself, its loader, its libraries.

    A script needs its interpreter, and what that one needs.
    """
    files = [program]
    while interpreter := script_interpreter(files[-1]):
        files.append(interpreter)
        if len(files) > _MOST_INTERPRETERS:
            raise RootError("is a script run by a script, without end", program)
    return [*files, *libraries_of(files[-1])]


def script_interpreter(program: str) -> str:
    """The program that runs the script `program`; "" if it is no script.

    Source: execve(2), "Interpreter scripts".
    """
    try:
        with open(program, "rb") as stream:
            start = stream.read(256)
    except OSError as problem:
        raise _root_error(problem, program) from None
    words = start.split(b"\n")[0].removeprefix(b"#!").split()
    if not start.startswith(b"#!") or not words:
        return ""
    return find_program(os.path.join("/", os.fsdecode(words[0])))


def copy_into(root: str, path: str) -> list[str]:
    """Copy the file `path` to the same path below `root`; returns the paths made.

    The way to the file is walked as the kernel walks it: a symbolic link is made
    anew in the root, and its target copied too. Raises OSError.
    Source: path_resolution(7).
    """
    os.stat(path)  # the kernel finds loops and missing files for us
    made, here, parts = [], "", path.split("/")
    while parts:
        part = parts.pop(0)
        at = os.path.dirname(here).rstrip("/") if part == ".." else f"{here}/{part}"
        if part in ("", "."):
            continue
        if os.path.islink(at):
            target = os.readlink(at)
            parts = target.split("/") + parts
            here = "" if target.startswith("/") else here
        else:
            here = at
        if part != ".." and _copy_one(at, root + at):
            made.append(at)
    return made


def _copy_one(source: str, target: str) -> bool:
    """Make `target` what `source` is: link, directory (empty) or file; False if it is there."""
    if os.path.lexists(target):
        return False
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
    elif os.path.isdir(source):
        os.mkdir(target)
        os.chmod(target, 0o755)
    else:
        shutil.copyfile(source, target)
        # no setuid bit: whoever is root inside needs none
        os.chmod(target, stat.S_IMODE(os.stat(source).st_mode) & 0o755)
        explain.emit("note", f"copy {source}", size=os.path.getsize(source))
    return True


def add_basics(root: str) -> list[str]:
    """Add what programs expect to be there: /tmp, /etc/passwd, the links of a merged /usr, …

    The loader finds libraries outside its own directories by /etc/ld.so.cache
    (musl: /etc/ld-musl-ARCH.path), so that is copied too, for a loader that is in `root`.
    Returns the paths made.
    """
    needed = [path for path in glob.glob("/*bin") + glob.glob("/lib*") if os.path.islink(path)]
    for path in glob.glob("/etc/ld-musl-*.path"):
        if glob.glob(f"{glob.escape(root)}/lib/{os.path.basename(path).removesuffix('.path')}.so*"):
            needed.append(path)
    here = filter(os.path.exists, [*needed, "/etc/ld.so.cache"])
    made = [path for file in here for path in copy_into(root, file)]
    for name, mode in _DIRECTORIES.items():
        os.makedirs(f"{root}/{name}", exist_ok=True)
        os.chmod(f"{root}/{name}", mode)
    for name, text in _FILES.items():
        if not os.path.lexists(f"{root}/{name}"):
            with open(f"{root}/{name}", "w", encoding="utf-8") as stream:
                stream.write(text)
            os.chmod(f"{root}/{name}", 0o644)
    return [*made, *(f"/{name}" for name in (*_DIRECTORIES, *_FILES))]
