"""The checks of lab 02: a bundle becomes a container, lives, and goes without a trace."""

import json
import os
import select
import signal
import time
from pathlib import Path

from minicontainer import linux
from minicontainer.step02_runtime.bundle import load_bundle
from minicontainer.lib.cgroups import plan, remove_cgroup
from minicontainer.errors import (
    BundleError,
    ContainerError,
    HookFailed,
    NoSuchContainer,
    WrongState,
)
from minicontainer.step02_runtime.hooks import run_hooks
from minicontainer.step02_runtime.init import spawn, wait_for_start
from minicontainer.step02_runtime.lifecycle import create, delete, kill, start
from minicontainer.step02_runtime.mounts import apply_mounts
from minicontainer.step02_runtime.state import start_time, state
from minicontainer.workshop.grading import isolation
from minicontainer.workshop.grading.checks import (
    Raised,
    Raises,
    Told,
    apart,
    check,
    expect,
    outcome,
)

from bundles import (
    SAID,
    bundle,
    config,
    ends,
    identity,
    lay_out,
    lives,
    sleeper,
)


def got(found, *keys):
    """The part of `found` under `keys`; an error as it is."""
    return found if isinstance(found, Raised) else {key: found[key] for key in keys}


def raised(call, *arguments, **named):
    """The names of the classes of the error that a call raised, by JSON; [] for none."""
    try:
        call(*arguments, **named)
    except NotImplementedError:
        raise
    except (Exception, SystemExit) as error:
        return [kind.__name__ for kind in type(error).__mro__]
    return []


def said(kinds, wanted):
    """How an error is told: `wanted` when it is of this kind."""
    if not kinds:
        return "no error"
    return wanted.__name__ if wanted.__name__ in kinds else kinds[0]


def settled(condition, seconds=0.5):
    """The first true value of `condition()` within a time."""
    end = time.monotonic() + isolation.patience(seconds)
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.002)
    return found


def alone(call):
    """Call in a process and a group of its own (a signal to the group must not reach the grader).

    Whatever it started ends with it.
    """

    def inside():
        os.setsid()
        try:
            return call()
        finally:
            for pid in children():
                os.kill(pid, signal.SIGKILL)
            remove_cgroup(plan("box", {}))  # there is one where the checks are not isolated

    return apart(inside)


def children():
    """The pids of our children."""
    own, found = str(os.getpid()), []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[1] == own:
            found.append(int(name))
    return found


def unharmed(pid):
    """Whether no signal has reached the child `pid` so far; the answer ends it."""
    os.kill(pid, signal.SIGTERM)
    return ends(pid) == -signal.SIGTERM


def shell(script):
    """A hook that is a line of shell."""
    return {"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/usr/bin:/bin"]}


def noted(file):
    """The lines that hooks wrote to `file`."""
    return file.read_text().splitlines() if file.exists() else []


def telling(file, words=""):
    """A hook that notes its words, and status and pid of the state it was told."""
    return shell(
        f'read -r s || :; st="${{s#*\\"status\\": \\"}}"; pid="${{s#*\\"pid\\": }}";'
        f' echo {words} "${{st%%\\"*}}" "${{pid%%,*}}" >> {file}'
    )


# ---------------------------------------------------------------- load_bundle

BUNDLE = (
    'runtime-spec, bundle.md: config.json lies at the top of the bundle; config.md, "Root":'
    " root.path is absolute, or relative to the bundle"
)


@check("load_bundle", points=2, rule=BUNDLE)
def test_root_path_counts_from_the_bundle(tmp_path):
    """a relative root.path counts from the bundle, and becomes absolute"""
    bundle(tmp_path / "demo")
    (tmp_path / "rootfs").mkdir()

    def call():
        os.chdir(tmp_path)
        return load_bundle("demo")

    found = alone(call)
    path = found if isinstance(found, Raised) else found["root"]["path"]
    expect(
        path,
        str(tmp_path / "demo/rootfs"),
        story="in the directory that holds demo: load_bundle('demo'), where root.path is 'rootfs';"
        " what is root.path in the result?",
        mistakes={
            "relative-bundle": path == "demo/rootfs",
            "root-path-as-it-is": path == "rootfs",
            "counted-from-here": path == str(tmp_path / "rootfs"),
        },
    )


@check("load_bundle", points=1, rule=BUNDLE)
def test_other_root_paths(tmp_path):
    """an absolute root.path stays, a link is resolved"""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    demo = bundle(tmp_path / "demo", root={"path": str(elsewhere)})
    found = outcome(load_bundle, str(demo))
    path = found if isinstance(found, Raised) else found["root"]["path"]
    expect(path, str(elsewhere), story="root.path is the absolute path …/elsewhere")
    (demo / "current").symlink_to("rootfs")
    (demo / "config.json").write_text(
        (demo / "config.json").read_text().replace(str(elsewhere), "current")
    )
    found = outcome(load_bundle, str(demo))
    path = found if isinstance(found, Raised) else found["root"]["path"]
    expect(
        path,
        str(demo / "rootfs"),
        story="root.path is 'current', a link to rootfs",
        mistakes={"link-kept": path == str(demo / "current")},
    )


SOURCES = (
    'runtime-spec, config.md, "Mounts": the source of a bind mount is a path of the host,'
    " absolute or relative to the bundle; other sources are no paths"
)


@check("load_bundle", points=2, rule=SOURCES)
def test_sources_of_bind_mounts(tmp_path):
    """a relative source of a bind mount counts from the bundle; other sources stay"""
    mounts = [
        {"destination": "/a", "type": "bind", "source": "data", "options": ["rbind"]},
        {"destination": "/b", "source": "/srv", "options": ["bind", "ro"]},
        {"destination": "/c", "type": "tmpfs", "source": "tmpfs"},
        {"destination": "/d", "type": "bind", "source": "more"},
    ]
    demo = bundle(tmp_path / "demo", mounts=mounts)

    def call():
        os.chdir(tmp_path)
        return [mount["source"] for mount in load_bundle("demo")["mounts"]]

    found = alone(call)
    expect(
        found,
        [str(demo / "data"), "/srv", "tmpfs", str(demo / "more")],
        story="bind mounts of 'data', '/srv' and 'more', and a tmpfs with the source 'tmpfs'",
        mistakes={
            "sources-as-they-are": found == ["data", "/srv", "tmpfs", "more"],
            "relative-bundle": found == ["demo/data", "/srv", "tmpfs", "demo/more"],
            "every-source-a-path": lambda: found[2] != "tmpfs",
        },
    )


@check("load_bundle", points=2, rule=BUNDLE)
def test_what_is_no_bundle_is_refused(tmp_path):
    """a file that is missing, is no JSON or breaks a rule is a BundleError"""
    demo = bundle(tmp_path / "demo")
    text = (demo / "config.json").read_text()
    cases = {
        "there is no config.json": None,
        "config.json is no JSON": "{",
        'the version is "banana"': text.replace("1.2.0", "banana"),
        "config.json names no root": text.replace('"root"', '"ruut"'),
    }
    for story, content in cases.items():
        (demo / "config.json").unlink(missing_ok=True)
        if content is not None:
            (demo / "config.json").write_text(content)
        found = outcome(load_bundle, str(demo))
        expect(
            found,
            Raises(BundleError),
            story=story,
            mistakes={
                "error-passed-on": isinstance(found, Raised),
                "rules-unchecked": isinstance(found, dict),
            },
        )


@check("load_bundle", points=1, rule=BUNDLE)
def test_the_root_must_be_there(tmp_path):
    """a root filesystem that is no directory is a BundleError"""
    demo = bundle(tmp_path / "demo", root={"path": "nowhere"})
    found = outcome(load_bundle, str(demo))
    mistakes = {"root-not-looked-for": isinstance(found, dict)}
    expect(found, Raises(BundleError), story="root.path names nothing", mistakes=mistakes)


# ---------------------------------------------------------------- spawn

CLONE = (
    "clone(2), namespaces(7): the child begins in new namespaces of the kinds that the flags name;"
    " those that have a path are joined"
)
_TYPES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")


class Stuck(BaseException):
    """What we call has not returned in time."""


def world():
    """The namespaces that this process is in."""
    return {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in _TYPES}


def new_kinds(*kinds, **more):
    """The part of a configuration that asks for new namespaces."""
    return {"namespaces": [{"type": kind} for kind in kinds], **more}


