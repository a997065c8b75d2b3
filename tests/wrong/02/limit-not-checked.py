"""limit_pids: limit-not-checked"""

def limit_pids(cgroup, maximum):
    value = str(maximum) if maximum > 0 else "max"
    with open(os.path.join(cgroup["paths"]["pids"], "pids.max"), "w") as file:
        file.write(value)
