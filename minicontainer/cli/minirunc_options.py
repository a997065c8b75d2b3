"""What has been asked? The command line, taken apart, and the help that explains it.

A table says which options a command has (OPTIONS, COMMANDS); two functions
read it. argparse would do the same, but importing and filling it takes longer
than making a container's namespaces, and engines call us three times a container.
"""

from __future__ import annotations

from minicontainer.errors import ContainerError

#: option -> (short form, name of its value or "" for a switch, what it means)
OPTIONS = {
    "--root": ("", "DIR", "where the state of containers is kept"),
    "--log": ("", "FILE", "append errors and warnings to FILE too"),
    "--log-format": ("", "FORMAT", "how they are written there: text (default) or json"),
    "--version": ("-v", "", "print the version"),
    "--mine": ("", "", "run the functions that you have written in the labs"),
    "--bundle": ("-b", "DIR", "directory with config.json and the root filesystem (default: .)"),
    "--rootless": ("", "", "a configuration that an ordinary user can run"),
    "--pid-file": ("", "FILE", "write the process's pid to FILE"),
    "--console-socket": ("", "SOCKET", "send the terminal to who listens at SOCKET"),
    "--preserve-fds": ("", "N", "keep N open files after 0, 1 and 2"),
    "--detach": ("-d", "", "do not wait for its end"),
    "--all": ("-a", "", "to every process of the container"),
    "--force": ("-f", "", "kill it first if it runs; no error if it is gone"),
    "--tty": ("-t", "", "give it a terminal"),
    "--process": ("-p", "FILE", "read all of it from FILE, JSON like `process` in config.json"),
    "--env": ("-e", "NAME=VALUE", "set a variable; may be repeated"),
    "--cwd": ("", "DIR", "its working directory"),
    "--user": ("-u", "UID[:GID]", "who it is"),
    "--cap": ("-c", "CAP", "give it a capability; may be repeated"),
    "--no-new-privs": ("", "", "it shall gain no privileges by execve"),
    "--quiet": ("-q", "", "only the ids"),
    "--format": ("-f", "FORMAT", "table (default) or json"),
}
REPEATED = ("--env", "--cap")
CHOICES = {"--format": ("table", "json"), "--log-format": ("text", "json")}

#: what engines pass and what changes nothing here: option -> takes a value
IGNORED = {
    "--debug": False, "--systemd-cgroup": False, "--rootless": True, "--cgroup-manager": True,
    "--no-pivot": False, "--no-new-keyring": False,
}  # fmt: skip

GLOBAL = ("--root", "--log", "--log-format", "--version", "--mine")
_PROCESS = ("--pid-file", "--console-socket", "--preserve-fds")

#: command -> (what it does, its operands, its options, examples)
COMMANDS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "spec": (
        "write a config.json to start from", (), ("--rootless", "--bundle"),
        ("minirunc spec", "minirunc spec --rootless -b BUNDLE"),
    ),
    "create": (
        "make a container; its program waits for `start`", ("ID",), ("--bundle", *_PROCESS),
        ("minirunc create -b BUNDLE web", "minirunc state web", "minirunc start web"),
    ),
    "start": (
        "let the program of a created container run", ("ID",), (), ("minirunc start web",),
    ),
    "run": (
        "create, start, wait for the end, delete", ("ID",), ("--detach", "--bundle", *_PROCESS),
        ("minirunc run -b BUNDLE web", "minirunc run -d -b BUNDLE web </dev/null"),
    ),
    "exec": (
        "run one more process in a container", ("ID", "[COMMAND [ARGUMENT…]]"),
        ("--tty", "--detach", "--process", "--env", "--cwd", "--user", "--cap", "--no-new-privs",
         *_PROCESS),
        ("minirunc exec web ps", "minirunc exec -t web sh", "minirunc exec -u 1000:1000 web id"),
    ),
    "state": (
        "print the state of a container as JSON", ("ID",), (), ("minirunc state web",),
    ),
    "list": (
        "list containers", (), ("--quiet", "--format"),
        ("minirunc list", "minirunc list -q", "minirunc list --format json"),
    ),
    "ps": (
        "list the processes in a container", ("ID",), ("--format",),
        ("minirunc ps web", "minirunc ps --format json web"),
    ),
    "kill": (
        "send a signal to a container", ("ID", "[SIGNAL]"), ("--all",),
        ("minirunc kill web", "minirunc kill web KILL", "minirunc kill --all web 9"),
    ),
    "delete": (
        "remove a stopped container", ("ID",), ("--force",),
        ("minirunc delete web", "minirunc delete --force web"),
    ),
    "pause": (
        "stop every process of a container where it is", ("ID",), (), ("minirunc pause web",),
    ),
    "resume": (
        "let a paused container go on", ("ID",), (), ("minirunc resume web",),
    ),
}  # fmt: skip


