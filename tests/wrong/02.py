# %% load_bundle: error-passed-on
import json


def load_bundle(bundle: str) -> dict:
    bundle = os.path.abspath(bundle)
    path = os.path.join(bundle, "config.json")
    with open(path) as file:
        config = json.load(file)
    check_config(config, path)
    root = os.path.realpath(os.path.join(bundle, config["root"]["path"]))
    if not os.path.isdir(root):
        raise BundleError("the root filesystem is missing: no such directory", root)
    config["root"]["path"] = root
    for mount in config.get("mounts", []):
        if is_bind(mount):
            mount["source"] = os.path.join(bundle, mount["source"])
    return config


# %% spawn: interrupt-leaves-child
def spawn(record, live):
    config, wanted = record["config"], namespaces.wanted(record["config"])
    new = [kind for kind, path in wanted.items() if not path and kind not in namespaces.LATER]
    flags = sum(namespaces.TYPES[kind][0] for kind in new)
    here, there = open_channel()
    pid = namespaces.clone_into(wanted, flags)
    if pid == 0:
        here.close()
        there.receive()
        live(there)
        os._exit(1)
    there.close()
    try:
        if "user" in new:
            uids, gids = config["linux"]["uidMappings"], config["linux"]["gidMappings"]
            write_mappings(pid, uids, gids)
        join_cgroup(record["cgroup"], pid)
        here.send(go=True)
        init = Init(pid, here)
        init.receive()
    except Exception:
        end_child(pid)
        raise
    record["init"] = process_identity(pid)
    return init


# %% create: half-made-left
def create(
    root: str,
    id: str,
    bundle: str,
    *,
    pid_file: str | None = None,
    console_socket: str | int | None = None,
    preserve_fds: int = 0,
    die_with_parent: bool = False,
) -> int:
    config = load_bundle(bundle)
    options = init_options(config, console_socket, preserve_fds, die_with_parent)
    record = new_record(id, bundle, config)
    reserve(root, record)
    try:
        init = spawn_init(root, record, options)
        creating = public_state(record, "creating")
        for kind in ("prestart", "createRuntime"):
            run_hooks(config.get("hooks", {}), kind, creating)
        init.finish(config, creating)
        save(root, record)
        write_pid_file(pid_file, init.pid)
    finally:
        pass
    return init.pid


# %% create: interrupt-forgotten
def create(
    root: str,
    id: str,
    bundle: str,
    *,
    pid_file: str | None = None,
    console_socket: str | int | None = None,
    preserve_fds: int = 0,
    die_with_parent: bool = False,
) -> int:
    config = load_bundle(bundle)
    options = init_options(config, console_socket, preserve_fds, die_with_parent)
    record = new_record(id, bundle, config)
    reserve(root, record)
    try:
        init = spawn_init(root, record, options)
        creating = public_state(record, "creating")
        for kind in ("prestart", "createRuntime"):
            run_hooks(config.get("hooks", {}), kind, creating)
        init.finish(config, creating)
        save(root, record)
        write_pid_file(pid_file, init.pid)
    except Exception:
        undo_create(root, record)
        raise
    return init.pid


# %% create: others-undone
def create(
    root: str,
    id: str,
    bundle: str,
    *,
    pid_file: str | None = None,
    console_socket: str | int | None = None,
    preserve_fds: int = 0,
    die_with_parent: bool = False,
) -> int:
    config = load_bundle(bundle)
    options = init_options(config, console_socket, preserve_fds, die_with_parent)
    record = new_record(id, bundle, config)
    try:
        reserve(root, record)
        init = spawn_init(root, record, options)
        creating = public_state(record, "creating")
        for kind in ("prestart", "createRuntime"):
            run_hooks(config.get("hooks", {}), kind, creating)
        init.finish(config, creating)
        save(root, record)
        write_pid_file(pid_file, init.pid)
    except BaseException:
        undo_create(root, record)
        raise
    return init.pid


# %% wait_for_start: ended-by-exception
import sys


def wait_for_start(fifo: str, directory: int) -> int:
    for number in (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP, _signal.SIGQUIT):
        _signal.signal(number, lambda number, _: sys.exit(128 + number))
    return os.open(fifo, os.O_WRONLY, dir_fd=directory)


