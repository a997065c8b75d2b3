"""start_monitor: signals-end-it"""


def start_monitor(clean):
    waiting, lifeline = os.pipe()
    pid = os.fork()
    if pid:
        os.close(waiting)
        return Monitor(pid, lifeline, clean)
    status = 1
    try:
        os.setsid()
        os.close(lifeline)
        os.read(waiting, 1)
        clean()
        status = 0
    finally:
        os._exit(status)
