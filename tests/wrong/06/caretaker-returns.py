"""start_caretaker: caretaker-returns"""


def start_caretaker(clean):
    waiting, lifeline = os.pipe()
    pid = os.fork()
    if pid:
        os.close(waiting)
        return Caretaker(pid, lifeline, clean)
    os.setsid()
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    os.close(lifeline)
    os.read(waiting, 1)
    clean()