# %% start_time: name-with-blanks
def start_time(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().split()
    except FileNotFoundError:
        return None
    return None if fields[2] in ("Z", "X") else int(fields[21])


# %% state: status-remembered
def state(root, id):
    record = load(root, id)
    return public_state(record, record.get("status", "created"))


# %% state: fifo-ignored
def state(root: str, id: str) -> dict:
    record = load(root, id)
    init = record["init"]
    if not is_alive(init or record["creator"]):
        status = "stopped"
    elif init is None:
        status = "creating"
    else:
        status = "paused" if cgroups.is_frozen(record["cgroup"]) else "running"
    return public_state(record, status)


# %% state: zombie-counts
def pid_exists(process):
    try:
        os.kill(process["pid"], 0)
    except ProcessLookupError:
        return False
    return True


def state(root: str, id: str) -> dict:
    record = load(root, id)
    init = record["init"]
    if not pid_exists(init or record["creator"]):
        status = "stopped"
    elif init is None:
        status = "creating"
    elif os.path.exists(fifo_path(root, id)):
        status = "created"
    else:
        status = "paused" if cgroups.is_frozen(record["cgroup"]) else "running"
    return public_state(record, status)


# %% state: reused-pid-counts
def runs(process):
    try:
        with open(f"/proc/{process['pid']}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def state(root: str, id: str) -> dict:
    record = load(root, id)
    init = record["init"]
    if not runs(init or record["creator"]):
        status = "stopped"
    elif init is None:
        status = "creating"
    elif os.path.exists(fifo_path(root, id)):
        status = "created"
    else:
        status = "paused" if cgroups.is_frozen(record["cgroup"]) else "running"
    return public_state(record, status)


# %% state: creating-for-ever
def state(root: str, id: str) -> dict:
    record = load(root, id)
    init = record["init"]
    if init is None:
        status = "creating"
    elif not is_alive(init):
        status = "stopped"
    elif os.path.exists(fifo_path(root, id)):
        status = "created"
    else:
        status = "paused" if cgroups.is_frozen(record["cgroup"]) else "running"
    return public_state(record, status)


# %% kill: stranger-killed
def kill(root, id, signal="SIGTERM", all=False):
    record = load(root, id)
    for pid in processes(record) if all else [record["init"]["pid"]]:
        send_signal(pid, signal_number(signal))


# %% delete: force-needs-it
def delete(root: str, id: str, force: bool = False) -> None:
    record = load(root, id)
    status = state(root, id)["status"]
    if status != "stopped" and not force:
        hint = f"`minirunc kill {id} KILL` stops it, `minirunc delete --force {id}` does both"
        raise WrongState(f"cannot delete a container that is {status}", id, hint)
    destroy(root, record)
    run_hooks(record["config"].get("hooks", {}), "poststop", public_state(record, "stopped"))


# %% apply_mounts: destination-not-made
def apply_mounts(root, mounts):
    for mount in mounts:
        flags, propagation, data = parse_options(mount)
        bind = flags & linux.MS_BIND
        recursive = bind | flags & linux.MS_REC
        source, fstype = mount.get("source", "none"), mount.get("type")
        target = root + mount["destination"]
        linux.mount(source, target, fstype, recursive if bind else flags, data)


# %% apply_mounts: mounted-on-the-host
def apply_mounts(root, mounts):
    for mount in mounts:
        flags, propagation, data = parse_options(mount)
        bind = flags & linux.MS_BIND
        recursive = bind | flags & linux.MS_REC
        source, fstype = mount.get("source", "none"), mount.get("type")
        linux.mount(source, mount["destination"], fstype, recursive if bind else flags, data)


# %% apply_mounts: link-followed-outside
def apply_mounts(root: str, mounts: list[dict]) -> None:
    for mount in mounts:
        flags, propagation, data = parse_options(mount)
        bind = flags & linux.MS_BIND
        try:
            target = os.path.join(root, mount["destination"].lstrip("/"))
            if os.path.isfile(mount.get("source", "")):
                open(target, "a").close()
            else:
                os.makedirs(target, exist_ok=True)
            if True:
                recursive = bind | flags & linux.MS_REC
                source, fstype = mount.get("source", "none"), mount.get("type")
                linux.mount(source, target, fstype, recursive if bind else flags, data)
            if True:
                if bind and flags & ~recursive:
                    change_flags(target, flags & ~linux.MS_REC)
                if propagation:
                    linux.mount(None, target, None, propagation)
        except OSError as error:
            what = f"cannot mount {mount.get('source')} on it: {error.strerror}"
            raise ContainerError(what, mount["destination"]) from None


# %% apply_mounts: old-place-remounted
def apply_mounts(root: str, mounts: list[dict]) -> None:
    for mount in mounts:
        flags, propagation, data = parse_options(mount)
        bind = flags & linux.MS_BIND
        try:
            with Destination(root, mount) as target:
                recursive = bind | flags & linux.MS_REC
                source, fstype = mount.get("source", "none"), mount.get("type")
                linux.mount(source, target, fstype, recursive if bind else flags, data)
                if bind and flags & ~recursive:
                    change_flags(target, flags & ~linux.MS_REC)
                if propagation:
                    linux.mount(None, target, None, propagation)
        except OSError as error:
            what = f"cannot mount {mount.get('source')} on it: {error.strerror}"
            raise ContainerError(what, mount["destination"]) from None


# %% apply_mounts: kernel-error-passed-on
def apply_mounts(root: str, mounts: list[dict]) -> None:
    for mount in mounts:
        flags, propagation, data = parse_options(mount)
        bind = flags & linux.MS_BIND
        try:
            with Destination(root, mount) as target:
                recursive = bind | flags & linux.MS_REC
                source, fstype = mount.get("source", "none"), mount.get("type")
                linux.mount(source, target, fstype, recursive if bind else flags, data)
            with Destination(root, mount) as target:  # opened again: now it is the new mount
                if bind and flags & ~recursive:
                    change_flags(target, flags & ~linux.MS_REC)
                if propagation:
                    linux.mount(None, target, None, propagation)
        finally:
            pass


# %% apply_mounts: failed-mount-skipped
from minicontainer.lib import log


def apply_mounts(root: str, mounts: list[dict]) -> None:
    for mount in mounts:
        flags, propagation, data = parse_options(mount)
        bind = flags & linux.MS_BIND
        try:
            with Destination(root, mount) as target:
                recursive = bind | flags & linux.MS_REC
                source, fstype = mount.get("source", "none"), mount.get("type")
                linux.mount(source, target, fstype, recursive if bind else flags, data)
            with Destination(root, mount) as target:  # opened again: now it is the new mount
                if bind and flags & ~recursive:
                    change_flags(target, flags & ~linux.MS_REC)
                if propagation:
                    linux.mount(None, target, None, propagation)
        except OSError as error:
            log.warn(str(error))


# %% run_hooks: every-kind
def run_hooks(hooks: dict, kind: str, state: dict) -> None:
    hooks_of_all_kinds = [hook for of_a_kind in hooks.values() for hook in of_a_kind]
    for number, hook in enumerate(hooks_of_all_kinds):
        try:
            run_hook(f"{kind}[{number}]", hook, dumps(state).encode())
        except HookFailed as failure:
            if kind not in FORGIVEN:
                raise
            log.warn(failure.one_line)


# %% run_hooks: failure-swallowed
def run_hooks(hooks, kind, state):
    try:
        for number, hook in enumerate(hooks.get(kind, [])):
            run_hook(f"{kind}[{number}]", hook, dumps(state).encode())
    except HookFailed as failure:
        log.warn(failure.one_line)


# %% run_hooks: later-hooks-run
def run_hooks(hooks, kind, state):
    first = None
    for number, hook in enumerate(hooks.get(kind, [])):
        try:
            run_hook(f"{kind}[{number}]", hook, dumps(state).encode())
        except HookFailed as failure:
            if kind in FORGIVEN:
                log.warn(failure.one_line)
            else:
                first = first or failure
    if first:
        raise first


# %% run_hooks: poststop-fatal
def run_hooks(hooks, kind, state):
    for number, hook in enumerate(hooks.get(kind, [])):
        run_hook(f"{kind}[{number}]", hook, dumps(state).encode())


# %% run_hooks: next-not-run
def run_hooks(hooks, kind, state):
    try:
        for number, hook in enumerate(hooks.get(kind, [])):
            run_hook(f"{kind}[{number}]", hook, dumps(state).encode())
    except HookFailed as failure:
        if kind not in FORGIVEN:
            raise
        log.warn(failure.one_line)
