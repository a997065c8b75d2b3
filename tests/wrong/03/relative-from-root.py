"""safe_path: relative-from-root"""


def safe_path(readlink, name):
    place = ()
    for _ in range(100):
        parts = [part for part in name.split("/") if part not in ("", ".")]
        place = ()
        for number, part in enumerate(parts):
            if part == "..":
                place = place[:-1]
                continue
            target = readlink((*place, part))
            if target is not None:
                name = "/".join([target, *parts[number + 1 :]])
                break
            place = (*place, part)
        else:
            return place
    raise ImageError("too many links")
