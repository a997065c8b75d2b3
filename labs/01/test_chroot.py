"""The checks of lab 01: a process in a directory, how it breaks out, and what holds it."""

import contextlib
import errno
import json
import os
import select
import signal
import sys
from pathlib import Path

from minicontainer import linux
from minicontainer.lib.elf import ElfError
from minicontainer.step01_chroot.elf import libraries_of
from minicontainer.step01_chroot.jail import (
    enter_root,
    escape,
    mount_private,
    new_namespaces,
    pivot,
    run,
)
from minicontainer.step01_chroot.rootfs import RootError, build_root
from minicontainer.workshop.grading.checks import (
    Raised,
    Raises,
    Told,
    apart,
    check,
    expect,
    outcome,
)

from elf_files import make_elf

SHELL = "/bin/sh"

# ---------------------------------------------------------------- run

STATUS = (
    "wait(2): the status that waitpid gives is a packed number; WIFEXITED, WEXITSTATUS,"
    " WIFSIGNALED and WTERMSIG take it apart"
)
SHELLS = (
    'POSIX, Shell Command Language, "Exit Status for Commands": 128 + N for a program ended by'
    " signal N, 127 for one that was not found, 126 for one that could not be executed"
)
ONE_RETURN = (
    "fork(2), execve(2): after fork there are two processes in the same code; exec does not"
    " return unless it fails, and then the child is still there"
)


def run_apart(tmp_path, *arguments):
    """What `run` returned to its caller, and whether a second process came back from it."""
    stray = tmp_path / "stray"
    stray.unlink(missing_ok=True)

    def call():
        caller = os.getpid()
        try:
            return run(*arguments)
        finally:
            if os.getpid() != caller:
                stray.touch()
                os._exit(0)

    found = apart(call)
    return found, stray.exists()


@check("run", points=1, rule=STATUS)
def test_run_gives_the_exit_status(tmp_path):
    """the program's exit status is returned"""
    for status in (7, 0):
        argv = [SHELL, "-c", f"exit {status}"]
        found, _ = run_apart(tmp_path, argv)
        expect(
            found,
            status,
            story=f"run({argv})",
            mistakes={
                "wait-status": found == status << 8,
                "program-name-left-out": found in (2, 127),
            },
        )


@check("run", points=1, rule='execve(2); environ(7), "PATH": a name without "/" is looked for')
def test_run_looks_in_path(tmp_path):
    """a program is found by its name alone"""
    found, _ = run_apart(tmp_path, ["sh", "-c", "exit 3"])
    mistakes = {"path-not-searched": found == 127}
    expect(found, 3, story="run(['sh', '-c', 'exit 3'])", mistakes=mistakes)


@check("run", points=2, rule=SHELLS)
def test_run_counts_signals_from_128(tmp_path):
    """a program that a signal ended counts as 128 + the signal"""
    for number in (signal.SIGKILL, signal.SIGTERM):
        found, _ = run_apart(tmp_path, [SHELL, "-c", f"kill -{number:d} $$"])
        expect(
            found,
            128 + number,
            story=f"a program was run that signal {number:d} ({number.name}) ended",
            mistakes={
                "minus-nine": found == -number,
                "bare-signal": found == number,
                "killed-counts-as-success": found == 0,
            },
        )

    def with_core():
        plain = os.waitpid

        def waitpid(pid, options):
            pid, status = plain(pid, options)
            return pid, status | 0x80 if os.WIFSIGNALED(status) else status

        os.waitpid = waitpid
        return run_apart(tmp_path, [SHELL, "-c", "kill -SEGV $$"])[0]

    found = apart(with_core)
    expect(
        found,
        139,
        story="signal 11 (SIGSEGV) ended the program, and it left a core dump, of which another bit"
        " of the status tells",
        mistakes={"core-bit-counted": found == 267},
    )


@check("run", points=2, rule=SHELLS)
def test_run_of_what_cannot_be_started(tmp_path):
    """127 for a program that is not there, 126 for one that can't be started"""
    plain = tmp_path / "plain"
    plain.write_text("no program\n")
    plain.chmod(0o644)
    for program, status in ((tmp_path / "nothing-here", 127), (plain, 126)):
        found, stray = run_apart(tmp_path, [str(program)])
        what = "that does not exist" if status == 127 else "that is not executable"
        expect(
            found,
            status,
            story=f"run was told to run a file {what}",
            mistakes={
                "no-exit-after-failed-exec": stray,
                "always-127": status == 126 and found == 127,
            },
        )


TELLS = (
    'POSIX, Shell Command Language, "Command Search and Execution": where nothing is found, the'
    " shell writes an error message"
)


@check("run", points=1, rule=TELLS)
def test_run_says_why(tmp_path):
    """one line on standard error says what could not be started"""
    told = tmp_path / "told"

    def call():
        os.dup2(os.open(told, os.O_WRONLY | os.O_CREAT, 0o600), 2)
        return run_apart(tmp_path, [str(tmp_path / "nothing-here"), "-x"])

    apart(call)
    line = told.read_text().strip()
    named, reason = "nothing-here" in line, "No such file or directory" in line
    expect(
        line,
        line if named and reason and "Traceback" not in line else None,
        story="run was told to run a file that does not exist; standard error was read",
        shown="the name of the program and “No such file or directory”",
        mistakes={"says-nothing": line == "", "program-not-named": reason and not named},
    )


@check("run", points=2, rule=ONE_RETURN)
def test_run_returns_once(tmp_path):
    """whatever goes wrong in the child, only the caller comes back"""
    for argv, what in (
        ([str(tmp_path)], "a directory, which is no program"),
        ([SHELL, "\0"], "with an argument that no program can have: '\\0'"),
    ):
        found, stray = run_apart(tmp_path, argv)
        expect(
            "the caller, and its child too" if stray else "the caller alone",
            "the caller alone",
            story=f"run was told to run {what}; who returns from it?",
            mistakes={"no-exit-after-failed-exec": stray},
        )
        expect(found, 126, story=f"run was told to run {what}")


