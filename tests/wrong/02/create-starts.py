"""create: create-starts"""

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
        wake_init(root, id, init.pid)
    except BaseException:
        undo_create(root, record)
        raise
    return init.pid
