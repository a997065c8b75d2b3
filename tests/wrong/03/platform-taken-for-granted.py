"""choose_manifest: platform-taken-for-granted"""


def choose_manifest(index, wanted):
    for runnable in platforms_run_by(wanted):
        for entry in index["manifests"]:
            if identity(entry["platform"]) == runnable:
                return entry
    raise NoMatchingPlatform(wanted, [entry["platform"] for entry in index["manifests"]])