@check("run", points=1, rule="wait(2): waitpid(pid) waits for that child, wait() for any child")
def test_run_waits_for_its_own_child(tmp_path):
    """it waits for this child, not for any"""

    def call():
        other = os.fork()
        if other == 0:
            os._exit(3)
        os.waitid(os.P_PID, other, os.WEXITED | os.WNOWAIT)
        return run_here([SHELL, "-c", "exit 7"])

    found = apart(call)
    expect(
        found,
        7,
        story="another child of the caller had ended with status 3 before; run(… 'exit 7')",
        mistakes={"waits-for-any": found == 3},
    )


@check("run", points=1, rule="signal(7), execve(2): signals that are ignored stay so across exec")
def test_run_gives_sigpipe_back(tmp_path):
    """SIGPIPE ends the program, as it would in a shell; for the caller nothing changes"""
    argv = [SHELL, "-c", "kill -PIPE $$; exit 0"]
    found, _ = run_apart(tmp_path, argv)
    mistakes = {"sigpipe-ignored": found == 0}
    expect(found, 128 + signal.SIGPIPE, story=f"run({argv})", mistakes=mistakes)

    def look():
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        run_here([SHELL, "-c", "exit 0"])
        return signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN

    expect(
        apart(look),
        True,
        story="after run(…), does the caller still ignore SIGPIPE, as it did before?",
        mistakes={"sigpipe-for-the-caller": True},
    )


@check("run", points=2, rule="chroot(2): a child inherits the root; the parent's does not change")
def test_run_in_a_root(tmp_path):
    """the program lives in the root; the caller stays outside"""
    root = tmp_path / "root"
    root.mkdir()
    (root / "sign").write_text("inside")

    def call():
        bind_programs(root)
        os.chdir(tmp_path)
        script = 'read sign < /sign; test "$sign" = inside && exit 5'
        found, _ = run_apart(tmp_path, [SHELL, "-c", script], str(root))
        return {"the program found /sign": found == 5, "status": found}

    found = apart(call)
    expect(
        found,
        {"the program found /sign": True, "status": 5},
        story="run([sh, '-c', 'read /sign and exit 5'], root), where root holds the file sign",
        mistakes={"root-ignored": lambda: not found["the program found /sign"]},
    )

    def look():
        bind_programs(root)
        run_here([SHELL, "-c", "exit 0"], str(root))
        return os.path.exists(tmp_path)

    expect(
        apart(look),
        True,
        story="after run(…, root) the caller looks for a file outside of the root",
        shown="it is there",
        mistakes={"caller-enters-root": True},
    )
    found, _ = run_apart(tmp_path, [SHELL, "-c", "exit 5"], "")
    expect(
        found,
        127,
        story="run([sh, '-c', 'exit 5'], ''): a root is given, but no directory has the name ''",
        mistakes={"empty-is-no-root": found == 5},
    )


def run_here(*arguments):
    """Call `run` in this process; a second process that comes back ends here."""
    caller = os.getpid()
    try:
        return run(*arguments)
    finally:
        if os.getpid() != caller:
            os._exit(0)


def bind_programs(root):
    """Show this machine's programs and libraries in `root`, in a mount namespace of our own."""
    linux.unshare(linux.CLONE_NEWNS)
    for name in ("usr", "bin", "sbin", "lib", "lib32", "lib64", "nix", "gnu"):
        if os.path.islink(f"/{name}"):
            with contextlib.suppress(FileExistsError):
                os.symlink(os.readlink(f"/{name}"), root / name)
        elif os.path.isdir(f"/{name}"):
            (root / name).mkdir(exist_ok=True)
            linux.mount(f"/{name}", root / name, None, linux.MS_BIND | linux.MS_REC)


# ---------------------------------------------------------------- libraries_of

LOADER = (
    "execve(2), ld.so(8): a program names its loader (PT_INTERP), which the kernel starts in its"
    " stead; the loader finds the libraries (DT_NEEDED), and the libraries of these"
)


def under(directory, found):
    """Paths below `directory` as …/NAME; anything else as it is."""
    if not isinstance(found, list):
        return found
    return [str(path).replace(f"{directory}/", "…/") for path in found]


def listed(found):
    """What is in a list; nothing where it is none."""
    return found if isinstance(found, list) else []


@check("libraries_of", points=2, rule=LOADER)
def test_loader_and_libraries(tmp_path):
    """the loader comes first, then the libraries"""
    loader = make_elf(tmp_path / "ld.so")
    for name in ("liba.so", "libb.so"):
        make_elf(tmp_path / name)
    program = make_elf(tmp_path / "program", ["liba.so", "libb.so"], loader, "$ORIGIN")
    found = under(tmp_path, outcome(libraries_of, program))
    expect(
        found,
        ["…/ld.so", "…/liba.so", "…/libb.so"],
        story="a program with the loader ld.so needs liba.so and libb.so",
        mistakes={
            "missing-loader": found == ["…/liba.so", "…/libb.so"],
            "names-not-paths": "liba.so" in listed(found),
            "only-the-loader": found == ["…/ld.so"],
        },
    )


@check("libraries_of", points=2, rule=LOADER)
def test_libraries_of_libraries(tmp_path):
    """libraries need libraries; each is searched for where the one that needs it says"""
    loader = make_elf(tmp_path / "ld.so")
    make_elf(tmp_path / "lib/liba.so", ["libc.so"], runpath="$ORIGIN/deep")
    make_elf(tmp_path / "lib/libb.so", ["libd.so"], runpath="$ORIGIN")
    make_elf(tmp_path / "lib/deep/libc.so")
    make_elf(tmp_path / "lib/libd.so")
    program = make_elf(tmp_path / "program", ["liba.so", "libb.so"], loader, "$ORIGIN/lib")
    found = under(tmp_path, outcome(libraries_of, program))
    expect(
        found,
        ["…/ld.so", "…/lib/liba.so", "…/lib/libb.so", "…/lib/deep/libc.so", "…/lib/libd.so"],
        story="program needs liba.so and libb.so; libb.so needs libd.so, and liba.so needs libc.so,"
        " for which it names a directory that the program does not name",
        mistakes={
            "direct-needs-only": found == ["…/ld.so", "…/lib/liba.so", "…/lib/libb.so"],
            "depth-first": found
            == [
                "…/ld.so",
                "…/lib/liba.so",
                "…/lib/deep/libc.so",
                "…/lib/libb.so",
                "…/lib/libd.so",
            ],
            "searched-for-the-program": found == Raises(ElfError),
        },
    )