class Spawned:
    """Calls of `spawn` in a process of its own: what they gave, and what they left."""

    def __init__(self, tmp_path):
        self.noted, self.second = tmp_path / "noted", tmp_path / "second"
        self.cgroup = {"version": 1, "paths": {}}

    def note(self, **facts):
        """For the child: write down what it sees, whole at once."""
        draft = self.noted.with_suffix(".draft")
        draft.write_text(json.dumps(facts))
        draft.rename(self.noted)

    def facts(self):
        """What the child has noted."""
        settled(self.noted.exists)
        return json.loads(self.noted.read_text()) if self.noted.exists() else {}

    def spawn(self, live, linux_part):
        """Call it; the record, what was returned, and how an error is told."""
        self.record = {"config": config(linux=linux_part), "cgroup": self.cgroup, "init": None}
        caller, told, init = os.getpid(), "no error", None

        begun = time.process_time()

        def ring(*_):
            if time.process_time() - begun < 0.05:  # it waits; one that loops is told as ever
                raise Stuck

        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, isolation.left(0.4), 0.05)
        try:
            init = spawn(self.record, live)
        except NotImplementedError:
            raise
        except Stuck:
            told = "it did not return"
        except BaseException as error:
            kinds = [kind.__name__ for kind in type(error).__mro__]
            told = "ContainerError" if "ContainerError" in kinds else kinds[0]
            told += f": {error}" if "boom" in str(error) else ""
        if os.getpid() != caller:
            self.second.touch()
            os._exit(0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        return init, told

    def failed(self, live, linux_part):
        """The same for a call that must fail: what is told, and what is left."""
        _, told = self.spawn(live, linux_part)
        left = ["alive" if lives(pid) else "a zombie" for pid in children()]
        return {"told": told, "the child": (left or ["gone"])[0], "noted": self.record["init"]}


@check("spawn", points=3, rule=CLONE)
def test_the_child_is_in_new_namespaces(tmp_path):
    """the child is in new namespaces of the kinds that were asked for"""
    made = Spawned(tmp_path)

    def live(channel):
        channel.send(built=True)
        said = channel.receive()
        made.note(world=world(), said=said)
        signal.pause()

    def call():
        before = world()
        init, told = made.spawn(live, new_kinds("pid", "ipc", "uts", "mount", "cgroup"))
        if init is None:
            return {"new": [], "it returned": told if told != "no error" else "None"}
        try:
            init.channel.send(word="hello")
            seen = made.facts()
        except OSError:
            seen = {}
        return {
            "new": [kind for kind in _TYPES if seen and seen["world"][kind] != before[kind]],
            "it returned": "the child's pid" if init.pid in children() else f"pid {init.pid}",
            "the channel": "reaches the child" if seen else "does not reach it",
            "record['init']": made.record["init"] == identity(init.pid),
        }

    found = alone(call)
    expect(
        found,
        {
            "new": ["ipc", "mnt", "pid", "uts"],
            "it returned": "the child's pid",
            "the channel": "reaches the child",
            "record['init']": True,
        },
        story="spawn(record, live); config.json asks for new namespaces of the types pid, ipc, uts,"
        " mount, cgroup, of which cgroup is made later",
        mistakes={
            "go-forgotten": lambda: found["it returned"] == "it did not return",
            "nothing-returned": lambda: found["it returned"] == "None",
            "other-end-kept": lambda: found["the channel"] == "does not reach it",
            "no-namespaces": lambda: not found["new"],
            "later-by-clone": lambda: "cgroup" in found["new"],
            "init-not-noted": lambda: not found["record['init']"],
        },
    )


@check("spawn", points=1, rule=CLONE)
def test_a_namespace_with_a_path_is_joined(tmp_path):
    """a namespace that has a path is joined, and not made"""
    made = Spawned(tmp_path)

    def live(channel):
        made.note(world=world())
        channel.send(built=True)
        signal.pause()

    def call():
        other = sleeper(lambda: linux.clone(linux.CLONE_NEWUTS))
        path = f"/proc/{other}/ns/uts"
        before, its = world(), os.readlink(path)
        kinds = new_kinds("ipc", "mount")
        kinds["namespaces"].append({"type": "uts", "path": path})
        init, told = made.spawn(live, kinds)
        if init is None:
            return {"uts": told}
        uts = made.facts().get("world", before)["uts"]
        return {"uts": {its: "joined", before["uts"]: "ours"}.get(uts, "a new one")}

    found = alone(call)
    expect(
        found,
        {"uts": "joined"},
        story="config.json names the uts namespace of another process by its path; in which one is"
        " the child?",
        mistakes={"joined-made-new": lambda: found["uts"] == "a new one"},
    )


WAITS = (
    "user_namespaces(7): until uid_map and gid_map are written, from outside, its ids are nobody's;"
    ' runtime-spec, runtime.md, "Lifecycle": the environment is there before anything runs in it'
)


@check("spawn", points=3, rule=WAITS)
def test_the_child_waits_until_all_is_ready(tmp_path):
    """the child waits until its ids are mapped and it is in its cgroup"""
    made = Spawned(tmp_path)
    made.cgroup["paths"]["pids"] = str(tmp_path / "cgroup")
    (tmp_path / "cgroup").mkdir()
    door, opened, joined = tmp_path / "cgroup/cgroup.procs", tmp_path / "opened", tmp_path / "joined"
    os.mkfifo(door)

    def live(channel):
        maps = [Path(f"/proc/self/{name}").read_text().split()[:1] for name in ("uid_map", "gid_map")]
        made.note(opened=opened.exists(), uids=maps[0], gids=maps[1])
        channel.send(built=True)
        signal.pause()

    def keep_door():
        """Let the parent wait for its cgroup: a child that does not wait is seen then."""
        if isolation.fork() == 0:
            try:
                settled(made.noted.exists, 0.1)
                opened.touch()
                joined.write_text(door.read_text())
            finally:
                os._exit(0)

    def call():
        keep_door()
        mappings = {
            "uidMappings": [{"containerID": 0, "hostID": os.geteuid(), "size": 1}],
            "gidMappings": [{"containerID": 5, "hostID": os.getegid(), "size": 1}],
        }
        init, told = made.spawn(live, new_kinds("user", "pid", "mount", **mappings))
        if init is None:
            return {"it": told}
        seen = made.facts()
        pid = settled(lambda: joined.exists() and joined.read_text(), 0.2)
        return {
            "its user inside": "".join(seen["uids"]) or "nobody",
            "its group inside": "".join(seen["gids"]) or "nobody",
            "in its cgroup": pid == str(init.pid),
            "before live began": seen["opened"],
        }

    found = alone(call)
    expect(
        found,
        {
            "its user inside": "0",
            "its group inside": "5",
            "in its cgroup": True,
            "before live began": True,
        },
        story="a new user namespace, in which the user is 0 and the group 5, and a cgroup into which"
        " it took a while to get. What was done, and was it before live began?",
        mistakes={
            "maps-swapped": lambda: found["its user inside"] == "5",
            "outside-its-cgroup": lambda: not found["in its cgroup"],
            "went-at-once": lambda: not found["before live began"],
            "never-mapped": lambda: found["its user inside"] == "nobody",
        },
    )


FAILS = 'runtime-spec, runtime.md, "Errors": an error must be told; the environment is as it was'


@check("spawn", points=3, rule=FAILS)
def test_a_child_that_fails_is_told_of_and_reaped(tmp_path):
    """what goes wrong is told, and the child is ended and waited for"""
    made = Spawned(tmp_path)
    kinds = new_kinds("pid", "mount")

    def reports(channel):
        channel.send_error(ContainerError("boom", "/data"))
        signal.pause()

    def dies(channel):
        os._exit(3)

    def waits(channel):
        made.note(began=True)
        signal.pause()

    twice = [{"containerID": 0, "hostID": 0, "size": 1}] * 2
    unmapped = new_kinds("user", "mount", uidMappings=twice, gidMappings=twice)
    gone = {"the child": "gone", "noted": None}
    cases = [
        (reports, kinds, "ContainerError: /data: boom", "the child sent an error: /data: boom"),
        (dies, kinds, "ContainerError", "the child ended without a word"),
        (waits, unmapped, "ContainerError", "the kernel refused the mappings"),
    ]
    for live, linux_part, told, story in cases:
        found = alone(lambda live=live, linux_part=linux_part: made.failed(live, linux_part))
        stuck = not isinstance(found, Raised) and found["told"] == "it did not return"
        expect(
            found,
            {"told": told, **gone},
            story=f"{story}. What was told, and what is left?",
            mistakes={
                "own-end-kept": stuck and live is dies,
                "waited-without-killing": stuck,
                "error-unread": lambda: found["told"] == "no error",
                "end-passed-on": lambda: found["told"] == "EOFError",
                "child-left": lambda: found["the child"] != "gone",
                "noted-too-early": lambda: found["noted"] is not None,
            },
        )


@check("spawn", points=1, rule=FAILS)
def test_an_interrupted_spawn_leaves_no_child(tmp_path):
    """Ctrl-C while the child builds leaves no child"""
    made = Spawned(tmp_path)

    def live(channel):
        parent = os.getppid()
        settled(lambda: asleep(parent))  # Python may sleep over a signal that comes just before
        os.kill(parent, signal.SIGINT)
        signal.pause()

    def call():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return made.failed(live, new_kinds("uts", "mount"))

    found = alone(call)
    expect(
        found,
        {"told": "KeyboardInterrupt", "the child": "gone", "noted": None},
        story="SIGINT came (Ctrl-C), which Python turns into KeyboardInterrupt",
        mistakes={"interrupt-leaves-child": lambda: found["the child"] != "gone"},
    )


@check("spawn", points=2, rule="fork(2): behind it two processes run the same code")
def test_the_child_never_returns(tmp_path):
    """the child never returns to the caller of spawn, and hears when that ends"""
    made = Spawned(tmp_path)

    def returns(channel):
        channel.send(built=True)

    def raises(channel):
        channel.send(built=True)
        raise ContainerError("boom")

    def listens(channel):
        channel.send(built=True)
        try:
            channel.receive()
        except EOFError:
            pass

    def call(live):
        init, told = made.spawn(live, new_kinds("pid", "mount"))
        if init is None:
            return {"it": told}
        init.channel.close()
        ended = settled(lambda: not lives(init.pid), 0.2)
        return {"it returned": "twice" if made.second.exists() else "once", "ended": bool(ended)}

    stories = {
        returns: "live(channel) returned",
        raises: "live(channel) raised an error",
        listens: "live(channel) waited for a message, and the parent closed its end",
    }
    for live, story in stories.items():
        found = alone(lambda live=live: call(live))
        expect(
            found,
            {"it returned": "once", "ended": True},
            story=f"{story}; how often did spawn return, and has the child ended?",
            mistakes={
                "error-climbs-in-the-child": lambda live=live: live is raises
                and found["it returned"] == "twice",
                "child-goes-on": lambda: found["it returned"] == "twice",
                "end-kept-in-the-child": lambda live=live: live is listens and not found["ended"],
            },
        )


# ---------------------------------------------------------------- create

CREATE = (
    'runtime-spec, runtime.md, "Create" and "Lifecycle": all of config.json is applied but'
    " process, which runs only after start"
)


class Made:
    """What `create` did: a bundle, a state directory, the program's output."""

    def __init__(self, tmp_path, **changes):
        self.root, self.output = tmp_path / "state", tmp_path / "output"
        self.bundle = bundle(tmp_path / "demo", **changes)

    def streams(self):
        """The program's: its output into a file, and no end of its input."""
        out = os.open(self.output, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        reading, self.keep = os.pipe()
        os.dup2(reading, 0)
        os.dup2(out, 1)

    def create(self, bundle=None, **options):
        return create(str(self.root), "box", str(bundle or self.bundle), **options)

    def wake(self):
        """Open init's FIFO as `start` does, and see whether the program comes."""
        fifo = os.open(self.root / "box/exec.fifo", os.O_RDONLY | os.O_NONBLOCK)
        came = settled(lambda: self.output.read_text() == SAID)
        os.close(fifo)
        return came

    def init(self):
        """Init's pid, by the record; 0 for none."""
        try:
            record = json.loads((self.root / "box/state.json").read_text())
        except OSError:
            return 0
        return (record["init"] or {"pid": 0})["pid"]


@check("create", points=3, rule=CREATE)
def test_create_waits_before_the_program(tmp_path):
    """init is ready and asleep; the program has not run, and runs when it is woken"""
    made = Made(tmp_path)

    def call():
        made.streams()
        pid = made.create()
        waiting = (made.root / "box/exec.fifo").exists()
        ran = not waiting and settled(lambda: made.output.read_text() == SAID)
        found = {
            "it returned": "init's pid" if isinstance(pid, int) and lives(pid) else repr(pid),
            "init waits for start": waiting,
            "the program has run": bool(ran),
        }
        return {**found, "woken, it runs": bool(waiting and made.wake())}

    found = alone(call)
    expect(
        found,
        {
            "it returned": "init's pid",
            "init waits for start": True,
            "the program has run": False,
            "woken, it runs": True,
        },
        story="create(root, 'box', bundle); then the FIFO was opened, as start does it",
        mistakes={
            "create-starts": lambda: not found["init waits for start"],
            "init-not-finished": lambda: not found["woken, it runs"] and found["it returned"] != "None",
            "pid-not-returned": lambda: found["it returned"] == "None",
        },
    )


@check("create", points=2, rule='runtime-spec, runtime.md, "State": the next command must find it')
def test_create_leaves_a_record(tmp_path):
    """the next command finds init's pid in the record, and an engine in its file"""
    made = Made(tmp_path)

    def call():
        made.streams()
        os.chdir(tmp_path)
        pid = made.create("demo", pid_file=str(tmp_path / "pid"))
        record = json.loads((made.root / "box/state.json").read_text())
        file = tmp_path / "pid"
        return {
            "init in the record": (record["init"] or {}).get("pid") == pid,
            "bundle in the record": record["bundle"],
            "the pid file": file.read_text() == str(pid) if file.exists() else "not there",
        }

    found = alone(call)
    expect(
        found,
        {
            "init in the record": True,
            "bundle in the record": str(tmp_path / "demo"),
            "the pid file": True,
        },
        story="create(root, 'box', 'demo', pid_file=…)",
        mistakes={
            "not-saved": lambda: not found["init in the record"],
            "pid-file-forgotten": lambda: found["the pid file"] == "not there",
        },
    )


HOOKS_OF_CREATE = (
    'runtime-spec, runtime.md, "Lifecycle": prestart, then createRuntime hooks run during create,'
    " when the namespaces exist and the program does not run yet"
)


@check("create", points=2, rule=HOOKS_OF_CREATE)
def test_hooks_of_create(tmp_path):
    """prestart and createRuntime hooks run, in this order, and are told of init"""
    told = tmp_path / "told"
    hooks = {
        "createRuntime": [telling(told, "createRuntime")],
        "prestart": [telling(told, "prestart")],
        "poststart": [telling(told, "poststart")],
    }
    made = Made(tmp_path, hooks=hooks)

    def call():
        made.streams()
        pid = made.create()
        return [line.replace(f" {pid}", " pid") for line in noted(told)]

    found = alone(call)
    wanted = ["prestart creating pid", "createRuntime creating pid"]
    expect(
        found,
        wanted,
        story="each hook wrote its kind, and status and pid of the state that it was told",
        mistakes={
            "hooks-forgotten": found == [],
            "hooks-swapped": found == wanted[::-1],
            "hooks-before-init": lambda: found[0].endswith(" 0"),
            "told-created": lambda: "created" in found[0],
            "prestart-only": lambda: len(found) == 1,
        },
    )


NOTHING = (
    'runtime-spec, runtime.md, "Lifecycle": when a hook of create or create itself fails, an error'
    " is generated, the container is stopped and destroyed"
)


@check("create", points=3, rule=NOTHING)
def test_a_failed_create_leaves_nothing(tmp_path):
    """whatever fails, the error is told, and nothing is left behind"""
    file = tmp_path / "pid-of-init"
    hook = shell(f'read -r s || :; p="${{s#*\\"pid\\": }}"; echo "${{p%%,*}}" > {file}; exit 3')
    made = Made(tmp_path, hooks={"createRuntime": [hook]})

    def call():
        made.streams()
        kinds = raised(made.create)
        pid = int(file.read_text())
        return {
            "told": said(kinds, HookFailed),
            "left": os.listdir(made.root),
            "init lives": pid > 0 and not settled(lambda: not lives(pid), 0.2),
        }

    found = alone(call)
    expect(
        found,
        {"told": "HookFailed", "left": [], "init lives": False},
        story="the createRuntime hook failed",
        mistakes={
            "error-swallowed": lambda: found["told"] == "no error",
            "half-made-left": lambda: found["told"] == "HookFailed",
        },
    )
    unfit = Made(tmp_path / "unfit", mounts=[entry("/data", kind="nosuchfs")])

    def spawn():
        kinds = raised(unfit.create)
        return {"told": said(kinds, ContainerError), "left": os.listdir(unfit.root)}

    found = alone(spawn)
    expect(
        found,
        {"told": "ContainerError", "left": []},
        story="init could not build its file tree: an entry of mounts has the type nosuchfs",
        mistakes={
            "error-swallowed": lambda: found["told"] == "no error",
            "spawned-before-the-try": lambda: found["left"] == ["box"],
        },
    )


@check("create", points=1, rule=NOTHING)
def test_an_interrupted_create_leaves_nothing(tmp_path):
    """Ctrl-C in the middle leaves nothing behind either"""
    made = Made(tmp_path, hooks={"createRuntime": [shell("kill -INT $PPID")]})

    def call():
        made.streams()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            made.create()
            told = "no error"
        except KeyboardInterrupt:
            told = "KeyboardInterrupt"
        return {"told": told, "left": os.listdir(made.root)}

    found = alone(call)
    expect(
        found,
        {"told": "KeyboardInterrupt", "left": []},
        story="while a hook ran, SIGINT came (Ctrl-C), which Python turns into KeyboardInterrupt",
        mistakes={"interrupt-forgotten": lambda: found["left"] != []},
    )


@check("create", points=2, rule='runtime-spec, runtime.md, "Create": the id must be unique')
def test_an_id_is_taken_once(tmp_path):
    """an id in use is refused, and the container that has it lives on"""
    made = Made(tmp_path)

    def call():
        made.streams()
        other = sleeper(os.fork)
        lay_out(made.root, "box", identity(other), fifo=True)
        kinds = raised(made.create)
        there = sorted(os.listdir(made.root / "box")) if (made.root / "box").exists() else []
        same = there and made.init() == other
        return {
            "told": said(kinds, ContainerError),
            "the other's directory": "as it was" if same else "gone or changed",
            "the other's init lives": unharmed(other),
        }

    found = alone(call)
    expect(
        found,
        {
            "told": "ContainerError",
            "the other's directory": "as it was",
            "the other's init lives": True,
        },
        story="another container was called box already; create(root, 'box', bundle)",
        mistakes={"others-undone": lambda: found["the other's directory"] != "as it was"},
    )


@check("create", points=1, rule=NOTHING)
def test_a_bad_bundle_takes_no_id(tmp_path):
    """a bundle that can't be read takes no id"""
    made = Made(tmp_path)
    (made.bundle / "config.json").write_text("{")

    def call():
        made.streams()
        kinds = raised(made.create)
        left = os.listdir(made.root) if made.root.exists() else []
        return {"told": said(kinds, BundleError), "left": left}

    found = alone(call)
    expect(
        found,
        {"told": "BundleError", "left": []},
        story="config.json is no JSON; create(root, 'box', bundle)",
    )


# ---------------------------------------------------------------- wait_for_start

FIFO = (
    "fifo(7): open(2) of a FIFO for writing sleeps until somebody opens it for reading; with"
    " O_NONBLOCK, or for both at once, it does not"
)


def waiting(tmp_path):
    """A process in `wait_for_start`; its pid, and the pipe on which it tells what came of it."""
    os.mkfifo(tmp_path / "exec.fifo")
    directory = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    (tmp_path / "world").mkdir()
    reading, telling_end = os.pipe()
    pid = linux.clone(linux.CLONE_NEWPID)
    if pid == 0:
        status = 99
        try:
            linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
            os.close(reading)
            os.chroot(tmp_path / "world")
            os.chdir("/")
            fd = wait_for_start("exec.fifo", directory)
            os.write(telling_end, b"returned\n")
            told = f"inherited: {os.get_inheritable(fd)}\n"
            os.write(fd, b"a report\n")
            os.write(telling_end, told.encode())
            select.select([], [], [], 1.0)
        except BaseException as error:
            number = getattr(error, "errno", None) or 0
            os.write(telling_end, f"{type(error).__name__} {number} {error}\n".encode())
        finally:
            os._exit(status)
    os.close(telling_end)
    return pid, reading


def handles(pid, number):
    """Whether the process has a handler for a signal: proc_pid_status(5), SigCgt."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("SigCgt:")[2].split()[0], 16) >> (number - 1) & 1


def heard(fd, seconds):
    """A line from `fd` within a time; "" for none, also when nobody will say one."""
    text = b""
    while not text.endswith(b"\n"):
        ready, _, _ = select.select([fd], [], [], isolation.patience(seconds))
        byte = os.read(fd, 1) if ready else b""
        if not byte:
            break
        text += byte
    return text.decode().strip()


def asleep(pid):
    """Whether the process waits for something."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


@check("wait_for_start", points=3, rule=FIFO)
def test_it_sleeps_until_the_fifo_is_opened(tmp_path):
    """it sleeps until somebody opens the FIFO for reading; then one can write to it"""

    def call():
        pid, pipe = waiting(tmp_path)
        settled(lambda: asleep(pid))
        early = heard(pipe, 0.01)
        if early:
            return {"before start": early, "after": "", "the report": ""}
        fifo = os.open(tmp_path / "exec.fifo", os.O_RDONLY | os.O_NONBLOCK)
        late = heard(pipe, 0.3)
        return {"before start": "asleep", "after": late or "asleep", "the report": heard(fifo, 0.3)}

    found = alone(call)
    expect(
        found,
        {"before start": "asleep", "after": "returned", "the report": "a report"},
        story="in its new root, init called wait_for_start('exec.fifo', directory); another process"
        " opened the FIFO for reading a moment later. What did init do, and what could be read then?",
        mistakes={
            "directory-ignored": lambda: found["before start"].startswith("FileNotFoundError"),
            "opened-non-blocking": lambda: found["before start"].startswith("OSError 6 "),
            "did-not-wait": lambda: found["before start"] != "asleep",
            "opened-for-reading": lambda: found["after"] == "asleep",
            "file-object-closed": lambda: found["the report"] == "",
        },
    )


@check("wait_for_start", points=1, rule="open(2), O_CLOEXEC: closed when the process executes a program")
def test_exec_closes_it(tmp_path):
    """the file closes by itself when the process becomes the program"""

    def call():
        _, pipe = waiting(tmp_path)
        fifo = os.open(tmp_path / "exec.fifo", os.O_RDONLY | os.O_NONBLOCK)
        heard(pipe, 0.3)
        heard(fifo, 0.3)
        return heard(pipe, 0.3)

    found = alone(call)
    expect(
        found,
        "inherited: False",
        story="is the open file inherited by the program that the process will execute?",
        mistakes={"stays-open": found == "inherited: True"},
    )


@check(
    "wait_for_start",
    points=2,
    rule="pid_namespaces(7): process 1 gets only the signals for which it has a handler",
)
def test_a_created_container_can_be_killed(tmp_path):
    """while it sleeps, SIGTERM and others end it, with 128 + the signal"""

    def call(number, place):
        place.mkdir()
        pid, pipe = waiting(place)
        settled(lambda: all(handles(pid, one) for one in numbers))
        settled(lambda: asleep(pid))
        os.kill(pid, number)
        if not settled(lambda: not lives(pid)):
            return "it sleeps on"
        return ends(pid)

    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
    for number in numbers:
        found = alone(lambda number=number: call(number, tmp_path / number.name))
        expect(
            found,
            128 + number,
            story=f"as process 1 of its pid namespace it slept; {number.name} was sent from outside."
            " What was its exit status?",
            mistakes={
                "signals-not-handled": found == "it sleeps on",
                "ended-by-exception": found == 99,
                "other-status": isinstance(found, int),
            },
        )


# ---------------------------------------------------------------- start

START = (
    'runtime-spec, runtime.md, "Start": the program runs; a container that is not created must'
    " not be affected, and an error is generated"
)


def init_that_waits(directory, report=None, marker=None):
    """A process in init's place: asleep on the FIFO; woken, it makes `marker` or reports."""
    ready, say_ready = os.pipe()
    pid = isolation.fork()
    if pid == 0:
        try:
            linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
            fd = os.open(directory / "exec.fifo", os.O_PATH)
            os.close(say_ready)
            fifo = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY)
            if report:
                os.write(fifo, json.dumps(report).encode() + b"\n")
                os._exit(1)
            marker.write_text("")
            os.close(fifo)
            signal.pause()
        finally:
            os._exit(99)
    os.close(say_ready)
    os.read(ready, 1)
    return pid


def created(tmp_path, report=None, hooks=None):
    """A container laid out as created; the pid of its init."""
    root = tmp_path / "state"
    has_hooks = {"hooks": hooks} if hooks else {}
    directory = lay_out(root, "box", None, fifo=True, config=config(**has_hooks))
    pid = init_that_waits(directory, report, tmp_path / "ran")
    record = json.loads((directory / "state.json").read_text())
    (directory / "state.json").write_text(json.dumps({**record, "init": identity(pid)}))
    return pid


@check("start", points=2, rule=START)
def test_start_lets_the_program_run(tmp_path):
    """init is woken, and start returns when the program runs"""

    def call():
        pid = created(tmp_path)
        value = start(str(tmp_path / "state"), "box")
        return {"returned": value, "the program runs": (tmp_path / "ran").exists() and lives(pid)}

    found = alone(call)
    expect(
        found,
        {"returned": None, "the program runs": True},
        story="start(root, 'box') on a created container",
        mistakes={"not-woken": lambda: not found["the program runs"]},
    )


@check("start", points=2, rule=START)
def test_start_refuses_other_states(tmp_path):
    """a container that is not created is refused, and nothing happens to it"""
    told = tmp_path / "told"
    hooks = {"poststart": [telling(told, "poststart")]}

    def call(status):
        root = tmp_path / status
        pid = sleeper()
        inits = {"creating": None, "running": identity(pid), "stopped": {"pid": pid, "start": 1}}
        fifo = status != "running"
        lay_out(root, "box", inits[status], fifo=fifo, config=config(hooks=hooks))
        kinds = raised(start, str(root), "box")
        return {"told": said(kinds, WrongState), "the hooks ran": told.exists()}

    for status in ("running", "stopped", "creating"):
        found = alone(lambda status=status: call(status))
        expect(
            found,
            {"told": "WrongState", "the hooks ran": False},
            story=f"start(root, 'box') on a container that is {status}",
            mistakes={"started-anyway": True},
        )


@check("start", points=2, rule='runtime-spec, runtime.md, "Lifecycle": poststart comes after start')
def test_poststart_hooks(tmp_path):
    """then the poststart hooks run, and are told that it is running"""
    told = tmp_path / "told"
    look = shell(f"test -e {tmp_path}/ran && echo after >> {told} || echo before >> {told}")
    hooks = {"poststart": [look, telling(told, "told")]}

    def call():
        pid = created(tmp_path, hooks=hooks)
        start(str(tmp_path / "state"), "box")
        return [line.replace(str(pid), "pid") for line in noted(told)]

    found = alone(call)
    expect(
        found,
        ["after", "told running pid"],
        story="the first hook wrote whether it ran after the program, the second what it was told",
        mistakes={
            "poststart-forgotten": found == [],
            "poststart-before-start": lambda: found[0] == "before",
            "told-created-after-start": lambda: "created" in found[1],
        },
    )


@check("start", points=1, rule=START)
def test_a_failure_of_init_is_told(tmp_path):
    """when init can't become the program, start says why, and no hook runs"""
    told = tmp_path / "told"
    report = {"kind": "ProgramNotExecutable", "error": ["exec format error", "exec: /odd", ""]}
    hooks = {"poststart": [telling(told, "poststart")]}

    def call():
        created(tmp_path, report, hooks)
        kinds = raised(start, str(tmp_path / "state"), "box")
        return {"told": said(kinds, ContainerError), "the hooks ran": told.exists()}

    found = alone(call)
    expect(
        found,
        {"told": "ContainerError", "the hooks ran": False},
        story="init, woken, reported: exec format error",
        mistakes={
            "failure-hidden": lambda: found["told"] == "no error",
            "poststart-always": lambda: found["the hooks ran"],
        },
    )


# ---------------------------------------------------------------- start_time

STAT = (
    "proc_pid_stat(5): (2) comm, the name of the program, in parentheses; (3) state; (22) starttime,"
    " the time the process started after boot, in clock ticks"
)


def renamed_sleeper(name):
    """A child that sleeps under another name."""

    def fork():
        pid = isolation.fork()
        if pid == 0:
            Path("/proc/self/comm").write_text(name)
        return pid

    pid = sleeper(fork)
    settled(lambda: Path(f"/proc/{pid}/comm").read_text() == f"{name}\n")
    return pid


@check("start_time", points=3, rule=STAT)
def test_the_start_of_a_process(tmp_path):
    """field 22 of the line, whatever the program is called"""
    for name in ("sleeper", "a sleeper", "1) Z (2 3"):
        pid = renamed_sleeper(name)
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        found = outcome(start_time, pid)
        expect(
            found,
            int(fields[19]),
            story=f"of a process that runs the program {name!r}; its line:"
            f" {pid} ({name}) {fields[0]} … {' '.join(fields[17:21])} …",
            mistakes={
                "start-as-text": found in (fields[19], fields[19].encode()),
                "counted-from-the-name": str(found) == fields[21],
                "counted-from-one": str(found) == fields[20],
                "name-with-blanks": " " in name,
            },
        )


@check("start_time", points=2, rule=STAT)
def test_a_zombie_has_ended(tmp_path):
    """a zombie has ended: None"""
    pid = sleeper()
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    found = outcome(start_time, pid)
    expect(
        found,
        None,
        story="the process was killed, and its parent has not asked about it yet",
        mistakes={"zombie-has-begun": not isinstance(found, Raised)},
    )


@check("start_time", points=1, rule="proc(5): there is no /proc/PID when the process is gone")
def test_what_is_gone_has_ended(tmp_path):
    """of a process that is gone: None"""
    pid = sleeper()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    found = outcome(start_time, pid)
    expect(
        found,
        None,
        story="the process was killed, and its parent has asked about it",
        mistakes={"gone-is-an-error": isinstance(found, Raised)},
    )


# ---------------------------------------------------------------- state

STATE = (
    'runtime-spec, runtime.md, "State": the status is creating, created, running or stopped, as'
    " it is when one asks"
)


def status_of(root, id="box"):
    return state(str(root), id)["status"]


@check("state", points=2, rule=STATE)
def test_status_follows_the_container(tmp_path):
    """created, running, stopped: whatever happened since it was last asked"""

    def call():
        pid = sleeper()
        directory = lay_out(tmp_path, "box", identity(pid), fifo=True)
        seen = [status_of(tmp_path)]
        os.unlink(directory / "exec.fifo")
        seen.append(status_of(tmp_path))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return [*seen, status_of(tmp_path)]

    found = alone(call)
    wanted = ["created", "running", "stopped"]
    expect(
        found,
        wanted,
        story="asked three times: with the FIFO there, after the FIFO was gone, after init had"
        " ended. The record was the same all the time",
        mistakes={
            "status-remembered": lambda: len(set(found)) == 1,
            "fifo-ignored": lambda: "created" not in found,
        },
    )


@check("state", points=2, rule="proc_pid_stat(5), field 3: Z is a zombie, it ended and runs no more")
def test_a_zombie_has_stopped(tmp_path):
    """a process that ended, but for which nobody has waited, is stopped"""

    def call():
        pid = sleeper()
        lay_out(tmp_path, "box", identity(pid))
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return status_of(tmp_path)

    found = alone(call)
    expect(
        found,
        "stopped",
        story="init was killed, and its parent did not wait for it yet",
        mistakes={"zombie-counts": found in ("running", "created")},
    )


@check("state", points=2, rule="proc_pid_stat(5), field 22: a number is used again, a start is not")
def test_a_reused_pid_is_somebody_else(tmp_path):
    """another process that got the same pid later does not count"""

    def call():
        stranger = identity(sleeper())
        lay_out(tmp_path, "box", {**stranger, "start": stranger["start"] - 500})
        return status_of(tmp_path)

    found = alone(call)
    expect(
        found,
        "stopped",
        story="init ended; five seconds later a process of somebody else's got its pid",
        mistakes={"reused-pid-counts": found in ("running", "created")},
    )


@check("state", points=1, rule=STATE)
def test_creating(tmp_path):
    """creating while its creator works; stopped when that died on the way"""

    def call():
        lay_out(tmp_path, "young", None, fifo=True)
        dead = {**identity(os.getpid()), "start": 1}
        lay_out(tmp_path, "lost", None, fifo=True, creator=dead)
        return [status_of(tmp_path, "young"), status_of(tmp_path, "lost")]

    found = alone(call)
    expect(
        found,
        ["creating", "stopped"],
        story="two containers without an init: one whose creator is at work, one whose creator died",
        mistakes={
            "init-taken-for-granted": isinstance(found, Raised),
            "creating-for-ever": found == ["creating", "creating"],
            "creating-unknown": lambda: found[0] != "creating",
        },
    )


@check("state", points=1, rule="runc(8), cgroups(7): a frozen cgroup's processes do not go on")
def test_paused(tmp_path):
    """a container whose cgroup is frozen is paused"""
    cgroup = tmp_path / "cgroup"
    cgroup.mkdir()
    paths = {"version": 1, "paths": {"freezer": str(cgroup)}}

    def call():
        lay_out(tmp_path / "state", "box", identity(sleeper()), cgroup=paths)
        seen = []
        for word in ("THAWED", "FROZEN"):
            (cgroup / "freezer.state").write_text(f"{word}\n")
            seen.append(status_of(tmp_path / "state"))
        os.mkfifo(tmp_path / "state/box/exec.fifo")
        return [*seen, status_of(tmp_path / "state")]

    found = alone(call)
    expect(
        found,
        ["running", "paused", "created"],
        story="freezer.state said THAWED, then FROZEN; the third time it said FROZEN, but the"
        " FIFO was there, as before start",
        mistakes={
            "paused-unnoticed": lambda: "paused" not in found,
            "paused-before-created": found == ["running", "paused", "paused"],
        },
    )


@check("state", points=1, rule=STATE)
def test_what_the_state_holds(tmp_path):
    """the result is the specification's state, and nothing of our own"""

    def call():
        lay_out(tmp_path, "box", {"pid": 1, "start": 0})
        found = state(str(tmp_path), "box")
        return {"keys": sorted(found), "pid": found["pid"]}

    found = alone(call)
    keys = ["bundle", "created", "id", "ociVersion", "owner", "pid", "rootfs", "status"]
    expect(
        found,
        {"keys": keys, "pid": 0},
        story="the state of a container that has stopped",
        mistakes={"record-shown": lambda: "config" in found["keys"]},
    )
    found = outcome(state, str(tmp_path), "nobody")
    expect(found, Raises(NoSuchContainer), story="there is no container nobody")


# ---------------------------------------------------------------- kill

KILL = (
    'runtime-spec, runtime.md, "Kill": the signal is sent to the container\'s process; one that is'
    " neither created nor running must not be affected, and an error is generated"
)


@check("kill", points=2, rule=KILL)
def test_signals_by_any_name(tmp_path):
    """a signal may be 15, "15", "TERM" or "SIGTERM", and SIGTERM is the usual one"""

    def call(arguments):
        pid = sleeper()
        root = tmp_path / f"state{pid}"
        lay_out(root, "box", identity(pid))
        kinds = raised(kill, str(root), "box", *arguments)
        if kinds:
            return f"{kinds[0]} was raised"
        return -ends(pid) if settled(lambda: not lives(pid), 0.2) else "it lives on"

    for arguments in (("SIGTERM",), (15,), ("15",), ("TERM",), ()):
        found = alone(lambda arguments=arguments: call(arguments))
        expect(
            found,
            15,
            story=f"kill({', '.join(['root', repr('box'), *map(repr, arguments)])}); which signal"
            " ended the process?",
            mistakes={
                "name-without-sig": arguments == ("TERM",),
                "number-as-text": arguments == ("15",),
            },
        )


@check("kill", points=2, rule=KILL)
def test_kill_refuses_what_has_stopped(tmp_path):
    """a container that has stopped is refused, and nobody gets the signal"""

    def call():
        stranger = sleeper()
        stopped = {**identity(stranger), "start": 1}
        lay_out(tmp_path, "box", stopped)
        reading, writing = os.pipe()
        pid = isolation.fork()
        if pid == 0:
            try:
                os.setsid()
                kinds = raised(kill, str(tmp_path), "box", "KILL")
                os.write(writing, said(kinds, WrongState).encode())
            finally:
                os._exit(0)
        os.close(writing)
        status = ends(pid)
        told = os.read(reading, 100).decode() or f"killed by signal {-status}"
        return {"told": told, "the other process lives": unharmed(stranger)}

    found = alone(call)
    expect(
        found,
        {"told": "WrongState", "the other process lives": True},
        story="init ended, and its pid is used by somebody else now; kill(root, 'box', 'KILL')",
        mistakes={
            "stranger-killed": lambda: not found["the other process lives"],
            "pid-0": lambda: found["told"] == "killed by signal 9",
            "kill-without-effect-is-fine": lambda: found["told"] == "no error",
        },
    )


@check("kill", points=1, rule=KILL)
def test_kill_of_a_created_container(tmp_path):
    """a container that is created, but not started, can be killed; so can one that is paused"""
    cgroup = tmp_path / "cgroup"
    cgroup.mkdir()
    (cgroup / "freezer.state").write_text("FROZEN\n")
    frozen = {"cgroup": {"version": 1, "paths": {"freezer": str(cgroup)}}}

    def call(root, **more):
        pid = sleeper()
        lay_out(root, "box", identity(pid), **more)
        kill(str(root), "box", "KILL")
        return -ends(pid) if settled(lambda: not lives(pid), 0.2) else "it lives on"

    found = alone(lambda: call(tmp_path / "created", fifo=True))
    mistakes = {"created-refused": isinstance(found, Raised)}
    expect(found, 9, story="kill(root, 'box', 'KILL') before start", mistakes=mistakes)
    found = alone(lambda: call(tmp_path / "paused", **frozen))
    mistakes = {"paused-refused": isinstance(found, Raised)}
    expect(found, 9, story="kill(root, 'box', 'KILL') while it is paused", mistakes=mistakes)


@check("kill", points=1, rule="signal(7): the names and numbers that there are")
def test_unknown_signals(tmp_path):
    """a signal that does not exist is a ContainerError, and nothing is sent"""

    def call(name):
        pid = sleeper()
        root = tmp_path / f"state{pid}"
        lay_out(root, "box", identity(pid))
        kinds = raised(kill, str(root), "box", name)
        return {"told": said(kinds, ContainerError), "it lives": unharmed(pid)}

    for name in ("NOSUCH", "999"):
        found = alone(lambda name=name: call(name))
        expect(
            found,
            {"told": "ContainerError", "it lives": True},
            story=f"kill(root, 'box', {name!r})",
        )


@check("kill", points=2, rule="runc(8), kill --all: to all processes of the container")
def test_kill_all(tmp_path):
    """with all, every process gets it, also when init has ended; without it, init alone"""
    cgroup = tmp_path / "cgroup"
    cgroup.mkdir()

    def call(init_lives, all=True):
        init, more = sleeper(), [sleeper(), sleeper()]
        root = tmp_path / f"state{init}"
        who = identity(init)
        if not init_lives:
            os.kill(init, signal.SIGKILL)
            os.waitpid(init, 0)
        pids = [*([init] if init_lives else []), *more]
        (cgroup / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))
        lay_out(root, "box", who, cgroup={"version": 1, "paths": {"pids": str(cgroup)}})
        if not all:
            kinds = raised(kill, str(root), "box", "KILL")
            return {"told": said(kinds, WrongState), "living": sum(map(unharmed, more))}
        kinds = raised(kill, str(root), "box", "KILL", all=True)
        settled(lambda: not any(map(lives, pids)), 0.2)
        return {"told": said(kinds, WrongState), "living": sum(map(lives, pids))}

    for init_lives in (True, False):
        found = alone(lambda init_lives=init_lives: call(init_lives))
        others = "an init and two more processes" if init_lives else "no init, two processes are left"
        expect(
            found,
            {"told": "no error", "living": 0},
            story=f"{others}; kill(root, 'box', 'KILL', all=True)",
            mistakes={
                "only-init": lambda: init_lives and found["living"] == 2,
                "all-needs-init": not init_lives,
            },
        )
    found = alone(lambda: call(True, all=False))
    expect(
        found,
        {"told": "no error", "living": 2},
        story="an init and two more processes; kill(root, 'box', 'KILL'), without all",
        mistakes={"always-all": lambda: found["living"] == 0},
    )


