"""kill: stranger-killed"""

def kill(root, id, signal="SIGTERM", all=False):
    record = load(root, id)
    for pid in processes(record) if all else [record["init"]["pid"]]:
        send_signal(pid, signal_number(signal))