@check("libraries_of", points=1, rule=LOADER)
def test_each_once(tmp_path):
    """a file that is needed twice is there once, and a circle ends"""
    loader = make_elf(tmp_path / "ld.so")
    make_elf(tmp_path / "liba.so", ["libb.so", "libc.so"], runpath="$ORIGIN")
    make_elf(tmp_path / "libb.so", ["libc.so"], runpath="$ORIGIN")
    make_elf(tmp_path / "libc.so")
    program = make_elf(tmp_path / "program", ["liba.so", "libc.so"], loader, "$ORIGIN")
    found = under(tmp_path, outcome(libraries_of, program))
    expect(
        found,
        ["…/ld.so", "…/liba.so", "…/libc.so", "…/libb.so"],
        story="program needs liba.so and libc.so; liba.so needs libb.so and libc.so; so does libb",
        mistakes={"found-twice": len(listed(found)) > len(set(listed(found)))},
    )
    make_elf(tmp_path / "libc.so", ["liba.so"], runpath="$ORIGIN")
    found = under(tmp_path, outcome(libraries_of, program))
    story = "now libc.so needs liba.so: a circle"
    expect(found, ["…/ld.so", "…/liba.so", "…/libc.so", "…/libb.so"], story=story)


@check("libraries_of", points=1, rule=LOADER)
def test_the_loader_as_a_library(tmp_path):
    """a library that asks for the loader by name gets the one that runs"""
    loader = make_elf(tmp_path / "run/ld.so")
    make_elf(tmp_path / "lib/ld.so")
    make_elf(tmp_path / "lib/libc.so", ["ld.so"], runpath="$ORIGIN")
    program = make_elf(tmp_path / "program", ["libc.so"], loader, "$ORIGIN/lib")
    found = under(tmp_path, outcome(libraries_of, program))
    expect(
        found,
        ["…/run/ld.so", "…/lib/libc.so"],
        story="the program's loader is run/ld.so; libc.so needs ld.so, and lib/ld.so is there too",
        mistakes={"loader-twice": "…/lib/ld.so" in listed(found)},
    )


@check("libraries_of", points=1, rule="musl: its loader is its libc too, under several names")
def test_libc_inside_the_loader(tmp_path):
    """a library that is a part of the loader is no file of its own"""
    loader = make_elf(tmp_path / "ld-musl-x86_64.so.1")
    make_elf(tmp_path / "liba.so", ["libc.musl-x86_64.so.1"], runpath="$ORIGIN")
    program = make_elf(tmp_path / "program", ["liba.so"], loader, "$ORIGIN")
    found = under(tmp_path, outcome(libraries_of, program))
    expect(
        found,
        ["…/ld-musl-x86_64.so.1", "…/liba.so"],
        story="program and liba.so as on Alpine: the loader is ld-musl-x86_64.so.1, and liba.so"
        " needs libc.musl-x86_64.so.1, which is a part of it",
        mistakes={"libc-sought-as-a-file": found == Raises(ElfError)},
    )


@check("libraries_of", points=1, rule=LOADER)
def test_static_programs(tmp_path):
    """a static program needs nothing"""
    found = outcome(libraries_of, make_elf(tmp_path / "program"))
    expect(
        found,
        [],
        story="a static program: it names no loader and no library",
        mistakes={"loader-taken-for-granted": isinstance(found, Raised) or found == [""]},
    )


@check("libraries_of", points=1, rule="ld.so(8): without a library that it needs no program starts")
def test_a_library_that_is_not_there(tmp_path):
    """a library that is not to be found is not passed over"""
    loader = make_elf(tmp_path / "ld.so")
    make_elf(tmp_path / "liba.so", ["libnowhere.so"], runpath="$ORIGIN")
    program = make_elf(tmp_path / "program", ["liba.so"], loader, "$ORIGIN")
    found = outcome(libraries_of, program)
    expect(
        found if isinstance(found, Raised) else under(tmp_path, found),
        Raises(ElfError),
        story="program needs liba.so, which needs libnowhere.so, which is not on this machine",
        mistakes={"missing-library-passed-over": isinstance(found, list)},
    )


# ---------------------------------------------------------------- build_root

ROOT = (
    'path_resolution(7), execve(2), hier(7): inside, "/" is the new root; every path that a'
    " program asks for must be there, the same as it is outside"
)


def below(root):
    """The paths of all that is in `root`, as seen from inside."""
    return {f"/{path.relative_to(root)}" for path in Path(root).rglob("*")}


@check("build_root", points=2, rule=ROOT)
def test_program_with_its_libraries(tmp_path):
    """the program, its loader and its libraries lie at their own paths"""
    loader = make_elf(tmp_path / "from/ld.so")
    make_elf(tmp_path / "from/liba.so")
    program = make_elf(tmp_path / "from/program", ["liba.so"], loader, "$ORIGIN")
    root = tmp_path / "root"
    held = outcome(build_root, str(root), [program])
    expect(
        held if isinstance(held, Raised) else "a list",
        "a list",
        story="build_root(root, [program])",
        shown="a list of paths",
        mistakes={"root-not-made": isinstance(held, Raised) and held.kind == "FileNotFoundError"},
    )
    there = below(root)
    wanted = {name: f"{tmp_path}/from/{name}" for name in ("program", "ld.so", "liba.so")}
    expect(
        {name: path in there for name, path in wanted.items()},
        dict.fromkeys(wanted, True),
        story="a program with a loader and a library; which of them are in root, at the same path?",
        mistakes={
            "libraries-forgotten": wanted["program"] in there and wanted["liba.so"] not in there,
            "copied-flat": lambda: any(os.path.basename(path) == "liba.so" for path in there),
        },
    )
    by_name = tmp_path / "by-name"

    def call():
        os.environ["PATH"] = str(tmp_path / "from")
        return build_root(str(by_name), ["program"]) and f"{tmp_path}/from/program" in below(by_name)

    (tmp_path / "from/program").chmod(0o755)
    found = apart(call)
    expect(
        found,
        True,
        story="the program lies in a directory of PATH; build_root(root, ['program']); is it there?",
        mistakes={"name-not-looked-up": isinstance(found, Raised)},
    )