class UsageError(ContainerError):
    """The command line makes no sense."""


def parse(argv: list[str]) -> dict:
    """The command line as a dict: option -> value (True for a switch), and what follows.

    "command" is the command or None, "operands" what it is applied to, "--help"
    whether help is wanted. Raises UsageError.
    """
    asked: dict = {"command": None, "operands": []}
    rest = _take_options(list(argv), GLOBAL, asked, "", stop=True)
    if not rest:
        return asked
    command = asked["command"] = rest[0]
    if command not in COMMANDS:
        raise UsageError(f"unknown command {command!r}", "", "`minirunc --help` lists them")
    _, operands, options, _ = COMMANDS[command]
    # what follows the id of `exec` belongs to its program
    found = _take_options(rest[1:], options, asked, command, stop=command == "exec")
    needed = sum(not name.startswith("[") for name in operands)
    if not asked.get("--help") and not needed <= len(found):
        raise UsageError(f"needs {' '.join(operands)}", command, f"see `minirunc {command} --help`")
    if command != "exec" and len(found) > len(operands):
        raise UsageError(f"does not know what to do with {found[-1]!r}", command)
    asked["operands"] = found
    return asked


def help_text(command: str | None) -> str:
    """What --help prints: for one command, or for all."""
    if command is None:
        lines = ["Run containers from bundles, as the OCI runtime-spec says.", ""]
        lines += ["usage: minirunc [OPTION…] COMMAND [OPTION…] [ID]", "", "commands:"]
        lines += [f"  {name:8} {text}" for name, (text, *_) in COMMANDS.items()]
        lines += ["", "options:", *_option_lines(GLOBAL), "", "examples:"]
        lines += [
            f"  {COMMANDS[name][3][0]}" for name in ("spec", "run", "create", "start", "kill")
        ]
        lines += ["", "A bundle is a directory with config.json and a root filesystem.", ""]
        return "\n".join([*lines, "`minirunc COMMAND --help` tells more of a command."])
    text, operands, options, examples = COMMANDS[command]
    usage = " ".join(["usage: minirunc", command, *["[OPTION…]"] * bool(options), *operands])
    lines = [f"{text[0].upper()}{text[1:]}.", "", usage]
    if options:
        lines += ["", "options:", *_option_lines(options)]
    return "\n".join([*lines, "", "examples:", *(f"  {example}" for example in examples)])


def _take_options(
    words: list[str], known: tuple[str, ...], asked: dict, where: str, stop: bool
) -> list[str]:
    """Move the options at hand from `words` into `asked`; the words that are none.

    With `stop`, the first of these ends the options.
    """
    others: list[str] = []
    while words:
        word = words.pop(0)
        if word == "--":
            return others + words
        if not word.startswith("-") or word == "-":
            others.append(word)
            if stop:
                return others + words
            continue
        for name, value in _spelled_out(word, known):
            _take(name, value, words, known, asked, where)
    return others


def _spelled_out(word: str, known: tuple[str, ...]) -> list[tuple[str, str | None]]:
    """`--a=b` as [("--a", "b")], `-td` as [("--tty", None), ("--detach", None)]."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return [(name, value if equals else None)]
    short = {OPTIONS[name][0]: name for name in known} | {"-h": "--help"}
    return [(short.get(f"-{letter}", f"-{letter}"), None) for letter in word[1:]]


def _take(
    name: str, value: str | None, words: list[str], known: tuple[str, ...], asked: dict, where: str
) -> None:
    if name == "--help":
        asked[name] = True
        return
    if name not in known and name not in IGNORED:
        hint = f"see `minirunc {where} --help`".replace("  ", " ")
        raise UsageError(f"unknown option {name}", where, hint)
    with_value = OPTIONS[name][1] != "" if name in known else IGNORED[name]
    if with_value and value is None:
        if not words:
            raise UsageError(f"{name} needs a value", where)
        value = words.pop(0)
    if name in CHOICES and value not in CHOICES[name]:
        raise UsageError(f"{name} is {' or '.join(CHOICES[name])}, not {value!r}", where)
    if name in REPEATED:
        asked.setdefault(name, []).append(value)
    else:
        asked[name] = value if with_value else True


def _option_lines(names: tuple[str, ...]) -> list[str]:
    lines = []
    for name in names:
        short, value, text = OPTIONS[name]
        spelled = f"{short + ',' if short else '   '} {name} {value}".rstrip()
        lines.append(f"  {spelled:28} {text}")
    return lines
