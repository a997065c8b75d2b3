"""limit_pids: minus-one-written"""

def limit_pids(cgroup, maximum):
    write_limit(cgroup, "pids", "pids.max", str(maximum))
