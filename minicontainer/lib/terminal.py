"""How does a container get a terminal, and how does ours become its keyboard and screen?

A pty has two ends. Init opens both in the container's own devpts, keeps the
slave as its standard input and output, and sends the master over a socket to
whoever plays the terminal: an engine (--console-socket), or foreground.py.
Spec: runtime-spec, config.md, "Process", terminal and consoleSize; pty(7), tty_ioctl(4).
"""

from __future__ import annotations

import _socket  # the C half of socket: a tenth of its import time
import errno
import fcntl
import os
import struct
import sys
import termios
import tty

from minicontainer import linux
from minicontainer.errors import ContainerError

_TIOCGPTPEER = 0x5441
_TIOCSPTLCK = 0x40045431
_TIOCGPTN = 0x80045430


def connect_console(path: str) -> int:
    """A socket connected to the engine that listens at `path`. Raises ContainerError."""
    endpoint = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        endpoint.connect(path)
    except OSError as error:
        raise ContainerError(f"nobody takes the terminal: {error.strerror}", path) from None
    return endpoint.detach()


def send_master(socket_fd: int, master: int) -> None:
    """Send the open file `master` over a socket: unix(7), SCM_RIGHTS."""
    endpoint = _socket.socket(fileno=os.dup(socket_fd))
    rights = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, master.to_bytes(4, sys.byteorder))
    endpoint.sendmsg([b"/dev/ptmx"], [rights])
    endpoint.close()


def receive_master(socket_fd: int) -> int:
    """The pty master that the container's init has sent. Raises ContainerError when none came."""
    endpoint = _socket.socket(fileno=os.dup(socket_fd))
    _, extra, _, _ = endpoint.recvmsg(4096, _socket.CMSG_SPACE(4), _socket.MSG_CMSG_CLOEXEC)
    endpoint.close()
    for level, kind, content in extra:
        if (level, kind) == (_socket.SOL_SOCKET, _socket.SCM_RIGHTS):
            return int.from_bytes(content[:4], sys.byteorder)
    raise ContainerError("the container sent no terminal")


def take_terminal(process: dict, socket_fd: int, bind_console: bool) -> None:
    """In the container: open a pty, send its master away, be controlled by its slave.

    Standard input, output and error become the slave; with `bind_console`,
    /dev/console too. The caller leads a session of its own.

    Raises ContainerError.
    """
    try:
        master = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY)
        fcntl.ioctl(master, _TIOCSPTLCK, struct.pack("i", 0))
        slave = fcntl.ioctl(master, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        if bind_console:
            _bind_console(master)
        size = process.get("consoleSize")
        if size:
            termios.tcsetwinsize(master, (size.get("height", 0), size.get("width", 0)))
        else:
            copy_size(0, master)  # as large as the terminal that we were called from
        _give_to_user(slave, process.get("user", {}).get("uid", 0))
        send_master(socket_fd, master)
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for fd in (0, 1, 2):
            os.dup2(slave, fd)
    except OSError as error:
        hint = "the container needs a devpts mount at /dev/pts"
        raise ContainerError(f"cannot open a terminal: {error}", "/dev/ptmx", hint) from None
    for fd in (master, slave, socket_fd):
        os.close(fd)


def make_raw(fd: int) -> list | None:
    """Let every key through as it is; returns the settings for `restore`, None for no terminal."""
    if not os.isatty(fd):
        return None
    before = termios.tcgetattr(fd)
    tty.setraw(fd, termios.TCSANOW)
    return before


def restore(fd: int, before: list | None) -> None:
    """Give the terminal back the settings that `make_raw` found."""
    if before is not None:
        termios.tcsetattr(fd, termios.TCSANOW, before)


def copy_size(source: int, master: int) -> None:
    """Make the container's terminal as large as ours; nothing happens when `source` is none."""
    if os.isatty(source):
        termios.tcsetwinsize(master, termios.tcgetwinsize(source))


def _bind_console(master: int) -> None:
    """Show the slave as /dev/console: config-linux.md, "Default Devices"."""
    number = struct.unpack("i", fcntl.ioctl(master, _TIOCGPTN, b"\0" * 4))[0]
    os.close(os.open("/dev/console", os.O_CREAT | os.O_NOFOLLOW | os.O_RDONLY, 0o620))
    linux.mount(f"/dev/pts/{number}", "/dev/console", None, linux.MS_BIND)


def _give_to_user(slave: int, uid: int) -> None:
    try:
        os.fchown(slave, uid, -1)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EINVAL):
            raise