@check("build_root", points=1, rule=ROOT)
def test_links_stay_links(tmp_path):
    """a symbolic link on the way to a file is kept"""
    make_elf(tmp_path / "usr/program")
    (tmp_path / "bin").symlink_to("usr")
    root = tmp_path / "root"
    outcome(build_root, str(root), [f"{tmp_path}/bin/program"])
    inside = f"{root}{tmp_path}"
    expect(
        {
            "bin": os.path.islink(f"{inside}/bin") and os.readlink(f"{inside}/bin"),
            "usr/program": os.path.isfile(f"{inside}/usr/program"),
        },
        {"bin": "usr", "usr/program": True},
        story="the program bin/program, where bin is a link to usr",
        mistakes={"link-lost": lambda: os.path.isdir(f"{inside}/bin")},
    )


@check("build_root", points=1, rule=ROOT)
def test_what_every_program_expects(tmp_path):
    """the root also holds what programs expect; all paths are returned, sorted"""
    root = tmp_path / "root"
    held = outcome(build_root, str(root), [make_elf(tmp_path / "program")])
    there = below(root)
    expect(
        {path: path in there for path in ("/etc/passwd", "/tmp", "/proc")},
        {"/etc/passwd": True, "/tmp": True, "/proc": True},
        story="build_root was called for one static program; is this in the root?",
        mistakes={"basics-forgotten": True},
    )
    expect(
        held,
        sorted(there),
        story="what build_root returned, and what is in the root",
        mistakes={
            "lists-in-a-list": any(isinstance(path, list) for path in listed(held)),
            "path-held-twice": lambda: len(held) > len(set(held)),
        },
    )


@check("build_root", points=2, rule="after a failure nothing is left behind (its docstring)")
def test_all_or_nothing(tmp_path):
    """after a failure nothing is left, and what was there before is not touched"""
    root = tmp_path / "root"
    found = outcome(build_root, str(root), [make_elf(tmp_path / "program"), "/no/such/program"])
    expect(found, Raises(RootError), story="the second of two programs does not exist")
    left = sorted(below(root)) if root.exists() else "nothing"
    expect(
        left,
        "nothing",
        story="the second of two programs does not exist; what is left of the root?",
        mistakes={"half-a-root-left": True},
    )
    root.mkdir()
    (root / "thesis.txt").write_text("three years of work")
    found = outcome(build_root, str(root), [make_elf(tmp_path / "program")])
    expect(
        found,
        Raises(RootError),
        story="the directory holds somebody's file",
        mistakes={"half-a-root-left": not isinstance(found, Raised)},
    )
    expect(sorted(below(root)), ["/thesis.txt"], story="the directory held somebody's file")


# ---------------------------------------------------------------- enter_root

CHROOT = (
    "chroot(2): it changes where paths that begin with / start; it does not change the current"
    " working directory, which may then lie outside"
)


def in_jail(tmp_path, root):
    """Call `enter_root`, standing outside of it; what can be seen then."""
    (tmp_path / "jail").mkdir(exist_ok=True)
    (tmp_path / "jail/inside").touch()
    (tmp_path / "secret").touch()

    def call():
        os.chdir(tmp_path)
        enter_root(root)
        return {
            "/ holds": sorted(os.listdir("/"))[:5],
            "the secret can be opened": any(map(os.path.exists, ("secret", "../secret"))),
            "the current directory": current_directory(),
        }

    return apart(call)


def current_directory():
    try:
        found = os.getcwd()
    except FileNotFoundError:
        return "outside"
    return "outside" if found.startswith("(unreachable)") else found


@check("enter_root", points=1, rule=CHROOT)
def test_the_root_is_another(tmp_path):
    """/ is the directory that was given"""
    found = in_jail(tmp_path, str(tmp_path / "jail"))
    seen = found if isinstance(found, Raised) else found["/ holds"]
    expect(
        seen,
        ["inside"],
        story="enter_root(jail), where jail holds the file inside; what is in / then?",
        mistakes={
            "chdir-by-the-outer-path": isinstance(found, Raised)
            and found.kind == "FileNotFoundError",
            "chdir-is-no-root": not isinstance(found, Raised) and "inside" not in seen,
        },
    )


@check("enter_root", points=2, rule=CHROOT)
def test_no_way_back_by_the_current_directory(tmp_path):
    """nothing outside can be reached from where we stand"""
    found = in_jail(tmp_path, "jail")
    seen = (
        found if isinstance(found, Raised) else {k: v for k, v in found.items() if k != "/ holds"}
    )
    expect(
        seen,
        {"the secret can be opened": False, "the current directory": "/"},
        story="outside of the jail lies the file secret; we stand beside it, and"
        " enter_root('jail') is called",
        mistakes={
            "chdir-by-the-outer-path": isinstance(found, Raised),
            "chroot-without-chdir": lambda: seen["the secret can be opened"],
        },
    )


@check("enter_root", points=1, rule="chroot(2): without CAP_SYS_CHROOT the call fails with EPERM")
def test_a_failure_is_not_hidden(tmp_path):
    """where it can't be done, an error is raised"""

    found = powerless(enter_root, str(tmp_path))
    expect(
        found,
        Raises(PermissionError),
        story="a process without CAP_SYS_CHROOT called enter_root",
        mistakes={"failure-hidden": not isinstance(found, Raised)},
    )


