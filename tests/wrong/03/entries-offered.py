"""choose_manifest: entries-offered"""


def choose_manifest(index, wanted):
    known = [one for one in index["manifests"] if one["mediaType"] in INDEX_TYPES + MANIFEST_TYPES]
    for runnable in platforms_run_by(wanted):
        for entry in known:
            if "platform" in entry and identity(entry["platform"]) == runnable:
                return entry
    for entry in known:
        if "platform" not in entry:
            return entry
    raise NoMatchingPlatform(wanted, known)
