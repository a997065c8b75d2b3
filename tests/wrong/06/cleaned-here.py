"""start_caretaker: cleaned-here"""


def start_caretaker(clean):
    waiting, lifeline = os.pipe()
    pid = os.fork()
    if pid:
        os.close(waiting)
        return Caretaker(pid, lifeline, clean)
    try:
        os.setsid()
        os.close(lifeline)
        os.read(waiting, 1)
    finally:
        os._exit(1)
