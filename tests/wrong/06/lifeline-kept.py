"""start_monitor: lifeline-kept"""


def start_monitor(clean):
    waiting, lifeline = os.pipe()
    pid = os.fork()
    if pid:
        os.close(waiting)
        return Monitor(pid, lifeline, clean)
    status = 1
    try:
        os.setsid()
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        os.read(waiting, 1)
        clean()
        status = 0
    finally:
        os._exit(status)
