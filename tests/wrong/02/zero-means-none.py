"""limit_pids: zero-means-none"""

def limit_pids(cgroup: dict, maximum: int) -> None:
    write_limit(cgroup, "pids", "pids.max", str(maximum) if maximum >= 0 else "max")
