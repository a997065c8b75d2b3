# %% image_tree: unpacked-anew
import shutil


def image_tree(layout, manifest, image):
    chain = chain_ids(image["rootfs"]["diff_ids"])
    name = chain[-1].replace(":", "-") if chain else "empty"
    tree = os.path.join(layout.path, "trees", name)
    shutil.rmtree(tree, ignore_errors=True)
    unpack_tree(layout, manifest, tree)
    return tree


# %% snapshot: always-copied
def snapshot(lower, container):
    rootfs, upper, work = new_directories(container)
    copy(lower, rootfs)
    return rootfs


# %% snapshot: no-way-out
def snapshot(lower, container):
    rootfs, upper, work = new_directories(container)
    copy_attributes(lower, upper)
    layers = f"lowerdir={escaped(lower)},upperdir={escaped(upper)},workdir={escaped(work)}"
    linux.mount("overlay", rootfs, "overlay", data=f"{layers},userxattr")
    return rootfs


# %% snapshot: every-error-swallowed
def snapshot(lower, container):
    rootfs, upper, work = new_directories(container)
    copy_attributes(lower, upper)
    layers = f"lowerdir={escaped(lower)},upperdir={escaped(upper)},workdir={escaped(work)}"
    try:
        # userxattr: an ordinary user may not write the trusted.* attributes overlayfs would use.
        linux.mount("overlay", rootfs, "overlay", data=f"{layers},userxattr")
    except OSError:
        copy(lower, rootfs)
    return rootfs


# %% with_options: entrypoint-takes-arguments-away
def with_options(image, options):
    settings = {**image.get("config", {})}
    if options.arguments:
        settings["Cmd"] = options.arguments
    if options.entrypoint is not None:
        settings["Entrypoint"] = [options.entrypoint] if options.entrypoint else []
        settings["Cmd"] = []
    if options.user is not None:
        settings["User"] = options.user
    if options.workdir is not None:
        settings["WorkingDir"] = options.workdir
    settings["Env"] = merge_environment(environment(options.env), settings.get("Env", []))
    if not settings.get("Entrypoint") and not settings.get("Cmd"):
        raise BadOption("the image names no command to run")
    return {**image, "config": settings}


# %% with_options: host-environment-added
import os


def with_options(image, options):
    settings: Settings = {**image.get("config", {})}
    if options.entrypoint is not None:
        settings["Entrypoint"] = [options.entrypoint] if options.entrypoint else []
        settings["Cmd"] = []
    if options.arguments:
        settings["Cmd"] = options.arguments
    if options.user is not None:
        settings["User"] = options.user
    if options.workdir is not None:
        settings["WorkingDir"] = options.workdir
    settings["Env"] = merge_environment([*environment(options.env), *(f"{k}={v}" for k, v in os.environ.items())], settings.get("Env", []))
    if not settings.get("Entrypoint") and not settings.get("Cmd"):
        raise BadOption("the image names no command to run", hint="Say one after the image's name.")
    return {**image, "config": settings}


# %% bind_mount: sides-swapped
def bind_mount(volume):
    parts = volume.split(":")
    return bind(parts[1], parts[0], parts[2:])


# %% bind_mount: form-taken-for-granted
def bind_mount(volume):
    source, destination, *mode = volume.split(":")
    if mode not in ([], ["ro"], ["rw"]) or not os.path.isabs(destination) or not source:
        raise BadOption("not a volume", volume)
    source = os.path.abspath(source)
    if not os.path.exists(source):
        raise BadOption("no such file or directory to mount", source)
    return bind(source, destination, mode)


# %% run_bundle: wait-status
import os


def run_bundle(root, id, bundle, terminal, **options):
    with Foreground(terminal) as foreground:
        console = foreground.console
        made = {"console_socket": console, "die_with_parent": True, **options}
        pid = lifecycle.create(root, id, bundle, **made)
        try:
            lifecycle.start(root, id)
            return os.waitpid(pid, 0)[1]
        finally:
            lifecycle.delete(root, id, force=True)


# %% run_bundle: signal-forgotten
import os


def run_bundle(root, id, bundle, terminal, **options):
    with Foreground(terminal) as foreground:
        console = foreground.console
        made = {"console_socket": console, "die_with_parent": True, **options}
        pid = lifecycle.create(root, id, bundle, **made)
        try:
            lifecycle.start(root, id)
            _, status = os.waitpid(pid, 0)
            return os.WEXITSTATUS(status)
        finally:
            lifecycle.delete(root, id, force=True)