# ---------------------------------------------------------------- delete

DELETE = (
    'runtime-spec, runtime.md, "Delete": what create made is removed; one that is not stopped must'
    " not be affected, and an error is generated"
)


def deletable(tmp_path, status="stopped", **more):
    """A container laid out in a status; the pid of its process."""
    pid = sleeper()
    init = identity(pid) if status != "stopped" else {"pid": pid, "start": 1}
    lay_out(tmp_path / "state", "box", init, fifo=status == "created", **more)
    return pid


@check("delete", points=2, rule=DELETE)
def test_delete_removes_all(tmp_path):
    """a stopped container is gone, with all that create made"""
    cgroup = tmp_path / "cgroup"
    cgroup.mkdir()
    cgroups = {"version": 1, "paths": {"pids": str(cgroup)}}

    def call():
        stranger = deletable(tmp_path, cgroup=cgroups)
        delete(str(tmp_path / "state"), "box")
        return {
            "directory": (tmp_path / "state/box").exists(),
            "cgroup": cgroup.exists(),
            "the process that has init's pid now": unharmed(stranger),
        }

    found = alone(call)
    expect(
        found,
        {"directory": False, "cgroup": False, "the process that has init's pid now": True},
        story="delete(root, 'box') on a stopped container; what is still there?",
        mistakes={
            "cgroup-left": lambda: found["cgroup"],
            "strangers-ended": lambda: not found["the process that has init's pid now"],
        },
    )


