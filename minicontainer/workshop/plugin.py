"""pytest grades the labs: `pytest labs/03` (addopts load this plugin).

A lab's file of checks is not imported but read; the checks run in the grader's
child, and the report takes the place of pytest's own. Everything else (selection,
exit status, --junitxml, other plugins) is pytest's, or is refused in a sentence. A
learner's own tests beside it get the learner's functions. Tests elsewhere are not touched.
"""

from __future__ import annotations

import functools
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from minicontainer.errors import MinicontainerError
from minicontainer.lib.standard_files import print_plainly
from minicontainer.workshop.grading.grader import Result, grade
from minicontainer.workshop.grading.report import failure, report
from minicontainer.workshop.labs.lab import Check, Lab, answers_directory
from minicontainer.workshop.labs.notebook_answers import saved_answers
from minicontainer.workshop.labs.overlay import install_mine
from minicontainer.workshop.labs.progress import Progress


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--solutions`."""
    group = parser.getgroup("workshop")
    group.addoption("--solutions", action="store_true", help="grade the solution notebooks")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """With nothing but labs to grade, our report replaces pytest's."""
    paths = [Path(config.invocation_params.dir, arg.split("::")[0]) for arg in config.args]
    only_labs = bool(paths) and all(_holds_labs(path) for path in paths)
    if only_labs and not config.option.collectonly:
        if any(getattr(config.option, name, False) for name in _REFUSED):
            raise pytest.UsageError(_WHY_REFUSED)
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        config.pluginmanager.unregister(reporter)
        config.pluginmanager.register(_Reporter(config), "terminalreporter")
        # The grader runs the checks: there is nothing for pytest-xdist to share out.
        config.option.dist, config.option.tx = "no", []


#: --pdb, --trace, --setup-show and its like
_REFUSED = ("usepdb", "trace", "setupshow", "setuponly", "setupplan")
_WHY_REFUSED = (
    "a lab's checks run in a process of their own, where no debugger can stop and no fixture is set"
    " up: print() in your function, which the report shows, or call it in the notebook, with %debug"
)


def _holds_labs(path: Path) -> bool:
    directory = path if path.is_dir() else path.parent
    return (directory / "lab.toml").exists() or any(directory.glob("[0-9][0-9]/lab.toml"))


def pytest_pycollect_makemodule(module_path: Path, parent) -> pytest.Collector | None:
    """Checks of a lab are read by us; a learner's own tests get the learner's functions."""
    if not (module_path.parent / "lab.toml").exists():
        return None
    if module_path == Lab(module_path.parent).checks_file:
        return LabFile.from_parent(parent, path=module_path)
    try:
        _own_functions(module_path.parents[2], written_only=False)
    except RuntimeError as error:
        what = f"{module_path.name} must be run by itself, to get your functions ({error})"
        raise pytest.Collector.CollectError(what) from None
    return None


_own_functions = functools.cache(install_mine)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`-k NAME` with the name of an exercise selects its checks, and no others."""
    own = [i for i in items if isinstance(i, LabItem) and i.check.exercise == config.option.keyword]
    if own:
        config.hook.pytest_deselected(items=[item for item in items if item not in own])
        items[:] = own


class LabFile(pytest.File):
    """The checks of one file of a lab."""

    def collect(self) -> Iterator[pytest.Item]:
        lab = Lab(self.path.parent)
        for check in lab.checks:
            yield LabItem.from_parent(self, name=check.name, lab=lab, check=check)

    def repr_failure(self, excinfo):  # type: ignore[override]
        """Our own errors in one line."""
        known = isinstance(excinfo.value, MinicontainerError)
        return str(excinfo.value) if known else super().repr_failure(excinfo)


class LabItem(pytest.Item):
    """One check; all selected checks of a lab are graded in one go when the first is asked."""

    def __init__(self, *, lab: Lab, check: Check, **kwargs) -> None:
        super().__init__(**kwargs)
        self.lab, self.check = lab, check
        self.extra_keyword_matches.add(check.exercise)

    def runtest(self) -> None:
        graded = self.session.stash.setdefault(_GRADED, {})
        if self.lab.id not in graded:
            graded[self.lab.id] = _Graded(self.session, self.lab)
        result = graded[self.lab.id].result(self.check)
        if result.outcome == "not graded":
            pytest.skip("needs namespaces, which this machine forbids")
        if not result.passed:
            raise NotPassed("\n".join(failure(self.lab, result)))

    def repr_failure(self, excinfo, style=None):
        if isinstance(excinfo.value, NotPassed):
            return _Told(excinfo.value)
        known = isinstance(excinfo.value, MinicontainerError)
        return str(excinfo.value) if known else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.check.exercise}: {self.check.title}"


class NotPassed(Exception):
    """A check did not pass; in the words of the report, which tells it too."""


class _Told(str):
    """What the report tells, so that nobody else has to."""


class _Graded:
    """The results of one lab, taken from the grader as far as needed."""

    def __init__(self, session: pytest.Session, lab: Lab) -> None:
        items = [i for i in session.items if isinstance(i, LabItem) and i.lab.id == lab.id]
        wanted = {item.check.name for item in items}
        solved = session.config.getoption("--solutions")
        self.lab, self.solved = lab, solved
        self.answers = saved_answers(lab, "solutions" if solved else "")
        checks = [check for check in lab.checks if check.name in wanted]
        self.coming = grade(lab, self.answers, checks)
        self.results: dict[str, Result] = {}

    def result(self, check: Check) -> Result:
        while check.name not in self.results:
            result = next(self.coming, None)
            if result is None:
                pytest.skip("the grader has ended before")
            self.results[result.check.name] = result
        return self.results[check.name]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remember what came, and end what grades: its scratch directory goes."""
    for graded in session.stash.get(_GRADED, {}).values():
        graded.coming.close()
        if not graded.solved and answers_directory() == "labs":
            Progress(graded.lab.root).record(graded.lab, graded.results.values())


_GRADED = pytest.StashKey[dict[str, _Graded]]()


class _Reporter:
    """Prints the labs' report instead of pytest's progress, failures and summary."""

    def __init__(self, config: pytest.Config) -> None:
        self._silent = pytest.TerminalReporter(config, io.StringIO())
        self.graded: dict[str, _Graded] = {}
        self.problems: list[str] = []
        self.left: list[LabItem] = []
        self.own: list[str] = []
        self.outcomes: Counter[str] = Counter()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.graded = session.stash.setdefault(_GRADED, {})
        self.own = [item.nodeid for item in session.items if not isinstance(item, LabItem)]

    def __getattr__(self, name: str) -> Any:
        """What other plugins want of pytest's reporter is written nowhere."""
        return getattr(self._silent, name)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self.left += [item for item in items if isinstance(item, LabItem)]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.problems.append(str(report.longrepr))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.nodeid in self.own and (report.when == "call" or not report.passed):
            self.outcomes[report.outcome] += 1
        if report.failed and not isinstance(report.longrepr, _Told):
            self.problems.append(str(report.longrepr))

    def pytest_internalerror(self, excrepr) -> None:
        self.problems.append(str(excrepr))

    def pytest_unconfigure(self) -> None:
        print_plainly()
        for graded in self.graded.values():
            if not (results := list(graded.results.values())):
                continue  # the grader could not begin
            tried = {result.check.exercise for result in results}
            whole = sum(check.exercise in tried for check in graded.lab.checks)
            if len(results) < whole:
                graded.answers.notes.append(f"only {len(results)} of {whole} checks were run")
            print(report(graded.lab, graded.answers, results), end="\n\n")
        if self.left and not self.graded:
            names = ", ".join(dict.fromkeys(item.check.exercise for item in self.left))
            print(f"no check is selected; -k takes the name of an exercise: {names}")
        if self.outcomes:
            counts = ", ".join(f"{count} {name}" for name, count in self.outcomes.items())
            print(f"your own tests, with your functions: {counts}")
        for problem in dict.fromkeys(self.problems):
            print(problem)
