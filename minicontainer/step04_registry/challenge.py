"""What does a registry want to see before it answers?

In: the `WWW-Authenticate` header of a 401 answer. Out: its challenges, each a
scheme (bearer, basic) with parameters (realm, service, scope …).
RFC 9110, section 11.6.1; distribution, docs/spec/auth/token.md.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from minicontainer.errors import MinicontainerError

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
#: `name=value` with a plain or a quoted value, or a scheme's name (with a token68 behind it)
ELEMENT = re.compile(
    rf"""[\s,]*(?:
        (?P<name>{TOKEN})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>{TOKEN}))
      | (?P<scheme>{TOKEN})(?:[ ]+(?P<token68>[A-Za-z0-9._~+/-]+=*)(?=\s*(?:,|$)))?
    )(?=[\s,]|$)""",
    re.VERBOSE | re.DOTALL,
)
END = re.compile(r"[\s,]*\Z")


class BadChallenge(MinicontainerError):
    """The header is not what RFC 9110 lets a server send."""


class Challenge(NamedTuple):
    """One way to authenticate. Scheme and parameter names are in lower case."""

    scheme: str
    parameters: dict[str, str]


def parse_challenge(header: str) -> list[Challenge]:
    r"""The challenges in the value of one `WWW-Authenticate` header, in its order.

    A comma separates parameters *and* challenges, and a quoted value may
    hold commas too: `scope="repository:nginx:pull,push"` is one parameter.
    A backslash in a quoted value stands for the character behind it, whatever
    it is; a value may be empty (`realm=""`). A word with no `=` starts a new
    challenge; a token68 behind it (`Negotiate abc==`) is its parameter `token68`.
    Schemes and names of parameters are given in lower case, values as they came.

    Raises BadChallenge for all else, also for a parameter with no scheme before it.
    Source: RFC 9110, sections 5.6.4, 11.2 and 11.6.1.
    """
    challenges: list[Challenge] = []
    position = 0
    while not END.match(header, position):
        element = ELEMENT.match(header, position)
        if element is None or (element["name"] and not challenges):
            raise BadChallenge(f"can't make sense of WWW-Authenticate: {header[:200]}")
        position = element.end()
        if element["scheme"]:
            parameters = {"token68": element["token68"]} if element["token68"] else {}
            challenges.append(Challenge(element["scheme"].lower(), parameters))
        elif element["quoted"] is not None:
            value = re.sub(r"\\(.)", r"\1", element["quoted"], flags=re.DOTALL)
            challenges[-1].parameters[element["name"].lower()] = value
        else:
            challenges[-1].parameters[element["name"].lower()] = element["plain"]
    return challenges
