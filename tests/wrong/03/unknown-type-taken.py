"""choose_manifest: unknown-type-taken"""


def choose_manifest(index, wanted):
    known = index["manifests"]
    for runnable in platforms_run_by(wanted):
        for entry in known:
            if "platform" in entry and identity(entry["platform"]) == runnable:
                return entry
    for entry in known:
        if "platform" not in entry:
            return entry
    raise NoMatchingPlatform(wanted, [one["platform"] for one in known if "platform" in one])
