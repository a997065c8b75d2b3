"""wait_for_start: signals-not-handled"""

def wait_for_start(fifo, directory):
    return os.open(fifo, os.O_WRONLY, dir_fd=directory)
