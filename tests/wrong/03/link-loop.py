"""safe_path: link-loop"""


def safe_path(readlink, name):
    place = []
    todo = name.split("/")[::-1]
    while todo:
        part = todo.pop()
        if part == "..":
            place = place[:-1]
        elif part not in ("", "."):
            target = readlink((*place, part))
            if target is None:
                place.append(part)
            else:
                if target.startswith("/"):
                    place = []
                todo += target.split("/")[::-1]
    return tuple(place)
