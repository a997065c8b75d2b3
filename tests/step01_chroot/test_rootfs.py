"""build_root: what it copies works inside, and a failure leaves nothing behind."""

import os
import shutil
import stat

import pytest

from minicontainer.errors import MinicontainerError
from minicontainer.step01_chroot import rootfs
from minicontainer.step01_chroot.elf import libraries_of
from minicontainer.step01_chroot.rootfs import RootError, build_root, copy_into
from tests.programs import needs_namespaces
from tests.step01_chroot.throwaway import answer

INSIDE = """
own_namespaces()
sys.exit(run(sys.argv[2:], sys.argv[1]))
"""


@needs_namespaces
def test_its_programs_run_inside(tmp_path):
    root = str(tmp_path / "root")
    build_root(root, ["/bin/sh", "ls", "cat"])
    code = 'ls -d /tmp; cat /etc/passwd | { read line; echo "$line"; }; echo /bin/s*'
    told = answer(INSIDE, root, "/bin/sh", "-c", code).splitlines()
    assert told == ["/tmp", "root:x:0:0:root:/root:/bin/sh", "/bin/sh"]


def test_it_holds_what_it_says_and_each_library_at_its_path(tmp_path):
    root = str(tmp_path / "root")
    held = build_root(root, ["/bin/sh"])
    assert held == sorted(set(held))
    assert all(os.path.lexists(root + path) for path in held)
    for path in ["/bin/sh", *libraries_of("/bin/sh")]:
        with open(path, "rb") as here, open(_inside(root, path), "rb") as there:
            assert here.read() == there.read()
    assert os.path.islink(f"{root}/bin") == os.path.islink("/bin")
    assert stat.S_IMODE(os.stat(f"{root}/tmp").st_mode) == 0o1777


def _inside(root, path):
    """The file that `path` names for a process whose root is `root`."""
    for _ in range(40):
        for part in (path[:i] for i in range(1, len(path) + 1) if path[i : i + 1] in ("/", "")):
            if os.path.islink(root + part):
                target = os.path.join(os.path.dirname(part), os.readlink(root + part))
                path = os.path.normpath(target + path[len(part) :])
                break
        else:
            return root + path
    raise AssertionError("a loop of links")


def test_an_empty_directory_will_do(tmp_path):
    assert "/bin/sh" in " ".join(build_root(str(tmp_path), ["sh"]))


def test_a_full_directory_will_not_and_keeps_its_files(tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(RootError, match="is not empty"):
        build_root(str(tmp_path), ["sh"])
    assert os.listdir(tmp_path) == ["mine"]


@pytest.mark.parametrize("program", ["no-such-program", "/no/such/program", "/etc/passwd", "/"])
@pytest.mark.parametrize("existing", [True, False])
def test_a_failure_leaves_nothing(tmp_path, program, existing):
    root = tmp_path / "root"
    if existing:
        root.mkdir()
    with pytest.raises(MinicontainerError):
        build_root(str(root), ["sh", program])
    assert os.listdir(tmp_path) == (["root"] if existing else [])
    assert not existing or os.listdir(root) == []


def test_an_interruption_leaves_nothing_either(tmp_path, monkeypatch):
    def interrupt(root):
        raise KeyboardInterrupt

    monkeypatch.setattr(rootfs, "add_basics", interrupt)
    with pytest.raises(KeyboardInterrupt):
        build_root(str(tmp_path / "root"), ["sh"])
    assert os.listdir(tmp_path) == []


def test_a_place_that_cannot_be_written_to():
    with pytest.raises(RootError, match="/proc/nowhere"):
        build_root("/proc/nowhere/root", ["sh"])


@needs_namespaces
def test_a_full_disk(tmp_path):
    code = """
    from minicontainer.step01_chroot.rootfs import RootError, build_root
    own_namespaces()
    linux.mount("tmpfs", sys.argv[1], "tmpfs", 0, "size=64k")
    try:
        build_root(sys.argv[1] + "/root", ["sh"])
    except RootError as problem:
        print(problem, os.listdir(sys.argv[1]))
    """
    told = answer(code, tmp_path)
    assert "No space left on device" in told
    assert told.endswith("[]")


def test_a_script_brings_its_interpreter_and_what_that_needs(tmp_path):
    script = tmp_path / "script"
    script.write_text("#! /bin/sh -e\necho hello\n")
    script.chmod(0o755)
    held = build_root(str(tmp_path / "root"), [str(script)])
    assert str(script) in held
    assert {os.path.realpath(path) for path in libraries_of("/bin/sh")} <= set(held)


def test_scripts_without_end(tmp_path):
    script = tmp_path / "script"
    script.write_text(f"#!{script}\n")
    script.chmod(0o755)
    with pytest.raises(RootError, match="without end"):
        build_root(str(tmp_path / "root"), [str(script)])


def test_links_are_made_anew_and_their_targets_copied(tmp_path):
    here, root = tmp_path / "here", tmp_path / "root"
    (here / "real" / "deep").mkdir(parents=True)
    (here / "real" / "file").write_text("hello")
    (here / "absolute").symlink_to(here / "real")
    (here / "relative").symlink_to("absolute/deep/../file")
    root.mkdir()
    copy_into(str(root), str(here / "relative"))
    inside = f"{root}{here}"
    assert os.readlink(f"{inside}/relative") == "absolute/deep/../file"
    assert os.readlink(f"{inside}/absolute") == str(here / "real")
    assert os.path.isdir(f"{inside}/real/deep")
    with open(f"{inside}/real/file") as stream:
        assert stream.read() == "hello"


def test_dots_in_a_path_stay_inside(tmp_path):
    (tmp_path / "root").mkdir()
    copy_into(str(tmp_path / "root"), "/../../bin/./../bin/sh")
    assert os.path.lexists(tmp_path / "root" / "bin" / "sh")
    assert os.listdir(tmp_path) == ["root"]


def test_a_loop_of_links(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links"):
        copy_into(str(tmp_path), str(tmp_path / "a"))


def test_no_setuid_bit_and_nobody_else_may_write(tmp_path):
    program = tmp_path / "program"
    shutil.copyfile("/bin/sh", program)
    program.chmod(0o6777)
    build_root(str(tmp_path / "root"), [str(program)])
    assert stat.S_IMODE(os.stat(f"{tmp_path}/root{program}").st_mode) == 0o755


def test_the_path_file_of_musls_loader_is_for_musl_only(tmp_path, monkeypatch):
    """The search path of a loader that is not in the root is nobody's business there."""
    found = rootfs.glob.glob
    here = tmp_path / "etc/ld-musl-vax.path"
    here.parent.mkdir()
    here.write_text("/lib\n")
    monkeypatch.setattr(
        rootfs.glob, "glob", lambda p: [str(here)] if p.startswith("/etc/ld-musl") else found(p)
    )
    for name, loader in (("glibc", False), ("musl", True)):
        root = tmp_path / name
        (root / "lib").mkdir(parents=True)
        if loader:
            (root / "lib/ld-musl-vax.so.1").touch()
        assert (str(here) in rootfs.add_basics(str(root))) is loader
