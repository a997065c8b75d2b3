"""limit_pids: other-controller"""

def limit_pids(cgroup, maximum):
    value = str(maximum) if maximum > 0 else "max"
    write_limit(cgroup, next(iter(cgroup["paths"]), "pids"), "pids.max", value)
