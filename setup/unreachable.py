"""Which package index could not be reached, and by which way: one line, from the installer's log.

    python unreachable.py LOG

Ends with 1 and says nothing if the log tells of something else. No address is written
here: pip and uv name the one that they asked.
"""

from __future__ import annotations

import re
import sys
import urllib.parse
import urllib.request
from pathlib import Path

#: how pip and uv begin to tell which address failed them
ASKED = re.compile(r"(?:Could not fetch URL |Failed to fetch: `?|for url \()(https?://[^\s`)]+)")
#: what they say of the reason, and what we say
REASONS = [
    ("its name is unknown here", r"name resolution|Name or service not known|No address|dns error"),
    ("the proxy asks for a login", r"Proxy Authentication Required|\b407\b"),
    ("the connection is refused", r"[Cc]onnection refused"),
    ("there is no way to it", r"unreachable|No route to host"),
    ("no answer in time", r"timed? ?out"),
    ("its certificate is not trusted", r"CERTIFICATE_VERIFY_FAILED|invalid peer certificate"),
    ("the connection fails", r"[Cc]onnection (?:reset|aborted|broken)|ProxyError|sending request"),
]


def unreachable(log: str) -> str:
    """The sentence, or "" if `log` tells of no index that could not be reached."""
    asked = ASKED.findall(log)
    reason = next((said for said, words in REASONS if re.search(words, log)), "")
    if not (asked and reason):
        return ""
    address = urllib.parse.urlsplit(asked[-1])
    return (
        f"the package index {without_login(address)} cannot be reached"
        f" {way(address.scheme, address.hostname or '')}: {reason}"
    )


def way(scheme: str, host: str) -> str:
    """By which proxy, as the environment names it."""
    proxies = urllib.request.getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or urllib.request.proxy_bypass(host):
        return "(no proxy is set)"
    parts = urllib.parse.urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return f"through the proxy {without_login(parts)}"


def without_login(address: urllib.parse.SplitResult) -> str:
    """Scheme, host and port alone: what goes into a report and on a screen."""
    return f"{address.scheme}://{address.netloc.rpartition('@')[2]}"


if __name__ == "__main__":
    sentence = unreachable(Path(sys.argv[1]).read_text(encoding="utf-8", errors="replace"))
    print(sentence)
    sys.exit(not sentence)
