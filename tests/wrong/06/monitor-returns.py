"""start_monitor: monitor-returns"""


def start_monitor(clean):
    waiting, lifeline = os.pipe()
    pid = os.fork()
    if pid:
        os.close(waiting)
        return Monitor(pid, lifeline, clean)
    os.setsid()
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    os.close(lifeline)
    os.read(waiting, 1)
    clean()