@check("delete", points=2, rule=DELETE)
def test_delete_refuses_other_states(tmp_path):
    """one that runs, or waits for start, is refused, and nothing happens to it"""

    def call(status):
        place = tmp_path / status
        pid = deletable(place, status)
        kinds = raised(delete, str(place / "state"), "box")
        there = (place / "state/box").exists()
        return {"told": said(kinds, WrongState), "directory": there, "process": unharmed(pid)}

    for status in ("running", "created"):
        found = alone(lambda status=status: call(status))
        expect(
            found,
            {"told": "WrongState", "directory": True, "process": True},
            story=f"delete(root, 'box') on a container that is {status}; what is still there?",
            mistakes={"running-deleted": True},
        )


@check("delete", points=2, rule=DELETE)
def test_delete_by_force(tmp_path):
    """by force, it is ended and deleted, whatever it does"""

    def call(status):
        place = tmp_path / status
        pid = deletable(place, status)
        kinds = raised(delete, str(place / "state"), "box", force=True)
        there = (place / "state/box").exists()
        ended = settled(lambda: not lives(pid), 0.2)
        return {"told": said(kinds, WrongState), "directory": there, "process": not ended}

    for status in ("running", "created"):
        found = alone(lambda status=status: call(status))
        expect(
            found,
            {"told": "no error", "directory": False, "process": False},
            story=f"delete(root, 'box', force=True) on a container that is {status}",
            mistakes={
                "force-ignored": lambda: found["told"] == "WrongState",
                "process-left": lambda: found["process"] and not found["directory"],
            },
        )


