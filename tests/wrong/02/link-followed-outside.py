"""apply_mounts: link-followed-outside"""

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
