"""apply_mounts: destination-not-made"""

def apply_mounts(root, mounts):
    for mount in mounts:
        flags, propagation, data = parse_options(mount)
        bind = flags & linux.MS_BIND
        recursive = bind | flags & linux.MS_REC
        source, fstype = mount.get("source", "none"), mount.get("type")
        target = root + mount["destination"]
        linux.mount(source, target, fstype, recursive if bind else flags, data)