@check("delete", points=1, rule='runc(8), delete --force: "no error when it does not exist"')
def test_delete_what_is_not_there(tmp_path):
    """what does not exist is an error, but not by force"""
    (tmp_path / "state").mkdir()

    def call():
        root = str(tmp_path / "state")
        plain, forced = raised(delete, root, "nobody"), raised(delete, root, "nobody", force=True)
        return {"told": said(plain, NoSuchContainer), "by force": said(forced, NoSuchContainer)}

    found = alone(call)
    expect(
        found,
        {"told": "NoSuchContainer", "by force": "no error"},
        story="delete(root, 'nobody'), and the same with force=True",
        mistakes={
            "force-needs-it": lambda: found["by force"] != "no error",
            "missing-is-fine": lambda: found["told"] == "no error",
        },
    )


@check("delete", points=1, rule=DELETE)
def test_delete_what_is_damaged(tmp_path):
    """a container whose record is damaged can be deleted by force only"""
    directory = tmp_path / "state/box"
    directory.mkdir(parents=True)
    (directory / "state.json").write_text('{"id": "bo')

    def call():
        plain = raised(delete, str(tmp_path / "state"), "box")
        forced = raised(delete, str(tmp_path / "state"), "box", force=True)
        return {
            "told": said(plain, ContainerError),
            "by force": said(forced, ContainerError),
            "directory": directory.exists(),
        }

    found = alone(call)
    expect(
        found,
        {"told": "ContainerError", "by force": "no error", "directory": False},
        story="state.json is cut in the middle; delete, then delete with force=True",
        mistakes={"damaged-stays": lambda: found["directory"]},
    )


