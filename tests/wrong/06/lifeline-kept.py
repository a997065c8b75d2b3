"""start_caretaker: lifeline-kept"""


def start_caretaker(clean):
    waiting, lifeline = os.pipe()
    pid = os.fork()
    if pid:
        os.close(waiting)
        return Caretaker(pid, lifeline, clean)
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
