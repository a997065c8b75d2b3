"""start_monitor: same-session"""


def start_monitor(clean):
    waiting, lifeline = os.pipe()
    pid = os.fork()
    if pid:
        os.close(waiting)
        return Monitor(pid, lifeline, clean)
    status = 1
    try:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        os.close(lifeline)
        os.read(waiting, 1)
        clean()
        status = 0
    finally:
        os._exit(status)
