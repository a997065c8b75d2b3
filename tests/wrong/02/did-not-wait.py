"""wait_for_start: did-not-wait"""

def wait_for_start(fifo: str, directory: int) -> int:
    for number in (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP, _signal.SIGQUIT):
        _signal.signal(number, lambda number, _: os._exit(128 + number))
    return os.open(fifo, os.O_RDWR, dir_fd=directory)
