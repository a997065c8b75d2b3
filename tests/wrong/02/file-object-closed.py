"""wait_for_start: file-object-closed"""

def wait_for_start(fifo: str, directory: int) -> int:
    for number in (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP, _signal.SIGQUIT):
        _signal.signal(number, lambda number, _: os._exit(128 + number))
    return open(f"/proc/self/fd/{directory}/{fifo}", "wb").fileno()