def powerless(function, *arguments):
    """What comes of the call in a process that may not do what it asks for."""

    def call():
        linux.capset(0, 0, 0)
        return function(*arguments)

    return apart(call)


# ---------------------------------------------------------------- escape

ESCAPE = (
    'chroot(2), "NOTES": the call does not change the current directory, so that root can leave'
    " by making a new root below itself and going up from outside of it"
)


def identity(path):
    """Which directory `path` is, whatever it is called from here."""
    found = os.stat(path)
    return [found.st_dev, found.st_ino]


def escaped(tmp_path, jails=1):
    """Where we are after `escape` out of so many jails, one in the other."""
    jail = tmp_path / "deep" / "deeper" / "jail"
    for directory in (jail / "jail", jail / "work"):
        directory.mkdir(parents=True, exist_ok=True)
    secret = tmp_path / "secret"
    secret.write_text("outside")
    on_the_way = [identity(directory) for directory in list(jail.parents)[:-1]]
    machine = identity("/")

    def call():
        for _ in range(jails):
            os.chroot(jail if _ == 0 else "/jail")
            os.chdir("/")
        own = identity("/")
        escape()
        root, here = identity("/"), identity(".")
        return {
            "the secret": secret.read_text() if secret.exists() else "not to be found",
            "/ is": _which(root, machine, own, on_the_way),
            "we stand in": _which(here, machine, own, on_the_way),
        }

    return apart(call), jail


def _which(place, machine, jail, on_the_way):
    if place == machine:
        return "the machine's root"
    if place == jail:
        return "the jail"
    return "a directory above the jail" if place in on_the_way else "a directory below the jail"


def escape_mistakes(found):
    if isinstance(found, Raised):
        missing, names_a_path = found.kind == "FileNotFoundError", "'" in str(found.error)
        return {
            "door-removed-too-late": getattr(found.error, "errno", None) == errno.EROFS,
            "getcwd-asked": missing and not names_a_path,
            "door-by-its-old-name": missing and names_a_path,
        }
    root, here = found["/ is"], found["we stand in"]
    return {
        "dotdot-alone": root == "the jail",
        "last-chroot-forgotten": root == "a directory below the jail" != here,
        "moved-into-the-door": root == here == "a directory below the jail",
        "one-step-up": root == "a directory above the jail",
    }


@check("escape", points=3, rule=ESCAPE)
def test_escape(tmp_path):
    """/ is the machine's root again"""
    found, _ = escaped(tmp_path)
    expect(
        found,
        {
            "the secret": "outside",
            "/ is": "the machine's root",
            "we stand in": "the machine's root",
        },
        story="in a jail some directories below the machine's /, escape() was called",
        mistakes=escape_mistakes(found),
    )


@check("escape", points=1, rule=ESCAPE)
def test_escape_from_a_jail_in_a_jail(tmp_path):
    """a jail in a jail does not hold either"""
    found, _ = escaped(tmp_path, jails=2)
    seen = found if isinstance(found, Raised) else found["/ is"]
    expect(
        seen,
        "the machine's root",
        story="in a jail that lies in a jail, escape() was called; what is / now?",
        mistakes=escape_mistakes(found),
    )


@check("escape", points=1, rule="a good burglar leaves no trace (its docstring)")
def test_escape_leaves_nothing(tmp_path):
    """no directory is left behind in the jail"""
    found, jail = escaped(tmp_path)
    story = "the jail held the directories jail and work; escape() was called"
    out = found if isinstance(found, Raised) else found["/ is"]
    expect(out, "the machine's root", story=story, mistakes=escape_mistakes(found))
    left = sorted(os.listdir(jail))
    expect(left, ["jail", "work"], story=story, mistakes={"door-left": True})


# ---------------------------------------------------------------- mount_private

SUBTREES = (
    'mount_namespaces(7), "SHARED SUBTREES": what is mounted on a shared mount appears on all its'
    " peers, also in other namespaces; a slave still receives, a private mount does neither"
)


def travels(tmp_path):
    """Mounts made inside and outside after `mount_private`: who sees what."""
    part = tmp_path / "disk"
    places = {name: part / name for name in ("inside", "outside")}

    def call():
        linux.unshare(linux.CLONE_NEWNS)
        part.mkdir(exist_ok=True)
        linux.mount("tmpfs", part, "tmpfs")
        linux.mount(None, "/", None, linux.MS_REC | linux.MS_SHARED)  # as systemd does
        for place in places.values():
            place.mkdir(exist_ok=True)
        (ready, say_ready), (go_on, say_go) = os.pipe(), os.pipe()
        (answer, say_answer) = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(ready)
                os.close(say_go)
                linux.unshare(linux.CLONE_NEWNS)
                mount_private()
                linux.mount("tmpfs", places["inside"], "tmpfs")
                os.write(say_ready, b"y")
                os.read(go_on, 1)
                seen = "1" if mounted(places["outside"]) else "0"
                root_shared = "1" if is_shared("/") else "0"
                os.write(say_answer, (seen + root_shared).encode())
            except BaseException as error:
                told = [str(error), type(error).__name__]
                os.write(say_answer, f"!{json.dumps(told)}".encode())
            finally:
                os._exit(0)
        os.close(say_ready)
        os.close(say_answer)
        os.read(ready, 1)
        leaked = mounted(places["inside"])
        linux.mount("tmpfs", places["outside"], "tmpfs")
        os.close(say_go)
        told = os.read(answer, 4096).decode()
        os.waitpid(child, 0)
        return {"leaked": leaked, "told": told}

    return apart(call)


def mounted(place):
    return any(line[4] == str(place) for line in mount_lines())


def is_shared(place):
    line = [line for line in mount_lines() if line[4] == place][-1]
    return any(field.startswith("shared:") for field in line)


def mount_lines():
    return [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]


