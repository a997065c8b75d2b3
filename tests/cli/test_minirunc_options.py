"""The command line: what engines write, what people write, and what makes no sense."""

from __future__ import annotations

import re

import pytest

from minicontainer.cli.minirunc_options import (
    CHOICES,
    COMMANDS,
    OPTIONS,
    UsageError,
    help_text,
    parse,
)


@pytest.mark.parametrize(
    ("line", "command", "expected"),
    [
        ("--log-format=json --log L create --bundle B --pid-file P --preserve-fds 1 ID", "create",
         {"--log-format": "json", "--log": "L", "--bundle": "B", "--pid-file": "P",
          "--preserve-fds": "1", "operands": ["ID"]}),
        ("--root R --systemd-cgroup --rootless=true kill --all ID 9", "kill",
         {"--root": "R", "--all": True, "operands": ["ID", "9"]}),
        ("delete ID --force", "delete", {"--force": True, "operands": ["ID"]}),
        ("exec -td -e A=1 --env B=2 ID ls -l --tty", "exec",
         {"--tty": True, "--detach": True, "--env": ["A=1", "B=2"],
          "operands": ["ID", "ls", "-l", "--tty"]}),
        ("exec ID -- ls", "exec", {"operands": ["ID", "--", "ls"]}),
        ("run -b B -- -x", "run", {"--bundle": "B", "operands": ["-x"]}),
        ("list -q", "list", {"--quiet": True, "operands": []}),
        ("--cgroup-manager disabled spec --rootless", "spec", {"--rootless": True}),
        ("start --help", "start", {"--help": True}),
        ("-v", None, {"--version": True}),
    ],
)  # fmt: skip
def test_it_is_taken_apart(line, command, expected):
    asked = parse(line.split())
    assert asked["command"] == command
    assert {name: asked[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("frob", "unknown command"),
        ("start", "needs ID"),
        ("start a b", "'b'"),
        ("run --nope x", "unknown option --nope"),
        ("run -q x", "unknown option -q"),
        ("--log", "--log needs a value"),
        ("create x --bundle", "--bundle needs a value"),
        ("list --format yaml", "table or json"),
    ],
)
def test_what_makes_no_sense_is_told(line, words):
    with pytest.raises(UsageError, match=words):
        parse(line.split())


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_names_every_option_that_is_accepted_and_no_other(command):
    assert _told(command) == {name: OPTIONS[name] for name in OPTIONS if _accepts(command, name)}


def test_every_option_is_told_somewhere():
    assert {name for command in (None, *COMMANDS) for name in _told(command)} == set(OPTIONS)


def test_help_names_every_command():
    listed = help_text(None).partition("\ncommands:\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split(maxsplit=1) for line in listed] == [
        [name, text] for name, (text, *_) in COMMANDS.items()
    ]


def _told(command: str | None) -> dict[str, tuple[str, str, str]]:
    """The options in the help, as a reader sees them: name -> short form, value, meaning."""
    lines = help_text(command).partition("\noptions:\n")[2].partition("\n\n")[0].splitlines()
    found = [re.fullmatch(r"  (?:(-\w),|   ) (--\S+)(?: (\S+))? +(\S.*)", line) for line in lines]
    return {line[2]: (line[1] or "", line[3] or "", line[4]) for line in found}


def _accepts(command: str | None, name: str) -> bool:
    """Whether the command notes `name`, also in its short form (and does not just ignore it)."""
    short, value, _ = OPTIONS[name]
    value = CHOICES.get(name, (value,))[0]
    operands = COMMANDS[command][1] if command else ()
    for spelled in filter(None, (name, short)):
        given = [spelled, value] if value else [spelled]
        try:
            asked = parse([*([command] if command else []), *given, *operands[:1]])
        except UsageError:
            return False
        if name not in asked:
            return False
    return True
