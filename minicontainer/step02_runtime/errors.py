"""What can go wrong in this step, one class for each thing a caller may want to tell apart."""

from __future__ import annotations

from minicontainer.errors import MinicontainerError


class ContainerError(MinicontainerError):
    """Something about a container, its process or its host."""


class BundleError(ContainerError):
    """config.json is missing, is no JSON, or breaks a rule; `where` holds the JSON path."""


class NoSuchContainer(ContainerError):
    """The state directory knows no container of that id."""


class WrongState(ContainerError):
    """The operation does not fit the container's status; nothing has been changed."""


class HookFailed(ContainerError):
    """A hook ended with a status other than 0, took too long or could not be started."""


class ProgramNotFound(ContainerError):
    """The program of process.args, or what must load it, is not in the root filesystem."""


class ProgramNotExecutable(ContainerError):
    """The program is there, but this user may not execute it or this kernel can't."""