def both_ways(found):
    """What travelled, and the mistakes that explain it."""
    if isinstance(found, Raised):
        return found, {}
    if found["told"].startswith("!"):
        text, kind = json.loads(found["told"][1:])
        return Raised(Told(text, (kind,))), {}
    if not found["told"]:
        return Raised(Told("the process ended in the middle of mount_private")), {}
    leaked, received, root_shared = found["leaked"], *(c == "1" for c in found["told"])
    seen = {"made inside, seen outside": leaked, "made outside, seen inside": received}
    return seen, {
        "not-recursive": leaked and not root_shared,
        "propagation-left-shared": leaked and root_shared,
        "slave-is-not-private": received and not leaked,
    }


@check("mount_private", points=2, rule=SUBTREES)
def test_mounts_do_not_leave(tmp_path):
    """what we mount does not appear outside"""
    seen, mistakes = both_ways(travels(tmp_path))
    key = "made inside, seen outside"
    expect(
        seen if isinstance(seen, Raised) else seen[key],
        False,
        story="/ and a disk mounted below it are shared; in a copy of the mount namespace"
        " mount_private() was called, then something was mounted on that disk; is it seen outside?",
        mistakes=mistakes,
    )


@check("mount_private", points=1, rule=SUBTREES)
def test_mounts_do_not_come_in(tmp_path):
    """what others mount outside does not appear here"""
    seen, mistakes = both_ways(travels(tmp_path))
    key = "made outside, seen inside"
    expect(
        seen if isinstance(seen, Raised) else seen[key],
        False,
        story="the same, but something was mounted outside; is it seen inside?",
        mistakes=mistakes,
    )


@check("mount_private", points=1, rule="mount(2): without CAP_SYS_ADMIN the call fails with EPERM")
def test_shared_mounts_are_not_hidden():
    """where it can't be done, an error is raised"""
    found = powerless(mount_private)
    expect(
        found,
        Raises(PermissionError),
        story="a process without CAP_SYS_ADMIN called mount_private",
        mistakes={"still-shared-in-silence": not isinstance(found, Raised)},
    )


# ---------------------------------------------------------------- pivot

PIVOT = (
    'pivot_root(2), "DESCRIPTION" and "NOTES": new_root must be a mount point, put_old at or below'
    " it; afterwards the old root can be unmounted, and nothing of it has a path any more"
)


def pivoted(tmp_path):
    """What can be seen after `pivot` into a small root; where it failed, the error."""
    root, secret = tmp_path / "root", tmp_path / "secret"
    for directory in ("proc", "tmp"):
        (root / directory).mkdir(parents=True, exist_ok=True)
    (root / "hello").touch()
    secret.touch()

    def call():
        linux.unshare(linux.CLONE_NEWNS)
        linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
        linux.mount("/proc", root / "proc", None, linux.MS_BIND | linux.MS_REC)
        os.chdir(tmp_path)
        calls = []
        listen(calls, "mount")
        listen(calls, "pivot_root")
        try:
            pivot(str(root))
        except OSError as error:
            return {
                "error": [str(error), ["OSError"], error.errno],
                "mounted": any(name == "mount" for name, _ in calls),
                "dots": ("pivot_root", (".", ".")) in calls,
            }
        seen = {
            "/ holds": sorted(os.listdir("/")),
            "the current directory": current_directory(),
            "the secret, from where we stood": os.path.exists("secret"),
        }
        proc = os.path.exists("/proc/self/mountinfo")
        places = [line[4] for line in mount_lines()] if proc else []
        seen["mounts"] = [place for place in places if not place.startswith("/proc")]
        seen["/proc is there"] = proc
        break_out()
        return {**seen, "the secret, after a break-out": secret.exists()}

    found = apart(call)
    if isinstance(found, Raised) or "error" not in found:
        return found, {}
    text, kinds, number = found["error"]
    return Raised(Told(text, tuple(kinds), number)), {
        "no-mount-point": number == errno.EINVAL and not found["mounted"],
        "there-before-the-bind": number == errno.EINVAL and found["dots"],
        "put-old-elsewhere": number == errno.EINVAL,
        "old-root-busy": number == errno.EBUSY,
    }


def listen(calls, name):
    """Note in `calls` the arguments of linux.NAME from here on."""
    real = getattr(linux, name)

    def noting(*given, **named):
        calls.append((name, given))
        return real(*given, **named)

    setattr(linux, name, noting)


def break_out():
    """What `escape` does, whatever the learner's own does."""
    with contextlib.suppress(OSError):
        os.chdir("/")
        os.mkdir("tmp/door")
        os.chroot("tmp/door")
        for _ in range(30):
            os.chdir("..")
        os.chroot(".")


def only(found, *keys):
    return found if isinstance(found, Raised) else {key: found[key] for key in keys}


@check("pivot", points=2, rule=PIVOT)
def test_pivot_changes_the_root(tmp_path):
    """/ is the new root, and we are in it"""
    found, mistakes = pivoted(tmp_path)
    expect(
        only(found, "/ holds", "the current directory"),
        {"/ holds": ["hello", "proc", "tmp"], "the current directory": "/"},
        story="pivot(root), where root holds hello, proc and tmp",
        mistakes=mistakes
        or {
            "cwd-left-outside": lambda: found["the current directory"] == "outside",
            "old-root-left": lambda: len(found["mounts"]) > 1,
            "put-old-left": lambda: len(found["/ holds"]) > 3,
        },
    )


@check("pivot", points=2, rule=PIVOT)
def test_pivot_stops_the_break_out(tmp_path):
    """the old root is gone: the break-out finds nothing"""
    found, mistakes = pivoted(tmp_path)
    expect(
        only(found, "mounts", "the secret, after a break-out"),
        {"mounts": ["/"], "the secret, after a break-out": False},
        story="outside of root lies the file secret; after pivot(root), the trick of `escape` was"
        " tried (mounts: what is mounted, besides /proc)",
        mistakes=mistakes
        or {
            "bind-not-recursive": lambda: not found["/proc is there"],
            "chroot-again": lambda: (
                found["the secret, after a break-out"] and len(found["mounts"]) < 2
            ),
            "old-root-left": lambda: len(found["mounts"]) > 1,
        },
    )


