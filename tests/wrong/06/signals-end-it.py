"""start_caretaker: signals-end-it"""


def start_caretaker(clean):
    waiting, lifeline = os.pipe()
    pid = os.fork()
    if pid:
        os.close(waiting)
        return Caretaker(pid, lifeline, clean)
    status = 1
    try:
        os.setsid()
        os.close(lifeline)
        os.read(waiting, 1)
        clean()
        status = 0
    finally:
        os._exit(status)
