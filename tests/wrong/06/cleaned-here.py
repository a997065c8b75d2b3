"""start_monitor: cleaned-here"""


def start_monitor(clean):
    waiting, lifeline = os.pipe()
    pid = os.fork()
    if pid:
        os.close(waiting)
        return Monitor(pid, lifeline, clean)
    try:
        os.setsid()
        os.close(lifeline)
        os.read(waiting, 1)
    finally:
        os._exit(1)