# %% run_bundle: signals-not-passed-on
import os


def run_bundle(root, id, bundle, terminal, **options):
    console = None
    made = {"console_socket": console, "die_with_parent": True, **options}
    pid = lifecycle.create(root, id, bundle, **made)
    try:
        lifecycle.start(root, id)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return status if status >= 0 else 128 - status
    finally:
        lifecycle.delete(root, id, force=True)


# %% run_bundle: not-deleted
def run_bundle(root, id, bundle, terminal, **options):
    with Foreground(terminal) as foreground:
        console = foreground.console
        made = {"console_socket": console, "die_with_parent": True, **options}
        pid = lifecycle.create(root, id, bundle, **made)
        lifecycle.start(root, id)
        return foreground.stay(pid)


# %% run_bundle: not-deleted-after-a-failure
def run_bundle(root, id, bundle, terminal, **options):
    with Foreground(terminal) as foreground:
        console = foreground.console
        made = {"console_socket": console, "die_with_parent": True, **options}
        pid = lifecycle.create(root, id, bundle, **made)
        lifecycle.start(root, id)
        status = foreground.stay(pid)
        lifecycle.delete(root, id)
        return status


# %% run_bundle: zombie-left
import os
import time


def run_bundle(root, id, bundle, terminal, **options):
    with Foreground(terminal) as foreground:
        console = foreground.console
        made = {"console_socket": console, "die_with_parent": True, **options}
        pid = lifecycle.create(root, id, bundle, **made)
        try:
            lifecycle.start(root, id)
            while lifecycle.state(root, id)["status"] != "stopped":
                time.sleep(0.01)
            status = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            return status.si_status if status.si_code == os.CLD_EXITED else 128 + status.si_status
        finally:
            lifecycle.delete(root, id, force=True)


# %% start_monitor: monitor-returns
def start_monitor(clean):
    waiting, lifeline = os.pipe()
    pid = os.fork()
    if pid:
        os.close(waiting)
        return Monitor(pid, lifeline, clean)
    os.setsid()
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    os.close(lifeline)
    os.read(waiting, 1)
    clean()


# %% start_monitor: cleaned-here
def start_monitor(clean):
    waiting, lifeline = os.pipe()
    pid = os.fork()
    if pid:
        os.close(waiting)
        return Monitor(pid, lifeline, clean)
    try:
        os.setsid()
        os.close(lifeline)
        os.read(waiting, 1)
    finally:
        os._exit(1)


# %% run_container: monitor-not-dismissed
def run_container(layout, image, record, options):
    store, root, rootless = str(layout.path), containers.runtime_root(), is_rootless()
    enter_mount_namespace()
    record = containers.new_container(store, record)
    id, bundle = record["id"], containers.directory(store, record["id"])
    monitor = start_monitor(lambda: None)
    snapshot(image_tree(layout, image.descriptor, image.config), bundle)
    bundle_from_image(image.config, bundle, id, options, rootless)
    status = run_bundle(root, id, bundle, options.terminal)
    containers.ended(store, record, status)
    return status


# %% run_container: left-after-a-failure
def run_container(layout, image, record, options):
    store, root, rootless = str(layout.path), containers.runtime_root(), is_rootless()
    enter_mount_namespace()
    record = containers.new_container(store, record)
    id, bundle = record["id"], containers.directory(store, record["id"])
    snapshot(image_tree(layout, image.descriptor, image.config), bundle)
    bundle_from_image(image.config, bundle, id, options, rootless)
    monitor = start_monitor(lambda: clean_up(store, root, record))
    try:
        status = run_bundle(root, id, bundle, options.terminal)
        containers.ended(store, record, status)
        return status
    finally:
        monitor.dismiss()


# %% run_container: no-monitor
def run_container(layout, image, record, options):
    store, root, rootless = str(layout.path), containers.runtime_root(), is_rootless()
    enter_mount_namespace()
    record = containers.new_container(store, record)
    id, bundle = record["id"], containers.directory(store, record["id"])
    try:
        snapshot(image_tree(layout, image.descriptor, image.config), bundle)
        bundle_from_image(image.config, bundle, id, options, rootless)
        status = run_bundle(root, id, bundle, options.terminal)
        containers.ended(store, record, status)
        return status
    finally:
        clean_up(store, root, record)
