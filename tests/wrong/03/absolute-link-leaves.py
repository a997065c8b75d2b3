"""safe_path: absolute-link-leaves"""


def safe_path(readlink, name):
    place = ()
    for part in name.split("/"):
        if part == "..":
            place = place[:-1]
        elif part not in ("", "."):
            target = readlink((*place, part))
            place = (*place, part) if target is None else tuple(target.split("/"))
    return place
