"""Right answers pass, however odd the process is that starts the checks."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.programs import needs_namespaces

from .learner import LABS, ROOT

#: what is done before the command takes the place of the process
ODD = {
    "signals ignored": "for n in (1, 2, 3, 13, 15, 17, 10, 12): signal.signal(n, signal.SIG_IGN)",
    "signals blocked": "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())",
    "umask 077": "os.umask(0o077)",
    "umask 0": "os.umask(0)",
    "few descriptors": "limit(resource.RLIMIT_NOFILE, 64)",
    "many descriptors": "limit(resource.RLIMIT_NOFILE, 1 << 20)",
    "large stacks": "limit(resource.RLIMIT_STACK, 1 << 30)",
    "descriptors open": "for n in (3, 7, 9, 33): os.dup2(os.open('/', 0), n)\n"
    "for n in (5, 10): os.dup2(os.pipe()[1], n)",
    "no standard input": "os.close(0)",
    "no standard output": "os.close(1)",
    "no standard files": "os.closerange(0, 3)",
    "directory gone": "os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')",
    "latin-1": "os.environ |= {'LC_ALL': 'en_US.ISO-8859-1', 'PYTHONUTF8': '0',"
    " 'PYTHONIOENCODING': 'latin-1'}",
    "another Python": "os.environ |= {'PYTHONOPTIMIZE': '2', 'PYTHONWARNINGS': 'error',"
    " 'PYTHONSAFEPATH': '1'}",
}
START = """
import os, resource, signal, subprocess, sys
def limit(kind, value):
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, max(value, hard) if value > 100 else value))
{odd}
{command}
"""
GRADE = """
import sys
from minicontainer.lib.standard_files import open_standard_files
open_standard_files()
from minicontainer.workshop.grading.grader import grade
from minicontainer.workshop.labs.lab import find_labs
from minicontainer.workshop.labs.notebook_answers import saved_answers
results = [result for lab in find_labs() for result in grade(lab, saved_answers(lab, "solutions"))]
print([result for result in results if not result.passed], file=sys.stderr)
sys.exit(not results or any(not result.passed for result in results))
"""
#: what pytest itself does not survive
NOT_FOR_PYTEST = {"no standard output", "no standard files", "directory gone"}


@pytest.mark.slow
@needs_namespaces
@pytest.mark.parametrize("odd", ODD)
def test_all_solutions_pass(odd: str, tmp_path) -> None:
    report = tmp_path / "report.xml"
    if odd in NOT_FOR_PYTEST:
        command = f"os.execv({sys.executable!r}, {[sys.executable, '-c', GRADE]!r})"
    else:
        pytest_ = [sys.executable, "-m", "pytest", "-p", "no:anyio", "-p", "no:cacheprovider"]
        pytest_ += ["-p", "minicontainer.workshop.plugin", "--rootdir", str(ROOT), "--solutions"]
        pytest_ += ["--junitxml", str(report), *(str(ROOT / "labs" / lab.id) for lab in LABS)]
        command = f"os.execv({sys.executable!r}, {pytest_!r})"
    code = START.format(odd=ODD[odd], command=command)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        timeout=300,
        check=False,
    )
    told = done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")
    assert done.returncode == 0, told
    if odd not in NOT_FOR_PYTEST:
        total = sum(len(lab.checks) for lab in LABS)
        assert f'errors="0" failures="0" skipped="0" tests="{total}"' in report.read_text(), told
