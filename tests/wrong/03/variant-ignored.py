"""choose_manifest: variant-ignored"""


def choose_manifest(index, wanted):
    plain = None
    for entry in index["manifests"]:
        platform = entry.get("platform")
        if platform is None:
            plain = plain or entry
        elif (platform["os"], platform["architecture"]) == (wanted["os"], wanted["architecture"]):
            return entry
    if plain:
        return plain
    raise NoMatchingPlatform(wanted, [])
