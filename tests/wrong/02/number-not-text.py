"""limit_pids: number-not-text"""

def limit_pids(cgroup, maximum):
    write_limit(cgroup, "pids", "pids.max", maximum if maximum > 0 else "max")
