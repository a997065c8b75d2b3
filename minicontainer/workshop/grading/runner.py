"""The child process of the grader: runs the checks on a learner's functions.

In, on stdin, one JSON object on a line: the lab's directory, the learner's cells,
which checks to run, a scratch directory, a token. Out, on stdout, behind the token
one JSON object a line: {"start": name} and then {"done": name, "outcome": …}.
Whatever the learner's code prints goes elsewhere. `python -m minicontainer.workshop.grading.runner`
"""

from __future__ import annotations

import builtins
import contextlib
import faulthandler
import importlib
import inspect
import io
import json
import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from minicontainer import explain
from minicontainer.errors import ContainerError
from minicontainer.workshop.labs import exercises
from minicontainer.workshop.labs.lab import Lab
from minicontainer.workshop.labs.notebook_answers import Cell, read_cells
from minicontainer.workshop.labs.overlay import NotDefined, Overlay

from . import calls, checks, isolation
from .calls import NOTHING, Calls, kinds_of, slipped, told
from .checks import Failed, Mark

#: how much of what the learner's code prints is kept, in characters
_PRINTED = 300
#: how many of the files that are there after a failed check are told
_FILES = 60
#: the modules that check, beside this one and the lab's
_PARTS = (calls, checks, isolation)


def main(tests: Tests | None = None) -> None:
    """Read the job, isolate this process, run the checks (with `tests` that are loaded already)."""
    job = json.loads(sys.stdin.readline())
    say = _Channel(job["token"])
    notes = Calls(job["calls"])
    isolation.ordinary()
    isolation.guard(job["scratch"], say)
    try:
        isolated = job["isolate"] and isolation.enter(job["scratch"], job["hidden"])
    except (OSError, ContainerError) as error:
        say(unisolated=str(error))
        return
    isolation.limit(others=0 if isolated else isolation.own_threads())
    os.environ["TMPDIR"] = os.environ["HOME"] = tempfile.tempdir = job["scratch"]
    say(ready=isolated)
    tests = tests or Tests(Lab(Path(job["lab"])))
    tests.take([Cell(*cell) for cell in job["cells"]], Path(job["scratch"]), notes)
    seconds = {name: tests.seconds(name) for name in job["checks"]}
    replaced = _seal([*tests.modules.values(), sys.modules[__name__], builtins, *_PARTS])
    for name in job["checks"]:
        say(start=name, seconds=seconds[name])
        came = tests.run(name, seconds[name])
        if names := replaced():
            came = {"outcome": "failed", "found": f"your code has replaced what checks it: {names}"}
        say(done=name, **came)
        isolation.sweep()
        if came["outcome"] == "timeout" or threading.active_count() > 1:
            return  # who grades starts another for the rest


def _seal(modules: list[ModuleType]) -> Callable[[], list[str]]:
    """What tells which functions of these modules and their classes are not what they were."""
    spaces = [vars(module) for module in modules]
    own = {module.__name__ for module in modules} - {"builtins"}
    kinds = [v for space in spaces for v in space.values() if isinstance(v, type)]
    spaces += [vars(kind) for kind in kinds if kind.__module__ in own]  # type: ignore[misc]
    seen = [(s, name, what) for s in spaces for name, what in s.items() if callable(what)]
    codes = [(what, what.__code__) for _, _, what in seen if isinstance(what, FunctionType)]

    def replaced() -> list[str]:
        names = [name for space, name, what in seen if space.get(name) is not what]
        return names + [what.__name__ for what, code in codes if what.__code__ is not code]

    return replaced


