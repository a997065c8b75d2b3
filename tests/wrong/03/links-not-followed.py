"""safe_path: links-not-followed"""


def safe_path(readlink, name):
    place = []
    for part in name.split("/"):
        if part == "..":
            place = place[:-1]
        elif part not in ("", "."):
            place.append(part)
    return tuple(place)
