"""The request as the `curl` that one could type, for --explain.

Secrets become $TOKEN, $LOGIN and $SECRET: what is printed may end on a slide.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

LONGEST_QUERY = 200
#: headers that say nothing about what is asked for
UNSHOWN = ("user-agent", "accept-encoding", "content-type", "content-length")


def curl_command(method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str]) -> str:
    """One line for a POSIX shell, with the headers that matter; `form` is what is posted."""
    words = ["curl -s", *({"HEAD": ["-I"], "GET": []}.get(method, [f"-X {method}"]))]
    for name, value in headers.items():
        if name.lower() == "authorization":
            scheme = value.partition(" ")[0]
            secret = "$TOKEN" if scheme == "Bearer" else "$LOGIN"
            words.append(f'-H "Authorization: {scheme} {secret}"')
        elif name.lower() not in UNSHOWN:
            words.append(f"-H {shlex.quote(f'{name}: {value}')}")
    for name, value in form.items():
        hidden = name in ("refresh_token", "password")
        words.append(f'-d "{name}=$SECRET"' if hidden else f"-d {shlex.quote(f'{name}={value}')}")
    return " ".join([*words, shlex.quote(shown_address(url))])


def shown_address(url: str) -> str:
    """The address without a long query, which is a signature, and without control characters."""
    path, _, query = url.partition("?")
    if len(query) > LONGEST_QUERY:
        url = f"{path}?…"
    return re.sub(r"[^\x21-\x7e…]", "?", url)
