"""Chapter 0 works: it pulls, unpacks and runs, for root and for an ordinary user."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from minicontainer import idea
from minicontainer.registry.image_builder import add_index
from slides.deck import read_decks

from ..programs import needs, needs_namespaces, needs_readable, needs_root
from .docker_io import NAMES
from .stage import IDEA, NOBODY, stage


@pytest.fixture(
    params=[
        pytest.param(0, marks=needs_root, id="root"),
        pytest.param(NOBODY, marks=[needs_readable, needs_namespaces], id="ordinary"),
    ]
)
def anybody(registry, request):
    """A stage for root, and one for an ordinary user."""
    with stage(registry, request.param if os.geteuid() == 0 else 0) as made:
        yield made


def test_hello(anybody):
    done = anybody.idea("workshop/hello")
    assert (done.returncode, done.stdout[:23]) == (0, "\nHello from a container"), done.stderr


def test_arguments_and_exit_status(anybody):
    done = anybody.idea("workshop/shell", "sh", "-c", "echo $0 $1; exit 7", "one", "two words")
    assert (done.returncode, done.stdout) == (7, "one two words\n")


@needs_readable
@needs_namespaces
def test_an_ordinary_user_may_have_port_80(registry):
    code = "idea.enter_user_namespace(); socket.socket().bind(('', 80)); print(os.getuid())"
    with stage(registry, NOBODY if os.geteuid() == 0 else 0) as play:
        done = play.command(
            sys.executable, "-c", f"import os, socket; from minicontainer import idea; {code}"
        )
        assert done.stdout == f"{play.user or os.geteuid()}\n", done.stderr


@needs("openssl")
@needs_namespaces
def test_nginx_word_for_word(images, tmp_path):
    entrypoint = "[ $1 = nginx ] && echo $0: ready for start up"
    settings = {"Entrypoint": ["sh", "-c", entrypoint, "/docker-entrypoint.sh"]}
    image = images.image(**settings, Cmd=["nginx", "-g", "daemon off;"])
    index = add_index(images.layout, [image])["digest"]
    served = (str(images.layout.path), index, *certificate(tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", "tests.idea.docker_io", *served, *IDEA, "nginx"],
        cwd=Path(__file__).parents[2],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "/docker-entrypoint.sh: ready for start up\n", done.stderr
    assert done.returncode == 0


def certificate(place: Path) -> tuple[str, str]:
    """A certificate for docker.io's names that nobody but this test trusts, and its key."""
    names = ",".join(f"DNS:{name}" for name in NAMES)
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=docker.io"),
            *("-addext", f"subjectAltName={names}"),
            *("-keyout", place / "key.pem", "-out", place / "cert.pem"),
        ],
        check=True,
        capture_output=True,
        timeout=30,
    )
    return str(place / "cert.pem"), str(place / "key.pem")


def test_no_registry_is_said_in_a_line(play):
    done = play.idea("workshop/hello", variables={"MINICONTAINER_REGISTRY": "127.0.0.1:1"})
    assert done.returncode == 1
    assert "127.0.0.1" in done.stderr and len(done.stderr.splitlines()) == 1


def test_without_a_name_it_says_what_it_is(play):
    assert "-m minicontainer.idea nginx" in play.idea().stderr


def test_it_needs_nothing_of_the_steps_and_fits_on_two_screens():
    source = Path(idea.__file__).read_text("utf-8")
    assert len(source.splitlines()) <= 125
    imported = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported |= {f"{node.module}.{name.name}" for name in node.names}
    ours = {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names}
    assert ours == {"requests", "minicontainer.linux"}


def test_the_talk_shows_lines_of_the_file():
    source = {line.strip() for line in Path(idea.__file__).read_text("utf-8").splitlines()}
    opening = next(deck for deck in read_decks("en") if deck.path.name.startswith("00"))
    text = "\n".join(slide.text for slide in opening.slides)
    (shown,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert set(shown.splitlines()) - source == {"…"}
