"""The command line: what engines write, what people write, and what makes no sense."""

from __future__ import annotations

import pytest

from minicontainer.cli.minirunc_options import COMMANDS, OPTIONS, UsageError, help_text, parse


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


def test_help_names_every_option():
    assert all(name in help_text(None) for name in COMMANDS)
    for command, (_, _, options, _) in COMMANDS.items():
        for name in options:
            assert name in help_text(command) and OPTIONS[name][2] in help_text(command)
