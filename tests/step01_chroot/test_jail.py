"""jail.py, each function in a process that is thrown away; seen from inside and from outside."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from minicontainer.step01_chroot.rootfs import build_root
from tests.programs import needs_namespaces
from tests.step01_chroot.throwaway import answer, command, play
from tests.waiting import until

pytestmark = needs_namespaces


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("jail") / "root")
    build_root(path, ["/bin/sh", "cat", "ls"])
    return path


# run


@pytest.mark.parametrize(
    ("shell", "status"),
    [("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -9 $$", 137), ("kill -TERM $$", 143)],
)
def test_run_returns_what_a_shell_would(shell, status):
    assert answer("print(run(['sh', '-c', sys.argv[1]]))", shell) == str(status)


def test_run_passes_arguments_and_output_on():
    told = answer("""run(["sh", "-c", 'printf "%s;" "$0" "$@"', "a b", "", "*"])""")
    assert told == "a b;;*;"


@pytest.mark.parametrize(
    ("program", "status", "message"),
    [
        ("no-such-program", 127, "no-such-program: No such file or directory"),
        ("/etc/passwd", 126, "/etc/passwd: Permission denied"),
        ("/tmp", 126, "/tmp: Permission denied"),
    ],
)
def test_run_of_what_cannot_be_started(program, status, message):
    # A directory of PATH that one may not search would make the answer 126.
    environment = {**os.environ, "PATH": "/usr/bin:/bin"}
    done = play("print(run([sys.argv[1]])); print('once')", program, env=environment)
    assert done.stdout.split() == [str(status), "once"]
    assert done.stderr.strip() == message


def test_run_never_goes_on_as_a_second_process():
    done = play("print(run(['sh', '\\0'])); print(run([]) if 0 else 'once')")
    assert done.stdout.split() == ["126", "once"]


def test_a_broken_pipe_ends_what_was_run():
    code = """
    readable, writable = os.pipe()
    os.close(readable)
    os.dup2(writable, 1)
    status = run(["sh", "-c", "echo hello"])
    print(status, file=sys.stderr)
    os._exit(0)
    """
    assert play(code).stderr.strip() == str(128 + signal.SIGPIPE)


def test_run_in_a_root(root):
    code = (
        "own_namespaces(); run(['/bin/sh', '-c', 'pwd; echo /*'], sys.argv[1]); print(os.getcwd())"
    )
    assert answer(code, root).splitlines() == [
        "/",
        " ".join(f"/{name}" for name in sorted(os.listdir(root))),
        os.getcwd(),
    ]


def test_run_in_a_root_that_is_not_there(tmp_path):
    done = play("own_namespaces(); print(run(['/bin/sh'], sys.argv[1]))", tmp_path / "no")
    assert done.stdout.strip() == "127"
    assert f"{tmp_path}/no: No such file or directory" in done.stderr


# enter_root and escape


def test_enter_root_leaves_no_way_up(root):
    code = """
    own_namespaces()
    enter_root(sys.argv[1])
    print(os.getcwd(), os.path.samefile("..", "/"), os.path.exists(sys.argv[1]))
    """
    assert answer(code, root) == "/ True False"


def test_without_the_right_to_chroot():
    code = """
    own_namespaces()
    linux.capset(0, 0, 0)
    try:
        enter_root("/tmp")
    except PermissionError as problem:
        print(problem.filename)
    """
    assert answer(code) == "/tmp"


def test_escape_leads_out_of_chroot(root, tmp_path):
    (tmp_path / "outside").write_text("outside")
    code = """
    own_namespaces()
    enter_root(sys.argv[1])
    before = os.path.exists(sys.argv[2])
    escape()
    print(before, open(sys.argv[2]).read(), os.path.samefile(".", "/"))
    """
    assert answer(code, root, tmp_path / "outside") == "False outside True"
    assert not os.path.exists(f"{root}/door")


def test_escape_leads_out_of_a_jail_in_a_jail(root, tmp_path):
    (tmp_path / "outside").write_text("outside")
    code = """
    own_namespaces()
    enter_root(sys.argv[1])
    enter_root("/usr")
    escape()
    print(open(sys.argv[2]).read())
    """
    assert answer(code, root, tmp_path / "outside") == "outside"


# mount_private and pivot


def test_a_private_mount_is_not_seen_outside(tmp_path):
    code = """
    user = linux.CLONE_NEWUSER if os.geteuid() != 0 else 0
    new_namespaces(user | linux.CLONE_NEWNS)
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_SHARED)  # as systemd has it
    for private in (False, True):
        pid = os.fork()
        if pid == 0:
            linux.unshare(linux.CLONE_NEWNS)
            if private:
                mount_private()
            linux.mount("tmpfs", sys.argv[1], "tmpfs")
            os._exit(0)
        os.waitpid(pid, 0)
        print(sys.argv[1] in mounts())
        if sys.argv[1] in mounts():
            linux.umount2(sys.argv[1])
    """
    assert answer(code, tmp_path).split() == ["True", "False"]
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()


def test_pivot_stops_the_escape(root, tmp_path):
    (tmp_path / "outside").write_text("outside")
    code = """
    own_namespaces()
    pivot(sys.argv[1])
    print(os.getcwd(), sorted(os.listdir("/")) == sorted(os.listdir(".")), flush=True)
    escape()
    print(os.path.exists(sys.argv[2]), os.path.exists("/bin/sh"), flush=True)
    sys.exit(run(["/bin/sh", "-c", "ls -d /etc"]))
    """
    told = answer(code, root, tmp_path / "outside").splitlines()
    assert told == ["/ True", "False True", "/etc"]
    assert root not in Path("/proc/self/mountinfo").read_text()


def test_pivot_leaves_one_mount(root):
    code = """
    own_namespaces()
    os.mkdir(sys.argv[1] + "/proc/new")
    linux.mount("/proc", sys.argv[1] + "/proc/new", None, linux.MS_BIND | linux.MS_REC)
    pivot(sys.argv[1])
    with open("/proc/new/self/mountinfo") as stream:
        places = [line.split()[4] for line in stream]
    print([place for place in places if not place.startswith("/proc/new")])
    """
    assert answer(code, root) == "['/']"


# new_namespaces


def test_in_a_user_namespace_we_are_root_and_outside_who_we_were(tmp_path):
    code = """
    new_namespaces(linux.CLONE_NEWUSER)
    print(os.getuid(), os.getgid(), open("/proc/self/setgroups").read().strip())
    print(open("/proc/self/uid_map").read().split(), open("/proc/self/gid_map").read().split())
    open(sys.argv[1], "w").close()
    """
    first, second = answer(code, tmp_path / "mine").splitlines()
    assert first == "0 0 deny"
    assert second == f"['0', '{os.geteuid()}', '1'] ['0', '{os.getegid()}', '1']"
    assert (tmp_path / "mine").stat().st_uid == os.geteuid()


def test_in_a_pid_namespace_we_are_process_1():
    code = """
    user = linux.CLONE_NEWUSER if os.geteuid() != 0 else 0
    outside = os.getpid()
    new_namespaces(user | linux.CLONE_NEWPID)
    print(os.getpid(), os.getpid() == outside)
    sys.exit(run(["sh", "-c", "exit 9"]))
    """
    done = play(code)
    assert (done.stdout, done.returncode) == ("1 False\n", 9)


def test_other_namespaces_are_other_ones():
    code = """
    names = {"uts": linux.CLONE_NEWUTS, "ipc": linux.CLONE_NEWIPC, "net": linux.CLONE_NEWNET}
    before = {name: os.readlink(f"/proc/self/ns/{name}") for name in names}
    user = linux.CLONE_NEWUSER if os.geteuid() != 0 else 0
    new_namespaces(user | sum(names.values()))
    linux.sethostname("jail")
    print(os.uname().nodename, [os.readlink(f"/proc/self/ns/{n}") == before[n] for n in names])
    """
    assert answer(code) == "jail [False, False, False]"
    assert os.uname().nodename != "jail"


_SLEEPER = """
user = linux.CLONE_NEWUSER if os.geteuid() != 0 else 0
new_namespaces(user | linux.CLONE_NEWPID)
print(os.readlink("/proc/self"), flush=True)  # /proc is the outer one: our pid out there
signal.pause()
"""


def test_a_signal_to_process_1_is_reported_as_a_shell_does():
    with subprocess.Popen(command(_SLEEPER), stdout=subprocess.PIPE, text=True) as outer:
        os.kill(int(outer.stdout.readline()), signal.SIGKILL)
        assert outer.wait(60) == 137


def test_process_1_does_not_outlive_the_caller():
    with subprocess.Popen(command(_SLEEPER), stdout=subprocess.PIPE, text=True) as outer:
        inner = int(outer.stdout.readline())
        outer.kill()
        outer.wait(60)
        assert outer.stdout.read() == ""  # its end: nobody holds the pipe any more
    assert until(lambda: not _is_alive(inner)), "process 1 lives on"


def _is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