class _Channel:
    """The pipe to the grader, moved away from stdout, which becomes stderr.

    Nobody else knows the token with which its lines begin. Where the learner's code
    has closed it, the parent of this process still has it under the same number.
    """

    def __init__(self, token: str) -> None:
        self._token, self._pipe = token, os.dup(1)
        self._inode = os.fstat(self._pipe).st_ino
        os.dup2(2, 1)

    def __call__(self, **facts: Any) -> None:
        line = f"\n{self._token}{json.dumps(facts)}\n".encode()
        way: int | str = self._pipe
        try:
            lost = os.fstat(self._pipe).st_ino != self._inode
        except OSError:
            lost = True
        if lost:
            way = f"/proc/{os.getppid()}/fd/{self._pipe}"
        with open(way, "wb", closefd=lost) as pipe:
            pipe.write(line)


class Tests:
    """The check functions of a lab, imported when first needed, and the answers they check."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.overlay, self.scratch = lab, Overlay(), Path()
        self.files = {check.name: check.file for check in lab.checks}
        self.modules: dict[str, ModuleType] = {}
        self.overlay.install()

    def take(self, cells: list[Cell], scratch: Path, notes: Calls) -> None:
        """Put the answers in `cells` in place; checks write below `scratch` only."""
        self.scratch, self.calls, self.overlay.make = scratch, notes, notes.make
        explain.listener = notes.hear
        isolation.labels.update(cell.label for cell in cells)
        answers = read_cells(cells, self.lab.names, self.lab.formerly)
        self.overlay.add(answers, self.lab.exercises, self.lab.directory)

    def seconds(self, name: str) -> float:
        """How long the check may take."""
        return isolation.patience(self._function(name).mark.seconds)

    def run(self, name: str, seconds: float) -> dict:
        """Run one check; what came of it, ready to be sent."""
        function = self._function(name)
        mark: Mark = function.mark
        printed, process = _Printed(), os.getpid()
        self.overlay.called.clear()
        self.calls.forget()
        self.files_left: list[str] = []
        isolation.arm(seconds)
        try:
            with contextlib.redirect_stdout(printed):
                self.overlay.define()
                came = self._outcome(function, mark)
        finally:
            faulthandler.cancel_dump_traceback_later()
            if os.getpid() != process:
                os._exit(0)  # a child that came back from the learner's code
        used = sorted(self.overlay.called - {mark.exercise})
        why = self.overlay.why(mark.exercise)
        failed = came["outcome"] != "passed"
        if failed and why not in came["found"]:
            came["found"] += f"\nbefore that, {why}"
        did = [*self.calls.did, *self.files_left] if failed else []
        long = rf"{re.escape(str(self.scratch))}(/tmp\w+)?|(?<=[0-9a-f]{{12}})[0-9a-f]{{52}}"
        did = [re.sub(long, "…", line) for line in did]
        return {**came, "rule": mark.rule, "printed": printed.text(), "used": used, "did": did}

    def _function(self, name: str) -> Any:
        file = self.files[name]
        if file not in self.modules:
            checks.grading = True
            sys.path.insert(0, str(Path(file).parent))
            self.modules[file] = importlib.import_module(Path(file).stem)
        return getattr(self.modules[file], name)

    def _outcome(self, function: Callable, mark: Mark) -> dict:
        try:
            with self._arguments(function) as arguments:
                function(**arguments)
        except isolation.TookTooLong as error:
            came: dict = {"outcome": "timeout", "found": str(error)}
        except Failed as failed:
            came = self._failed(failed, mark)
        except BaseException as error:
            came = {"outcome": "failed", **self._stumbled(error, mark)}
        else:
            return {"outcome": "passed"}
        came.setdefault("story", self.calls.last.get("call", ""))
        return came | self._slip(came, mark)

    @contextlib.contextmanager
    def _arguments(self, function: Callable):
        """A fresh `tmp_path` for a check that asks for one."""
        wanted = set(inspect.signature(function).parameters)
        if unknown := wanted - {"tmp_path"}:
            raise TypeError(f"a check takes nothing but tmp_path, not {unknown}")
        directory = Path(tempfile.mkdtemp(dir=self.scratch))
        try:
            yield {"tmp_path": directory} if wanted else {}
        except Exception:
            self.files_left = _tree(directory)
            raise
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def _failed(self, failed: Failed, mark: Mark) -> dict:
        """What a check has found that is not as it should be."""
        cause, last = failed.__cause__, self.calls.last
        came = {"outcome": "failed", **vars(failed)}
        nothing = self._given(mark) == NOTHING
        if cause:
            where = isolation.learners_lines(cause)
            led = "gave" in last and not where and (nothing or slipped(kinds_of(cause)))
            if failed.mistake and not led:
                return came | {"where": where or last.get("where", [])}
            return came | {"mistake": ""} | self._stumbled(cause, mark)
        if nothing and failed.found == "None" and not failed.expected.endswith(" is raised"):
            key = self.lab.mistake_raising(mark.exercise, ["None"], seen=failed.mistake)
            return came | {"found": NOTHING, "mistake": key}
        if nothing and not failed.expected.endswith(" is raised"):
            return came | {"found": f"{failed.found}\nthe call gave {NOTHING}"}
        kinds = last.get("kinds", [])
        if kinds and kinds[0] not in failed.found and "MinicontainerError" not in kinds:
            return came | {"found": f"{last['found']}\n{failed.found}", "where": last["where"]}
        return came

    def _stumbled(self, error: BaseException, mark: Mark) -> dict:
        """What to tell of an exception: the learner's own, or what led the check to it."""
        where, last = isolation.learners_lines(error), self.calls.last
        if isinstance(error, NotDefined):
            return {"found": f"the cell could not be run: {error}"}
        if not where and "gave" in last:
            given = self._given(mark)
            more = f"; then the check could not go on ({told(error)})"
            return {"found": given if given == NOTHING else given + more}
        facts: dict = {"found": told(error), "where": where, "kinds": kinds_of(error)}
        if not where and "found" in last:
            facts = last
        seen = "" if slipped(facts["kinds"]) else None
        key = self.lab.mistake_raising(mark.exercise, facts["kinds"], facts["found"], seen)
        return {**facts, "mistake": key, "outcome": "failed" if last else "error"}

    def _given(self, mark: Mark) -> str:
        """What the last call gave; for a function that should give something, None is nothing."""
        gave, call = self.calls.last.get("gave", ""), self.calls.last.get("call", "")
        head = exercises.cut(self.lab.exercise(mark.exercise)).head
        may_be_none = "None" in head.partition(" -> ")[2].partition(":\n")[0]
        if gave == "None" and call.startswith(f"{mark.exercise}(") and not may_be_none:
            return NOTHING
        return gave

    def _slip(self, came: dict, mark: Mark) -> dict:
        """What is told instead where a function of the learner's stopped in the middle."""
        if not (slip := self.calls.slip):
            return {}
        seen = came.get("mistake", "")
        key = self.lab.mistake_raising(mark.exercise, slip["kinds"], slip["found"], seen)
        found = came["found"] if key and key == seen else slip["found"]
        return {"outcome": "failed", "found": found, "mistake": key, "where": slip["where"]}


def _tree(directory: Path) -> list[str]:
    """What lies in the check's directory, a line each, a page at most; no link is followed."""
    walk = os.walk(directory)
    paths = sorted(f"{at}/{name}" for at, below, names in walk for name in (*below, *names))
    links = {path: f" -> {os.readlink(path)}" for path in paths if os.path.islink(path)}
    lines = [os.path.relpath(path, directory) + links.get(path, "") for path in paths[:_FILES]]
    return ["", "the files then:", *lines] if lines else []


class _Printed(io.StringIO):
    """What is printed: its beginning, and how much more there is. Nobody closes it."""

    def close(self) -> None:
        pass

    def text(self) -> str:
        said = self.getvalue()
        more = len(said) - _PRINTED
        return f"{said[:_PRINTED]} … and {more} characters more" if more > 0 else said


if __name__ == "__main__":
    main()
    os._exit(0)  # whatever threads are left