POSTSTOP = (
    'runtime-spec, runtime.md, "Lifecycle": poststop hooks run after the container was destroyed,'
    " before delete returns"
)


@check("delete", points=2, rule=POSTSTOP)
def test_poststop_hooks(tmp_path):
    """the poststop hooks run last, and are told that it has stopped"""
    told = tmp_path / "told"
    where = tmp_path / "state/box"
    look = shell(f"test -e {where} && echo before >> {told} || echo after >> {told}")
    hooks = {"poststop": [look, telling(told, "told")]}

    def call():
        deletable(tmp_path, "running", config=config(hooks=hooks))
        delete(str(tmp_path / "state"), "box", force=True)
        return noted(told)

    found = alone(call)
    expect(
        found,
        ["after", "told stopped 0"],
        story="delete(…, force=True) on a running container; the first hook wrote whether the"
        " container's directory was gone, the second what it was told",
        mistakes={
            "poststop-forgotten": found == [],
            "poststop-too-early": lambda: found[0] == "before",
            "told-running": lambda: "stopped" not in found[1],
        },
    )


# ---------------------------------------------------------------- apply_mounts

MOUNTS = (
    'runtime-spec, config.md, "Mounts": the entries are mounted in the order in which they are'
    " listed, at their destinations in the container"
)


