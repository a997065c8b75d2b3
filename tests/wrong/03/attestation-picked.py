"""choose_manifest: attestation-picked"""


def choose_manifest(index, wanted):
    for entry in index["manifests"]:
        platform = entry.get("platform", wanted)
        if "unknown" in platform.values() or platform == wanted:
            return entry
    raise NoMatchingPlatform(wanted, [])
