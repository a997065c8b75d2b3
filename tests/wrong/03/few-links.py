"""safe_path: few-links"""


def safe_path(readlink, name):
    place: list[str] = []
    todo = name.split("/")[::-1]
    links = 0
    while todo:
        part = todo.pop()
        if part == "..":
            place = place[:-1]
        elif part not in ("", "."):
            target = readlink((*place, part))
            if target is None:
                place.append(part)
                continue
            links += 1
            if links > 3:
                raise ImageError("too many levels of symbolic links", name)
            place = [] if target.startswith("/") else place
            todo += target.split("/")[::-1]
    return tuple(place)