def mounted(tmp_path, mounts, look=None):
    """Apply the mounts in a mount namespace of our own; the mounts below root, and `look()`."""
    root = tmp_path / "root"
    root.mkdir(exist_ok=True)

    def call():
        linux.unshare(linux.CLONE_NEWNS)
        linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
        linux.mount(root, root, None, linux.MS_BIND)
        before = len(os.listdir("/proc/self/fd"))
        apply_mounts(str(root), mounts)
        left_open = len(os.listdir("/proc/self/fd")) - before
        lines = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        below = {}
        for line in lines:
            if line[4].startswith(f"{tmp_path}/") and line[4] != str(root):
                options = ",".join([line[5], line[-1]])
                shared = any(field.startswith("shared:") for field in line)
                below[line[4].removeprefix(f"{tmp_path}/")] = [options, shared]
        return {"mounts": below, "left open": left_open, "look": look() if look else None}

    return apart(call)


def entry(destination, source="tmpfs", kind="tmpfs", options=()):
    return {
        "destination": destination,
        "type": kind,
        "source": str(source),
        "options": list(options),
    }


def places(found):
    return found if isinstance(found, Raised) else sorted(found["mounts"])


def options_at(found, place):
    """The options of the mount at `place`."""
    return "" if isinstance(found, Raised) else found["mounts"].get(place, [""])[0]


@check("apply_mounts", points=2, rule=MOUNTS)
def test_mounts_in_order(tmp_path):
    """each entry is mounted, in order, with what its file system reads"""
    mounts = [entry("/run", options=["nosuid", "size=64k"]), entry("/run/lock", options=["ro"])]

    def below_root(found):
        return str(tmp_path) in str(found.error)

    found = mounted(tmp_path, mounts, lambda: os.path.isdir(tmp_path / "root/run/lock"))
    expect(
        found if isinstance(found, Raised) else {"mounts": places(found), "seen": found["look"]},
        {"mounts": ["root/run", "root/run/lock"], "seen": True},
        story="a tmpfs on /run, then one on /run/lock; what is mounted, and can it be seen?",
        mistakes={
            "mounted-on-the-host": isinstance(found, Raised) and not below_root(found),
            "destination-not-made": isinstance(found, Raised),
            "out-of-order": True,
        },
    )
    has = {
        "run is nosuid": "nosuid" in options_at(found, "root/run"),
        "run has size=64k": "size=64k" in options_at(found, "root/run"),
        "lock is ro": options_at(found, "root/run/lock").startswith("ro"),
    }
    expect(
        has,
        dict.fromkeys(has, True),
        story="with the options nosuid and size=64k, and ro",
        mistakes={
            "data-lost": not has["run has size=64k"],
            "flags-lost": has["run has size=64k"],
        },
    )
    expect(
        found["left open"],
        0,
        story="a Destination is a file that is open; after both mounts, how many were left so?",
        mistakes={"destination-left-open": found["left open"] > 0},
    )
    sparse = [
        {"destination": "/plain", "type": "tmpfs"},
        {"destination": "/shown", "source": str(tmp_path), "options": ["bind"]},
    ]
    found = mounted(tmp_path, sparse)
    expect(
        places(found),
        ["root/plain", "root/shown"],
        story='a tmpfs without "source", and a bind mount without "type"',
    )


@check("apply_mounts", points=2, rule="path_resolution(7): inside, a link's target counts from /")
def test_no_link_leads_outside(tmp_path):
    """a link in the root can't lead a mount outside of it"""
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root/data").symlink_to(outside)
    found = mounted(tmp_path, [entry("/data/cache")])
    inside = f"root{outside}/cache"
    seen = places(found)
    expect(
        seen,
        [inside],
        story=f"the image holds a link, data -> {outside}; a tmpfs for /data/cache was asked for",
        mistakes={
            "link-followed-outside": lambda: any(place.startswith("outside") for place in seen),
        },
    )