@check("pivot", points=1, rule='pivot_root(2), "NOTES": it may leave the current directory outside')
def test_pivot_takes_us_along(tmp_path):
    """where we stood before is out of reach"""
    found, mistakes = pivoted(tmp_path)
    expect(
        only(found, "the secret, from where we stood"),
        {"the secret, from where we stood": False},
        story="we stood beside the file secret; after pivot(root) it was opened by its bare name",
        mistakes=mistakes or {"cwd-left-outside": True},
    )


@check("pivot", points=1, rule="mount(2), MS_BIND: mounts below come along only with MS_REC")
def test_pivot_takes_mounts_along(tmp_path):
    """what is mounted below the new root comes along"""
    found, mistakes = pivoted(tmp_path)
    expect(
        only(found, "/proc is there"),
        {"/proc is there": True},
        story="/proc was mounted on root/proc before; after pivot(root), /proc/self was looked for",
        mistakes=mistakes or {"bind-not-recursive": True},
    )


# ---------------------------------------------------------------- new_namespaces

MAPS = (
    'user_namespaces(7), "User and group ID mappings": a line is: the first id inside, the first'
    " outside, how many; an ordinary user may map one id only, the own one"
)
SETGROUPS = (
    'user_namespaces(7), "The /proc/pid/setgroups file": an ordinary user must write deny to'
    " setgroups before gid_map; afterwards it is too late"
)
PIDS = (
    "unshare(2), pid_namespaces(7): CLONE_NEWPID leaves the caller where it is; the first child"
    " afterwards is process 1 of the new namespace, and when it ends, all in it end"
)
USER, GROUP = 1000, 100
#: how a child ends that was made without CLONE_NEWPID, and its caller with it
NOBODY_ASKED = 99


