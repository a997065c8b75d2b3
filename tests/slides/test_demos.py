"""The commands on the slides print what the slides show."""

import os

import pytest

from slides.deck import Command, SlidesError, commands_of, read_decks
from slides.demos import comparable, play, renew, run_at_terminal

from ..programs import needs, needs_namespaces

DEMOS = [deck for deck in read_decks("en") if deck.demos]


@pytest.mark.slow
@needs("bash", "curl", "jq", "unshare", "runc")
@needs_namespaces
@pytest.mark.parametrize("deck", DEMOS, ids=lambda deck: deck.path.stem)
def test_the_slides_show_what_comes_out(deck):
    if deck.path.name[:2] in ("02", "06") and os.geteuid() != 0:
        pytest.skip("these commands are shown as root sees them")
    shown = [command for block in deck.demos for command in commands_of(block)]
    came_out = [command for block in play(deck) for command in block]
    for before, now in zip(shown, came_out, strict=True):
        expected, found = comparable(before.shown), comparable(now.shown)
        assert expected == found, f"{now.text}\n./workshop slides --renew writes what comes out"


def test_every_demo_has_its_place():
    everything = "\n".join(block for deck in DEMOS for block in deck.demos)
    for piece in (
        "chroot jail", "runc --root", "minirunc --root", "/token?", "tags/list", "manifests/latest",
        "get blobs/", "web:1.0 workshop/web:1.1", "storage/docker/registry/v2", "auth.json",
        "docker-credential-demo get",
    ):  # fmt: skip
        assert piece in everything, piece


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("web 123 running", "web 98765 running"),
        ('{"id":"web","pid":17}', '{"id":"web","pid":9999}'),
        ("pid:[4026531836]", "pid:[4026532191]"),
        ("4 ? 00:00:00 ps", "3 ? 00:00:00 ps"),
        ("eyJzdWIiOiAi…", "eyJzdWIiOiXX…"),
    ],
)
def test_what_may_differ(one, other):
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("web 123 running", "web 123 stopped"),
        ("sha256:daf52837951466ad", "sha256:0af52837951466ad"),
        ("7", "0"),
        ("1 ? 00:00:00 sh", "2 ? 00:00:00 sh"),
        ('["repository:workshop/web:pull"]', "[]"),
    ],
)
def test_what_may_not(one, other):
    assert comparable(one) != comparable(other)


def test_renewing_changes_outputs_only(tmp_path):
    path = tmp_path / "deck.md"
    path.write_text("# a\n```console\n$ one |\n> two\nold\n$ three\n```\ntext\n")
    renew(path, [[Command("one |\ntwo", "new"), Command("three", "")]])
    assert path.read_text() == "# a\n```console\n$ one |\n> two\nnew\n$ three\n```\ntext\n"


def test_commands_that_do_not_end_are_ended(tmp_path, monkeypatch):
    monkeypatch.setattr("slides.demos._SECONDS", 1)
    with pytest.raises(SlidesError, match="do not end"):
        run_at_terminal(["sleep", "60"], str(tmp_path), {"PATH": os.environ["PATH"]})
