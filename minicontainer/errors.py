"""The one base error of the package: what happened, where, and what to do.

A command catches `MinicontainerError`, prints it and exits with its status;
every other exception is a fault of ours and may show its traceback.
"""


class MinicontainerError(Exception):
    """A failure that a user can cause or meet.

    `what` says what happened, `where` names the file, address or container,
    `hint` says what to do next; the last two may be empty.
    """

    #: what a command exits with: docker's and runc's own failures give 125 and 1.
    exit_status = 1

    def __init__(self, what: str, where: str = "", hint: str = "") -> None:
        super().__init__(what, where, hint)
        self.what, self.where, self.hint = what, where, hint

    def __str__(self) -> str:
        message = f"{self.where}: {self.what}" if self.where else self.what
        return f"{message}\n  {self.hint}" if self.hint else message

    @property
    def one_line(self) -> str:
        """The message for a log that takes one line an error, as engines read it."""
        return str(self).replace("\n  ", "; ")


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


class ImageError(MinicontainerError):
    """An image, or a part of one, that is broken, hostile or not supported."""


class BlobMissing(ImageError):
    """A blob that a document names, but that is not in the layout."""


class SizeMismatch(ImageError):
    """A blob that is longer or shorter than its descriptor says."""


class DigestMismatch(ImageError):
    """Content that does not have the digest by which it was asked for."""
