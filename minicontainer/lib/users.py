"""Who is `User: www-data`? The files /etc/passwd and /etc/group of the root filesystem say it.

In: the text `user`, `uid`, `user:group` and so on, and a function that reads files
of the root filesystem. Out: numbers for the runtime.
Spec: image-spec, config.md, "User", and conversion.md, "Config.User"; passwd(5), group(5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from minicontainer.errors import ImageError

#: gives at most so many bytes of the file of that name; None if there is none
Read = Callable[[str, int], bytes | None]

_LARGEST_ID = 2**31 - 1  # as docker and runc have it
_LARGEST_FILE = 16 << 20  # bytes


class User(NamedTuple):
    """The process's user, in the runtime-spec's terms, and the home directory."""

    uid: int
    gid: int
    additional_gids: list[int]
    home: str

    def ids(self) -> dict[str, Any]:
        """As the member `process.user` of a runtime config."""
        ids: dict[str, Any] = {"uid": self.uid, "gid": self.gid}
        return {**ids, "additionalGids": self.additional_gids} if self.additional_gids else ids


def look_up_user(read: Read, wanted: str) -> User:
    """The user that `wanted` names; uid 0 if it names none.

    A number need not be in /etc/passwd. Without a group, it is the user's own
    from there (else 0), together with the groups that list the user as a member.
    Raises ImageError for an unknown name. Spec: image-spec, config.md, "User".
    """
    user, _, group = wanted.partition(":")
    accounts = list(_records(read("etc/passwd", _LARGEST_FILE), 4))
    groups = list(_records(read("etc/group", _LARGEST_FILE), 3))
    uid, account = _look_up(accounts, user or "0", "user", "/etc/passwd")
    home = account[5] if len(account) > 5 and account[5].startswith("/") else "/"
    if group:
        gid, _ = _look_up(groups, group, "group", "/etc/group")
        return User(uid, gid, [], home)
    name = account[0] if account else None
    members = {_number(one[2]) for one in groups if len(one) > 3 and name in one[3].split(",")}
    own = _number(account[3]) if account else 0
    return User(uid, own or 0, sorted(one for one in members if one is not None), home)


def _records(content: bytes | None, fields: int) -> Iterator[list[str]]:
    for line in (content or b"").decode(errors="surrogateescape").splitlines():
        record = line.strip().split(":")
        if len(record) >= fields and record[0] and _number(record[2]) is not None:
            yield record


def _look_up(records: list[list[str]], wanted: str, kind: str, file: str) -> tuple[int, list[str]]:
    """The number of the user or group that has this name or number, and its record if any."""
    number = _number(wanted)
    for record in records:
        if record[0] == wanted or (number is not None and _number(record[2]) == number):
            return (number if number is not None else int(record[2])), record
    if number is None:
        hint = "known are: " + ", ".join(record[0] for record in records[:20])
        raise ImageError(f"the image has no {kind} {wanted!r}", file, hint if records else "")
    return number, []


def _number(text: str) -> int | None:
    if text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= _LARGEST_ID:
        return int(text)
    return None