@check("apply_mounts", points=3, rule='mount(2), "NOTES": a bind mount ignores other flags; a remount sets them')
def test_flags_of_a_bind_mount(tmp_path):
    """a bind mount has the flags that were asked for"""
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "file").write_text("")
    mounts = [
        entry("/etc", source, "bind", ["rbind", "ro", "nosuid"]),
        entry("/one", source / "file", "bind", ["bind", "ro"]),
    ]

    def look():
        try:
            (tmp_path / "root/etc/new").write_text("")
        except OSError as error:
            return error.strerror
        return "one can write"

    found = mounted(tmp_path, mounts, look)
    options = options_at(found, "root/etc")
    expect(
        found
        if isinstance(found, Raised)
        else {
            "/etc": sorted({"ro", "nosuid"} & set(options.split(",")[:4])),
            "/one": sorted({"ro"} & set(options_at(found, "root/one").split(",")[:1])),
            "writing to /etc/new": found["look"],
        },
        {
            "/etc": ["nosuid", "ro"],
            "/one": ["ro"],
            "writing to /etc/new": "Read-only file system",
        },
        story="bind mounts of a directory on /etc, with ro and nosuid, and of a file on /one, with ro",
        mistakes={
            "old-place-remounted": isinstance(found, Raised),
            "bind-flags-lost": lambda: found["look"] == "one can write",
        },
    )
    safe = tmp_path / "root/safe"
    mounts = [entry("/safe", options=["nosuid"]), entry("/again", safe, "bind", ["bind"])]
    found = mounted(tmp_path, mounts)
    expect(
        "nosuid" in options_at(found, "root/again"),
        True,
        story="a tmpfs with nosuid, and a bind mount of it that asks for no flags: a bind mount has"
        " those of its source until they are changed. Is it nosuid too?",
        mistakes={"flags-always-changed": not isinstance(found, Raised)},
    )


@check("apply_mounts", points=1, rule="mount(2), MS_REC: with a bind, the mounts below come too")
def test_rbind_brings_what_is_below(tmp_path):
    """rbind shows what is mounted below its source, bind does not"""
    mounts = [
        entry("/source"),
        entry("/source/deep"),
        entry("/all", tmp_path / "root/source", "bind", ["rbind"]),
        entry("/top", tmp_path / "root/source", "bind", ["bind"]),
    ]
    found = mounted(tmp_path, mounts)
    seen = places(found)
    expect(
        seen if isinstance(seen, Raised) else [p for p in seen if "source" not in p],
        ["root/all", "root/all/deep", "root/top"],
        story="below source another tmpfs is mounted; it was mounted on /all with rbind, and on"
        " /top with bind",
        mistakes={"rbind-not-recursive": lambda: "root/all/deep" not in seen},
    )


@check("apply_mounts", points=1, rule="mount(2): propagation changes in a call of its own")
def test_propagation(tmp_path):
    """propagation, such as shared, is set too"""
    found = mounted(tmp_path, [entry("/data", options=["rshared", "nosuid"])])
    expect(
        found if isinstance(found, Raised) else found["mounts"].get("root/data", ["", None])[1],
        True,
        story="a tmpfs with the options rshared and nosuid; is it shared?",
        mistakes={"propagation-lost": not isinstance(found, Raised)},
    )


@check("apply_mounts", points=1, rule="an error says which entry it is about (its docstring)")
def test_a_mount_that_fails(tmp_path):
    """what can't be mounted is a ContainerError that names the destination"""
    found = mounted(tmp_path, [entry("/data", kind="nosuchfs")])
    expect(
        found,
        Raises(ContainerError),
        story="an entry of type nosuchfs",
        mistakes={
            "kernel-error-passed-on": isinstance(found, Raised),
            "failed-mount-skipped": not isinstance(found, Raised),
        },
    )
    named = "/data" in str(found.error)
    expect(named, True, story="the message names the destination, /data", shown="it does")


# ---------------------------------------------------------------- run_hooks

HOOKS = (
    'runtime-spec, config.md, "POSIX-platform Hooks": in the listed order, each with the state as'
    " JSON on its standard input"
)
FAILURES = (
    'runtime-spec, runtime.md, "Lifecycle": a failing hook is an error, except that after a'
    " failing poststart or poststop hook a warning is logged and all goes on"
)
SAMPLE = {"id": "box", "status": "creating", "annotations": {"it's": "a \"test\""}}


def hooked(tmp_path, hooks, kind, about=None):
    """Run the hooks; what they noted, the error, and what went to standard error."""
    told = tmp_path / "told"
    told.unlink(missing_ok=True)

    def call():
        stderr = os.open(tmp_path / "stderr", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(stderr, 2)
        try:
            run_hooks(hooks, kind, about or SAMPLE)
            kinds, text = [], ""
        except NotImplementedError:
            raise
        except Exception as error:
            kinds, text = [k.__name__ for k in type(error).__mro__], str(error)
        return {"error": kinds, "text": text, "warned": (tmp_path / "stderr").read_text()}

    found = apart(call)
    if isinstance(found, Raised):
        return found
    return {**found, "told": told.read_text() if told.exists() else ""}


@check("run_hooks", points=2, rule=HOOKS)
def test_hooks_in_order(tmp_path):
    """the hooks of one kind, one after the other, in their order"""
    told = tmp_path / "told"
    hooks = {
        "prestart": [shell(f"echo {word} >> {told}") for word in ("one", "two", "three")],
        "poststop": [shell(f"echo other >> {told}")],
    }
    found = hooked(tmp_path, hooks, "prestart")
    seen = found if isinstance(found, Raised) else found["told"].split()
    expect(
        seen,
        ["one", "two", "three"],
        story="run_hooks(hooks, 'prestart', state): three hooks of this kind, one of another",
        mistakes={
            "every-kind": lambda: "other" in seen,
            "backwards": seen == ["three", "two", "one"],
        },
    )
    found = hooked(tmp_path, hooks, "poststart")
    expect(
        got(found, "error", "told"),
        {"error": [], "told": ""},
        story="run_hooks(hooks, 'poststart', state): there are no hooks of this kind",
        mistakes={"kind-taken-for-granted": lambda: "KeyError" in found["error"]},
    )


@check("run_hooks", points=2, rule=HOOKS)
def test_hooks_read_the_state(tmp_path):
    """each hook reads the state as JSON from its standard input"""
    told = tmp_path / "told"
    found = hooked(tmp_path, {"prestart": [shell(f"cat > {told}")]}, "prestart")
    text = found if isinstance(found, Raised) else found["told"]
    try:
        seen = json.loads(text)
    except (TypeError, ValueError):
        seen = text
    expect(
        seen,
        SAMPLE,
        story="a hook wrote down what it read from its standard input",
        mistakes={
            "state-not-sent": text == "",
            "not-json": lambda: isinstance(text, str) and text.startswith("{'"),
        },
    )


@check("run_hooks", points=2, rule=FAILURES)
def test_a_failing_hook(tmp_path):
    """the first hook that fails ends it, with HookFailed"""
    later = shell(f"echo later >> {tmp_path}/told")
    found = hooked(tmp_path, {"createRuntime": [shell("exit 3"), later]}, "createRuntime")
    expect(
        got(found, "told")
        if isinstance(found, Raised)
        else {"error": said(found["error"], HookFailed), "told": found["told"]},
        {"error": "HookFailed", "told": ""},
        story="the first of two createRuntime hooks failed",
        mistakes={
            "failure-swallowed": lambda: found["error"] == [],
            "later-hooks-run": lambda: found["told"] != "",
        },
    )
    found = hooked(tmp_path, {"createRuntime": [shell("exit 0"), shell("exit 3")]}, "createRuntime")
    text = found if isinstance(found, Raised) else found["text"]
    expect(
        "the hook createRuntime[1]" if "hook createRuntime[1] " in str(text) else text,
        "the hook createRuntime[1]",
        story="the second of two createRuntime hooks failed; which one does the error name?",
        mistakes={"hook-without-its-place": isinstance(text, str)},
    )


@check("run_hooks", points=2, rule=FAILURES)
def test_forgiven_failures(tmp_path):
    """a failing poststart or poststop hook is warned of, and the next one runs"""
    later = shell(f"echo later >> {tmp_path}/told")
    for kind in ("poststop", "poststart"):
        found = hooked(tmp_path, {kind: [shell("exit 3"), later]}, kind)
        expect(
            got(found, "error", "told"),
            {"error": [], "told": "later\n"},
            story=f"the first of two {kind} hooks failed",
            mistakes={
                "poststop-fatal": lambda: found["error"] and kind == "poststop",
                "poststart-fatal": lambda: found["error"] and kind == "poststart",
                "next-not-run": lambda: found["told"] == "",
            },
        )
        expect(
            "warning" in found["warned"] and kind in found["warned"],
            True,
            story=f"the first of two {kind} hooks failed; what stood on standard error?",
            shown="a warning that names the hook",
            mistakes={"warning-forgotten": True},
        )
