"""What lab 05 shows: a private registry, the logins for it, and what is said on the way.

The registry is the kit's own, with one small image in the repository
team/app, which wants a login: ann, with a password that holds colons.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import tempfile
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from minicontainer import explain
from minicontainer.errors import MinicontainerError
from minicontainer.lib.http_errors import LoginNeeded
from minicontainer.pictures.way import way as way
from minicontainer.registry.token_service import Settings
from minicontainer.step03_image.layout import Layout
from minicontainer.step04_registry.client import Registry, get_manifest
from minicontainer.step05_auth.authorize import authorizer
from minicontainer.workshop.html import pre
from minicontainer.workshop.samples.small_images import Sample, file, tar
from minicontainer.workshop.scenes import folded, without_other_labs
from minicontainer.workshop.stage import Stage, stage
from minicontainer.workshop.widgets import Shown, redrawn

NAME, PASSWORD = "ann", "one:two:three"
REPOSITORY = "team/app"


class Private:
    """The registry while it runs: its address `host`, a directory, and a file for logins."""

    def __init__(self, here: Stage) -> None:
        self.here, self.host = here, here.host
        self.auth_file = here.directory / "auth.json"
        here.environment["REGISTRY_AUTH_FILE"] = str(self.auth_file)
        self.status = 0  # of the last command

    def login(self, name: str = NAME, password: str = PASSWORD) -> None:
        """Write the file that a program for logins leaves."""
        self.auth_file.write_text(json.dumps({"auths": {self.host: entry(name, password)}}))

    def run(self, command: str) -> str:
        """Run a command, and give it with what it prints; HOST stands for the address.

        The command's logins are those of `auth_file`, its store is empty.
        """
        printed, self.status = self.here.run(command)
        shown = without_other_labs("05", printed).rstrip("\n").expandtabs(4)
        return f"$ {command}\n{shown}\n"


@contextlib.contextmanager
def private_registry() -> Iterator[Private]:
    """A registry that gives team/app to ann only; it runs as long as the `with` block."""
    settings = Settings(users={NAME: PASSWORD}, private=("team/",))
    with tempfile.TemporaryDirectory(prefix="lab05-") as name:
        sample = Sample(Path(name) / "layout")
        image = sample.image([tar(file("greeting", "welcome, ann\n"))], {"Cmd": ["/greeting"]})
        sample.tag({f"docker.io/{REPOSITORY}:latest": image})
        with stage(Layout(sample.path), settings) as here:
            yield Private(here)


def shell(*commands: str) -> str:
    """Commands, and what they print, while the private registry runs. Raises if one fails."""
    with private_registry() as private:
        return "\n".join(_succeeds(private, command) for command in commands)


def written(command: str) -> str:
    """A command that logs in, and the file that it writes. Raises if it fails."""
    with private_registry() as private:
        shown = _succeeds(private, command)
        text = private.auth_file.read_text().expandtabs(4).replace(private.host, "HOST")
        return f"{shown}\n$ cat $REGISTRY_AUTH_FILE\n{text}"


def _succeeds(private: Private, command: str) -> str:
    shown = private.run(command)
    if private.status:
        raise MinicontainerError(shown, command)
    return shown


def asked() -> str:
    """What is said between client and registry until a private manifest is given away."""
    with private_registry() as private:
        private.login()
        return _conversation(private, [str(private.auth_file)])


def asked_without_login() -> str:
    """The same for somebody who has no login: a token is given, but it opens nothing here."""
    with private_registry() as private:
        return _conversation(private, [])


def _conversation(private: Private, files: list[str]) -> str:
    events: list[dict] = []
    before, explain.listener = explain.listener, events.append
    registry = Registry(private.host, authorize=authorizer(private.host, files))
    try:
        get_manifest(registry, REPOSITORY, "latest")
    except LoginNeeded:
        pass
    finally:
        explain.listener = before
        registry.close()
    told = [_told(event) for event in events if event["kind"] in ("request", "response")]
    service = urllib.parse.quote(private.host, safe="")
    shown = "\n".join(told).replace(service, "HOST").replace(private.host, "HOST")
    return "\n".join(folded(line) if line[:1] == "$" else line for line in shown.split("\n"))


def _told(event: dict) -> str:
    text = re.sub(r" -H 'Accept: [^']*'", "", event["text"])
    return f"$ {text}" if event["kind"] == "request" else f"  {text}\n"


#: what three files of somebody hold, in the order in which they are asked: key, and whose login
FILES = {
    "podman's, of this session": {"quay.io/team": "team"},
    "podman's, lasting": {"quay.io": "everything", "quay.io/team/app": "app"},
    "docker's": {"https://index.docker.io/v1/": "hub", "quay.io": "old"},
}
IMAGES = (
    ("quay.io", "team/app"),
    ("quay.io", "other/app"),
    ("quay.io", "teams/app"),
    ("docker.io", "library/nginx"),
    ("ghcr.io", "team/app"),
)


class WhichLogin(Shown):
    """Pick an image, and see which of the logins in FILES a learner's function chooses for it."""

    def __init__(self, credentials_for: Callable) -> None:
        self.answers = {image: _chosen(credentials_for, image) for image in IMAGES}

    def widget(self) -> Any:
        """A menu of images, and the files below it."""
        import ipywidgets

        options = [("/".join(image), image) for image in IMAGES]
        return redrawn(ipywidgets.Dropdown(options=options, description="image"), self._files)

    def html(self) -> str:
        """Image and login, one below the other."""
        rows = [f"{'/'.join(image):<26}{answer}" for image, answer in self.answers.items()]
        return pre("\n".join(rows))

    def _files(self, image: tuple[str, str]) -> str:
        answer = self.answers[image]
        lines = []
        for number, (owner, keys) in enumerate(FILES.items(), 1):
            lines.append(f"{number}  {owner}")
            for key, name in keys.items():
                mark = "  <- this one" if name == answer else ""
                lines.append(f"   {key:<30}{name}{mark}")
        return pre("\n".join([*lines, "", f"your function gives: {answer}"]))


def _chosen(credentials_for: Callable, image: tuple[str, str]) -> str:
    """The name in the login that the function gives, or what else comes of it."""
    with tempfile.TemporaryDirectory(prefix="lab05-") as directory:
        paths = [Path(directory, f"{number}.json") for number in range(len(FILES))]
        for path, keys in zip(paths, FILES.values(), strict=True):
            auths = {key: entry(name, "pw") for key, name in keys.items()}
            path.write_text(json.dumps({"auths": auths}))
        try:
            login = credentials_for(*image, [str(path) for path in paths])
        except NotImplementedError:
            return "nothing, it is not written yet"
        except Exception as problem:  # whatever a learner's function does, it is shown
            return f"{type(problem).__name__}"
        return getattr(login, "username", "no login")


def which_login(credentials_for: Callable) -> WhichLogin:
    """Which login this function chooses, for several images."""
    return WhichLogin(credentials_for)


def entry(name: str, password: str) -> dict[str, str]:
    """What `docker login` writes for one registry."""
    return {"auth": base64.b64encode(f"{name}:{password}".encode()).decode()}


def decoded() -> str:
    """The `auth` of ann, and what base64 makes of it."""
    packed = entry(NAME, PASSWORD)["auth"]
    text = base64.b64decode(packed).decode()
    return f"{packed!r} in the file\n{text!r:<26} base64.b64decode(…).decode()"
