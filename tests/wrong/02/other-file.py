"""limit_pids: other-file"""

def limit_pids(cgroup: dict, maximum: int) -> None:
    write_limit(cgroup, "pids", "pids.limit", str(maximum) if maximum > 0 else "max")
