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
