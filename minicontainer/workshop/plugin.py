"""pytest grades the labs: `pytest labs/03` (addopts load this plugin).

A test file below labs/ is not imported but read; its checks run in the
grader's child, and the report takes the place of pytest's own. Everything else
(selection by -k, exit status, --junitxml) is pytest's. Tests elsewhere are not touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from minicontainer.errors import MinicontainerError
from minicontainer.lib.standard_files import print_plainly
from minicontainer.workshop.grading.grader import Result, grade
from minicontainer.workshop.grading.report import failure, report
from minicontainer.workshop.labs.lab import Check, Lab, answers_directory
from minicontainer.workshop.labs.notebook_answers import saved_answers
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
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        config.pluginmanager.unregister(reporter)
        config.pluginmanager.register(_Reporter(), "terminalreporter")
        # The grader runs the checks: there is nothing for pytest-xdist to share out.
        config.option.dist, config.option.tx = "no", []


def _holds_labs(path: Path) -> bool:
    directory = path if path.is_dir() else path.parent
    return (directory / "lab.toml").exists() or any(directory.glob("[0-9][0-9]/lab.toml"))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Checks of a lab are read by us …"""
    if file_path.name.startswith("test_") and (file_path.parent / "lab.toml").exists():
        return LabFile.from_parent(parent, path=file_path)
    return None


def pytest_pycollect_makemodule(module_path: Path, parent) -> pytest.Collector | None:
    """… and not imported by pytest as well."""
    if (module_path.parent / "lab.toml").exists():
        return _Nothing.from_parent(parent, path=module_path)
    return None


class _Nothing(pytest.File):
    def collect(self) -> list:
        return []


class LabFile(pytest.File):
    """The checks of one file of a lab."""

    def collect(self) -> Iterator[pytest.Item]:
        lab = Lab(self.path.parent)
        for check in lab.checks:
            if Path(check.file) == self.path:
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

    def runtest(self) -> None:
        graded = self.session.stash.setdefault(_GRADED, {})
        if self.lab.id not in graded:
            graded[self.lab.id] = _Graded(self.session, self.lab)
        result = graded[self.lab.id].result(self.check)
        if result.outcome == "not graded":
            pytest.skip("needs namespaces, which this machine forbids")
        if not result.passed:
            raise NotPassed(result)

    def repr_failure(self, excinfo, style=None) -> str:
        if isinstance(excinfo.value, NotPassed):
            return "\n".join(failure(self.lab, excinfo.value.result))
        if isinstance(excinfo.value, MinicontainerError):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.check.exercise}: {self.check.title}"


class NotPassed(Exception):
    """Carries the result of a check that did not pass."""

    def __init__(self, result: Result) -> None:
        super().__init__(f"{result.outcome}: {result.found}")
        self.result = result


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
            result = next(self.coming)
            self.results[result.check.name] = result
        return self.results[check.name]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End what grades, also where not all results were wanted: its scratch directory goes."""
    for graded in session.stash.get(_GRADED, {}).values():
        graded.coming.close()


_GRADED = pytest.StashKey[dict[str, _Graded]]()


class _Reporter:
    """Prints the labs' report instead of pytest's progress, failures and summary."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.session: pytest.Session | None = None

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self.session = session

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.problems.append(str(report.longrepr))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        known = isinstance(report.longrepr, str)
        if report.failed and not (known and self._graded()):
            self.problems.append(str(report.longrepr))

    def pytest_internalerror(self, excrepr) -> None:
        self.problems.append(str(excrepr))

    def _graded(self) -> dict[str, _Graded]:
        return self.session.stash.get(_GRADED, {}) if self.session else {}

    def pytest_unconfigure(self) -> None:
        print_plainly()
        for graded in self._graded().values():
            results = list(graded.results.values())
            print(report(graded.lab, graded.answers, results), end="\n\n")
            if not graded.solved and answers_directory() == "labs":
                Progress(graded.lab.root).record(graded.lab, results)
        for problem in dict.fromkeys(self.problems):
            print(problem)
