"""choose_manifest: os-ignored"""


def choose_manifest(index, wanted):
    for entry in reversed(index["manifests"]):
        if entry["platform"]["architecture"] == wanted["architecture"]:
            return entry
    raise NoMatchingPlatform(wanted, [])
