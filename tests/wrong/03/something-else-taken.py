"""choose_manifest: something-else-taken"""


def choose_manifest(index, wanted):
    for entry in index["manifests"]:
        if entry.get("platform") == wanted:
            return entry
    for entry in index["manifests"]:
        if entry.get("platform", {}).get("os") == wanted["os"]:
            return entry
    raise NoMatchingPlatform(wanted, [])
