"""The package index that this machine names, and how to fetch one wheel from it.

    python package_index.py address           print the index's address, if one is named
    python package_index.py fetch LOCK DIR    fetch the wheel that LOCK pins into DIR

For machines whose Python came without pip: an index is asked as the standard
for simple repositories says (PEP 503 and 691), and a file is kept only if its
sha256 is in LOCK. No address is written here: the environment or pip's and
uv's configuration must name one.
"""

from __future__ import annotations

import base64
import configparser
import hashlib
import json
import os
import re
import ssl
import sys
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

FORMATS = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
MOST_BYTES = 64 << 20
SECONDS = 60


def index_address() -> str | None:
    """The index named by the environment, else by pip's or uv's configuration files."""
    for variable in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if os.environ.get(variable):
            return os.environ[variable]
    return next((address for address in _configured() if address), None)


def _configured() -> Iterator[str | None]:
    home = Path.home()
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    named = os.environ.get("PIP_CONFIG_FILE")
    user_files = [config / "pip/pip.conf", home / ".pip/pip.conf"]
    for path in [Path(named)] if named else [*user_files, Path("/etc/pip.conf")]:
        yield _pip_setting(path)
    for path in (config / "uv/uv.toml", Path("/etc/uv/uv.toml")):
        yield _uv_setting(path)


def _pip_setting(path: Path) -> str | None:
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, OSError, UnicodeDecodeError):
        return None
    sections = ("install", "global")
    return next((v for s in sections if (v := parser.get(s, "index-url", fallback=""))), None)


def _uv_setting(path: Path) -> str | None:
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    for index in settings.get("index", []):
        if index.get("default"):
            return index.get("url")
    return settings.get("index-url")


def fetch(lock: Path, directory: Path, index: str) -> Path:
    """Fetch the wheel that `lock` pins from `index` into `directory`.

    Raises ValueError if the index does not offer it, or offers other bytes;
    OSError if the index cannot be reached.
    """
    name, version, hashes = read_lock(lock)
    page = f"{index.rstrip('/')}/{name}/"
    content, kind = _get(page, index)
    wanted = re.compile(rf"{re.escape(name)}-{re.escape(version)}-py3-none-any\.whl")
    for link in links(content, kind):
        address = urllib.parse.urljoin(page, link)
        file_name = urllib.parse.unquote(urllib.parse.urlsplit(address).path).rsplit("/", 1)[-1]
        if wanted.fullmatch(file_name):
            return _keep(_get(address, index)[0], hashes, directory / file_name)
    raise ValueError(f"{page} does not offer {name} {version}")


def read_lock(lock: Path) -> tuple[str, str, set[str]]:
    """Name, version and allowed sha256 sums of the one package in `lock`."""
    text = lock.read_text(encoding="utf-8")
    pin = re.match(r"([\w.-]+)==([\w.]+)", text)
    if not pin:
        raise ValueError(f"{lock} pins no package")
    return pin[1], pin[2], set(re.findall(r"sha256:([0-9a-f]{64})", text))


def links(content: bytes, kind: str) -> list[str]:
    """The addresses of the files that an index's page lists (PEP 691, or 503 as HTML)."""
    if kind == "application/vnd.pypi.simple.v1+json":
        return [file["url"] for file in json.loads(content)["files"]]
    parser = _Links()
    parser.feed(content.decode("utf-8", "replace"))
    return parser.found


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if (tag, name) == ("a", "href") and value]


def _keep(content: bytes, hashes: set[str], path: Path) -> Path:
    found = hashlib.sha256(content).hexdigest()
    if found not in hashes:
        raise ValueError(f"{path.name} has sha256 {found}, which the lock does not allow")
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    return new.replace(path)


def _get(address: str, index: str) -> tuple[bytes, str]:
    parts = urllib.parse.urlsplit(address)
    if parts.scheme not in ("http", "https", "file"):
        raise ValueError(f"{address} is not an address to fetch from")
    host = parts.netloc.rpartition("@")[2]
    request = urllib.request.Request(
        urllib.parse.urlunsplit((parts.scheme, host, parts.path, parts.query, "")),
        headers={"Accept": FORMATS},
    )
    login = urllib.parse.urlsplit(index)
    if login.username and login.netloc.rpartition("@")[2] == host:
        pair = f"{login.username}:{login.password or ''}"
        token = base64.b64encode(urllib.parse.unquote(pair).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    trust = ssl.create_default_context(cafile=os.environ.get("PIP_CERT") or None)
    with urllib.request.urlopen(request, timeout=SECONDS, context=trust) as answer:
        return answer.read(MOST_BYTES), answer.headers.get_content_type()


def main(arguments: list[str]) -> int:
    """Do what the module's first lines say; one line on standard error if it fails."""
    index = index_address()
    if arguments == ["address"]:
        print(index or "")
        return 0
    if len(arguments) != 3 or arguments[0] != "fetch" or index is None:
        print("usage: package_index.py address | fetch LOCK DIRECTORY", file=sys.stderr)
        return 2
    try:
        print(fetch(Path(arguments[1]), Path(arguments[2]), index))
    except (OSError, ValueError, KeyError, urllib.error.URLError) as error:
        print(f"error: could not fetch from the package index: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
