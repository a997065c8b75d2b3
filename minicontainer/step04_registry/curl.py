"""The request as the `curl` that one could type, for --explain.

Secrets become $TOKEN, $LOGIN and $SECRET: what is printed may end on a slide.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

LONGEST_QUERY = 200


def curl_command(
    method: str, url: str, headers: Mapping[str, str], body: Mapping[str, str] | None = None
) -> str:
    """One line for a POSIX shell, with the headers that matter."""
    words = ["curl -s", *({"HEAD": ["-I"], "GET": []}.get(method, [f"-X {method}"]))]
    for name, value in headers.items():
        if name == "Authorization":
            scheme = value.partition(" ")[0]
            words.append(
                f'-H "Authorization: {scheme} ${"TOKEN" if scheme == "Bearer" else "LOGIN"}"'
            )
        elif name not in ("User-Agent", "Accept-Encoding"):
            words.append(f"-H {shlex.quote(f'{name}: {value}')}")
    for name, value in (body or {}).items():
        secret = name in ("refresh_token", "password")
        words.append(f'-d "{name}=$SECRET"' if secret else f"-d {shlex.quote(f'{name}={value}')}")
    return " ".join([*words, shlex.quote(shown_address(url))])


def shown_address(url: str) -> str:
    """The address without a long query, which is a signature, and without control characters."""
    path, _, query = url.partition("?")
    if len(query) > LONGEST_QUERY:
        url = f"{path}?…"
    return re.sub(r"[^\x21-\x7e…]", "?", url)
