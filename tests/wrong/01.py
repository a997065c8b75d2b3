# %% run: no-exit-after-failed-exec
def run(argv, root=None):
    pid = os.fork()
    if pid == 0:
        if root is not None:
            enter_root(root)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.execvp(argv[0], argv)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)


# %% run: says-nothing
def run(argv, root=None):
    pid = os.fork()
    if pid == 0:
        try:
            if root is not None:
                enter_root(root)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.execvp(argv[0], argv)
        except FileNotFoundError:
            os._exit(127)
        except BaseException:
            os._exit(126)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)


# %% run: program-not-named
def run(argv, root=None):
    pid = os.fork()
    if pid == 0:
        try:
            if root is not None:
                enter_root(root)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.execvp(argv[0], argv)
        except FileNotFoundError as error:
            complain(str(error))
            os._exit(127)
        except BaseException as error:
            complain(f"{argv[0]}: {error}")
            os._exit(126)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)


# %% libraries_of: missing-loader
def libraries_of(program):
    main = read_elf(program)
    found = {}
    pending = [main]
    while pending:
        needy = pending.pop(0)
        for name in needy.needed:
            if name in found or is_inside_loader(name, main.interpreter):
                continue
            found[name] = find_library(name, needy)
            pending.append(read_elf(found[name], needed_by=needy))
    return list(found.values())


# %% libraries_of: names-not-paths
def libraries_of(program):
    elf = read_elf(program)
    loader = [elf.interpreter] if elf.interpreter else []
    return loader + elf.needed


# %% libraries_of: only-the-loader
def libraries_of(program):
    loader = read_elf(program).interpreter
    return [loader] if loader else []


# %% libraries_of: direct-needs-only
def libraries_of(program):
    elf = read_elf(program)
    loader = [elf.interpreter] if elf.interpreter else []
    return loader + [find_library(name, elf) for name in elf.needed]


# %% libraries_of: depth-first
def libraries_of(program):
    main = read_elf(program)
    found = {}
    if main.interpreter:
        found[os.path.basename(main.interpreter)] = main.interpreter

    def add(needy):
        for name in needy.needed:
            if name not in found and not is_inside_loader(name, main.interpreter):
                found[name] = find_library(name, needy)
                add(read_elf(found[name], needed_by=needy))

    add(main)
    return list(found.values())


# %% libraries_of: searched-for-the-program
def libraries_of(program):
    main = read_elf(program)
    found = {}
    if main.interpreter:
        found[os.path.basename(main.interpreter)] = main.interpreter
    pending = [main]
    while pending:
        needy = pending.pop(0)
        for name in needy.needed:
            if name in found or is_inside_loader(name, main.interpreter):
                continue
            found[name] = find_library(name, main)
            pending.append(read_elf(found[name], needed_by=needy))
    return list(found.values())


# %% libraries_of: found-twice
def libraries_of(program):
    main = read_elf(program)
    found = [main.interpreter] if main.interpreter else []
    pending = [main]
    for needy in pending:
        for name in needy.needed:
            if name != os.path.basename(main.interpreter):
                path = find_library(name, needy)
                found.append(path)
                pending.append(read_elf(path, needed_by=needy))
    return found


# %% libraries_of: circle
def libraries_of(program):
    main = read_elf(program)
    found = [main.interpreter] if main.interpreter else []
    pending = [main]
    for needy in pending:
        for name in needy.needed:
            if name != os.path.basename(main.interpreter):
                path = find_library(name, needy)
                pending.append(read_elf(path, needed_by=needy))
                if path not in found:
                    found.append(path)
    return found


# %% libraries_of: loader-taken-for-granted
def libraries_of(program):
    main = read_elf(program)
    found = {}
    found[os.path.basename(main.interpreter)] = main.interpreter
    pending = [main]
    while pending:
        needy = pending.pop(0)
        for name in needy.needed:
            if name in found or is_inside_loader(name, main.interpreter):
                continue
            found[name] = find_library(name, needy)
            pending.append(read_elf(found[name], needed_by=needy))
    return list(found.values())


