"""wait_for_start: ended-by-exception"""

import sys


def wait_for_start(fifo: str, directory: int) -> int:
    for number in (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP, _signal.SIGQUIT):
        _signal.signal(number, lambda number, _: sys.exit(128 + number))
    return os.open(fifo, os.O_WRONLY, dir_fd=directory)
