"""wait_for_start: file-object-closed"""

def wait_for_start(fifo: str, directory: int) -> int:
    for number in (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP, _signal.SIGQUIT):
        _signal.signal(number, lambda number, _: os._exit(128 + number))
    def opener(name, flags):
        return os.open(name, os.O_WRONLY, dir_fd=directory)

    return open(fifo, "wb", opener=opener).fileno()