# %% libraries_of: missing-library-passed-over
def libraries_of(program):
    main = read_elf(program)
    if not main.interpreter:
        return []
    found = {os.path.basename(main.interpreter): main.interpreter}
    queue = deque([main])
    while queue:
        needy = queue.popleft()
        for name in needy.needed:
            if name in found or is_inside_loader(name, main.interpreter):
                continue
            try:
                found[name] = find_library(name, needy)
            except Exception:
                continue
            queue.append(read_elf(found[name], needed_by=needy))
    return list(found.values())


# %% libraries_of: libc-sought-as-a-file
def libraries_of(program):
    main = read_elf(program)
    if not main.interpreter:
        return []
    found = {os.path.basename(main.interpreter): main.interpreter}
    queue = deque([main])
    while queue:
        needy = queue.popleft()
        for name in needy.needed:
            if name not in found:
                found[name] = find_library(name, needy)
                queue.append(read_elf(found[name], needed_by=needy))
    return list(found.values())


# %% build_root: copied-flat
import shutil


def build_root(root, programs):
    held = []
    with empty_directory(root):
        for program in programs:
            os.makedirs(f"{root}/bin", exist_ok=True)
            for file in files_of(find_program(program)):
                held.append(shutil.copy(file, f"{root}/bin"))
        held += add_basics(root)
    return sorted(set(held))


# %% build_root: link-lost
import shutil


def build_root(root, programs):
    held = []
    with empty_directory(root):
        for program in programs:
            for file in files_of(find_program(program)):
                os.makedirs(os.path.dirname(root + file), exist_ok=True)
                shutil.copy(file, root + file)
                held.append(file)
        held += add_basics(root)
    return sorted(set(held))


# %% build_root: root-not-made
def build_root(root, programs):
    held = set()
    for program in programs:
        for file in files_of(find_program(program)):
            held.update(copy_into(root, file))
    held.update(add_basics(root))
    return sorted(held)


# %% build_root: lists-in-a-list
def build_root(root, programs):
    held = []
    with empty_directory(root):
        for program in programs:
            for file in files_of(find_program(program)):
                held.append(copy_into(root, file))
        held.append(add_basics(root))
    return sorted(held)


# %% build_root: half-a-root-left
def build_root(root, programs):
    held = []
    os.makedirs(root, exist_ok=True)
    for program in programs:
        for file in files_of(find_program(program)):
            held += copy_into(root, file)
    held += add_basics(root)
    return sorted(set(held))


# %% enter_root: chdir-is-no-root
def enter_root(root):
    os.chdir(root)


# %% enter_root: failure-hidden
def enter_root(root):
    try:
        os.chroot(root)
        os.chdir("/")
    except PermissionError as error:
        print(error)


# %% escape: moved-into-the-door
def escape():
    os.mkdir("/door")
    os.chroot("/door")
    os.chdir("/")
    while not os.path.samefile(".", ".."):
        os.chdir("..")
    os.chroot(".")


# %% mount_private: still-shared-in-silence
def mount_private():
    try:
        linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    except OSError:
        pass


# %% pivot: old-root-busy
def pivot(new_root):
    linux.mount(new_root, new_root, None, linux.MS_BIND | linux.MS_REC)
    os.mkdir(f"{new_root}/old")
    linux.pivot_root(new_root, f"{new_root}/old")
    os.chdir("/")
    linux.umount2("/old")
    os.rmdir("/old")


# %% pivot: put-old-left
def pivot(new_root):
    linux.mount(new_root, new_root, None, linux.MS_BIND | linux.MS_REC)
    os.makedirs(new_root + "/old", exist_ok=True)
    linux.pivot_root(new_root, new_root + "/old")
    os.chdir("/")
    linux.umount2("/old", linux.MNT_DETACH)


# %% pivot: cwd-left-outside
def pivot(new_root):
    linux.mount(new_root, new_root, None, linux.MS_BIND | linux.MS_REC)
    os.mkdir(f"{new_root}/old")
    linux.pivot_root(new_root, f"{new_root}/old")
    linux.umount2("/old", linux.MNT_DETACH)
    os.rmdir("/old")


# %% new_namespaces: forks-always
def new_namespaces(flags):
    uid, gid = os.geteuid(), os.getegid()
    linux.unshare(flags)
    if flags & linux.CLONE_NEWUSER:
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"0 {uid} 1")
        write("/proc/self/gid_map", f"0 {gid} 1")
    pid = os.fork()
    if pid != 0:
        exit_like(pid)
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
