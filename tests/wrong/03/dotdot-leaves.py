"""safe_path: dotdot-leaves"""


def safe_path(readlink, name):
    place = []
    todo = name.split("/")[::-1]
    links = 0
    while todo:
        part = todo.pop()
        if part == ".." and place:
            place.pop()
        elif part not in ("", "."):
            target = readlink((*place, part))
            if target is None:
                place.append(part)
                continue
            links += 1
            if links > MOST_LINKS:
                raise ImageError("too many links")
            if target.startswith("/"):
                place = []
            todo += target.split("/")[::-1]
    return tuple(place)