def as_ordinary_user():
    """From here on this process is user 1000 of group 100, without any privilege."""
    linux.unshare(linux.CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", USER), ("gid_map", GROUP)):
        Path(f"/proc/self/{name}").write_text(str(text) if text == "deny" else f"{text} 0 1")
    linux.capset(0, 0, 0)


def listened(events):
    """Note in `events` what concerns the maps: unshare, questions for ids, what is written."""

    def noting(module, name, event):
        real = getattr(module, name)
        setattr(module, name, lambda *given: (events.append(event(given)), real(*given))[1])

    def opened(name, facts):
        place = os.path.basename(str(facts[0])) if name == "open" else ""
        if place in ("setgroups", "uid_map", "gid_map") and facts[2] & (os.O_WRONLY | os.O_RDWR):
            events.append(place)

    sys.addaudithook(opened)
    noting(linux, "unshare", lambda given: "unshare")
    for name in ("getuid", "geteuid", "getgid", "getegid"):
        noting(os, name, lambda given: "ids")
    noting(os, "write", lambda given: "wrote " + bytes(given[1][:40]).decode(errors="replace"))


def user_namespace(flags):
    """What an ordinary user is after `new_namespaces(flags)`, what happened, and the mistakes."""

    def call():
        events = []
        as_ordinary_user()
        listened(events)
        caller = os.getpid()
        try:
            new_namespaces(flags)
        except OSError as error:
            return {"events": list(events), "error": str(error)}
        finally:
            if os.getpid() != caller:
                os._exit(NOBODY_ASKED)
        happened = list(events)
        return {
            "events": happened,
            "state": {
                "uid, gid": [os.getuid(), os.getgid()],
                "uid_map": Path("/proc/self/uid_map").read_text().split(),
                "gid_map": Path("/proc/self/gid_map").read_text().split(),
            },
        }

    told = apart(call)
    if isinstance(told, Raised):
        return told, [], {"forks-always": forked(told)}
    found = told["state"] if "state" in told else Raised(Told(told["error"], ("OSError",)))
    return found, [e for e in told["events"] if e[:5] != "wrote"], map_mistakes(told["events"])


def forked(found):
    """Whether a child came back from `new_namespaces`, and the caller did not."""
    return isinstance(found, Raised) and f"status {NOBODY_ASKED}" in str(found)


def map_mistakes(events):
    """The mistakes that the order of events tells, and the lines that were written."""
    names = [event for event in events if not event.startswith("wrote")]
    lines = [event[6:].split() for event in events if event.startswith("wrote")]
    lines = [line for line in lines if len(line) == 3]
    after = names[names.index("unshare") :] if "unshare" in names else names
    denied = names.index("setgroups") if "setgroups" in names else None
    mapped = names.index("gid_map") if "gid_map" in names else None
    return {
        "ids-after-unshare": "ids" in after and "ids" not in names[: len(names) - len(after)],
        "maps-before-setgroups": None not in (denied, mapped) and denied > mapped,
        "map-reversed": any(first in (str(USER), str(GROUP)) for first, *_ in lines),
        "more-than-one-id": any(count != "1" for *_, count in lines),
        "setgroups-forgotten": mapped is not None and denied is None,
        "maps-forgotten": "unshare" in names and mapped is None and "uid_map" not in names,
    }


@check("new_namespaces", points=2, rule=MAPS)
def test_root_inside_and_oneself_outside():
    """an ordinary user is root inside, and is mapped to the own ids"""
    found, _, mistakes = user_namespace(linux.CLONE_NEWUSER)
    expect(
        found,
        {
            "uid, gid": [0, 0],
            "uid_map": ["0", str(USER), "1"],
            "gid_map": ["0", str(GROUP), "1"],
        },
        story=f"user {USER} of group {GROUP}, without any privilege, called"
        " new_namespaces(CLONE_NEWUSER)",
        mistakes=mistakes,
    )


@check("new_namespaces", points=1, rule=SETGROUPS)
def test_setgroups_is_denied_first():
    """setgroups is denied, and before the group map is written"""
    found, events, mistakes = user_namespace(linux.CLONE_NEWUSER)
    written = [e for e in events if e in ("setgroups", "uid_map", "gid_map")]
    right = "setgroups" in written and written.index("setgroups") < written.index("gid_map")
    expect(
        found if isinstance(found, Raised) else written,
        written if right else ["setgroups", "uid_map", "gid_map"],
        story="the files of /proc/self that were written, in their order",
        mistakes=mistakes,
    )


@check("new_namespaces", points=1, rule=MAPS)
def test_maps_only_with_a_user_namespace():
    """without CLONE_NEWUSER no map is touched; the other namespaces are new"""

    def call():
        before, caller = os.readlink("/proc/self/ns/uts"), os.getpid()
        try:
            new_namespaces(linux.CLONE_NEWUTS)
        finally:
            if os.getpid() != caller:
                os._exit(NOBODY_ASKED)
        return os.readlink("/proc/self/ns/uts") != before

    found = apart(call)
    expect(
        found,
        True,
        story="root called new_namespaces(CLONE_NEWUTS); is the uts namespace another one?",
        mistakes={"forks-always": forked(found), "maps-always": isinstance(found, Raised)},
    )


@check("new_namespaces", points=1, rule="unshare(2): without CAP_SYS_ADMIN it fails with EPERM")
def test_old_namespaces_are_not_hidden():
    """where it can't be done, an error is raised"""
    found = powerless(new_namespaces, linux.CLONE_NEWUTS)
    expect(
        found,
        Raises(PermissionError),
        story="a process without CAP_SYS_ADMIN called new_namespaces(CLONE_NEWUTS)",
        mistakes={"goes-on-in-the-old-ones": not isinstance(found, Raised)},
    )


def pid_namespace(then):
    """Who comes back from `new_namespaces(NEWUSER | NEWPID)`, and how its caller ends.

    `then` is done by a process that came back; `{pid}` of it is its pid out here.
    """

    def call():
        reading, writing = os.pipe()
        caller = os.fork()
        if caller == 0:
            os.close(reading)
            came_back(os.getpid(), writing, then)
        os.close(writing)
        returned, outside = [], 0
        while line := line_of(reading):
            name, _, pid = line.partition(" ")
            returned.append(name.replace("-", " "))
            outside = int(pid)
            if then == "be killed":
                os.kill(outside, signal.SIGKILL)
            elif then == "lose the caller":
                os.kill(caller, signal.SIGKILL)
                break
        code = os.waitstatus_to_exitcode(os.waitpid(caller, 0)[1])
        return {"returned": sorted(returned), "status": code, "lives on": lives(reading, outside)}

    return apart(call)


def came_back(caller, writing, then):
    """In the caller of new_namespaces and whoever else returns from it: tell, and end."""
    status = 0
    signal.signal(signal.SIGUSR1, handler)
    try:
        new_namespaces(linux.CLONE_NEWUSER | linux.CLONE_NEWPID)
        names = {1: "process-1", caller: "the-caller"}
        name = names.get(os.getpid(), "another-process")
        if signal.getsignal(signal.SIGUSR1) is not handler:
            name += ",-which-has-forgotten-its-handlers"
        os.write(writing, f"{name} {os.readlink('/proc/self')}\n".encode())
        status = 7
        if then != "exit":
            select.select([], [], [], 3)
    except BaseException as error:
        if os.getpid() != caller:
            os.write(writing, b"another-process 0\n")
        else:
            os.write(writing, f"{error} ".replace(" ", "-").encode() + b" 0\n")
    finally:
        os._exit(status)


def handler(*_):
    """What the caller does at a signal."""


def line_of(reading):
    """One line of a pipe, read byte by byte; "" at its end."""
    line = b""
    while (byte := os.read(reading, 1)) and byte != b"\n":
        line += byte
    return line.decode()


def lives(reading, pid):
    """Whether somebody still holds the other end of the pipe; if so, end it."""
    ended, _, _ = select.select([reading], [], [], 1)
    if ended and not os.read(reading, 1):
        return False
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)
    return True


@check("new_namespaces", points=2, rule=PIDS)
def test_process_1_returns():
    """with CLONE_NEWPID the one who returns is process 1; the caller ends as it does"""
    found = pid_namespace("exit")
    seen = only(found, "returned", "status")
    expect(
        seen,
        {"returned": ["process 1"], "status": 7},
        story="a process called new_namespaces(CLONE_NEWUSER | CLONE_NEWPID); whoever came back"
        " from it ended with status 7. Who came back, and what is the caller's status?",
        mistakes={
            "handlers-forgotten": lambda: "handlers" in seen["returned"][0],
            "no-fork-after-unshare": lambda: seen["returned"] == ["the caller"],
            "caller-returns-too": lambda: len(seen["returned"]) > 1,
            "status-lost": lambda: seen["returned"] == ["process 1"],
        },
    )


@check("new_namespaces", points=1, rule=SHELLS)
def test_killed_process_1():
    """a process 1 that is killed makes the caller end with 128 + the signal"""
    found = pid_namespace("be killed")
    seen = only(found, "returned", "status")
    expect(
        seen,
        {"returned": ["process 1"], "status": 137},
        story="the same, but process 1 was killed from outside with signal 9",
        mistakes={"kill-unnoticed": lambda: seen["returned"] == ["process 1"]},
    )


DEATH = "PR_SET_PDEATHSIG(2const): the kernel sends this signal to a child whose parent dies"


@check("new_namespaces", points=1, rule=DEATH, seconds=5.0)
def test_process_1_dies_with_the_caller():
    """when the caller is killed, nothing of the namespace lives on"""
    found = pid_namespace("lose the caller")
    expect(
        only(found, "returned", "lives on"),
        {"returned": ["process 1"], "lives on": False},
        story="the same, but the caller was killed with signal 9; does process 1 live on?",
        mistakes={"child-outlives-the-caller": lambda: found["lives on"]},
    )
