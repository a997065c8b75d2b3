"""What a start does not pay for: requests costs as much time as all the rest."""

from __future__ import annotations

from tests.programs import needs_namespaces


def imported(engine, *words: str) -> set[str]:
    """The modules that a command, and all that it starts in Python, imports."""
    environment = {**engine.environment, "PYTHONPROFILEIMPORTTIME": "1"}
    done = engine(*words, env=environment)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


def test_help_needs_no_requests(engine):
    found = imported(engine, "--help")
    assert "minicontainer" in found
    assert found.isdisjoint({"requests", "urllib3"})


@needs_namespaces
def test_an_image_that_is_here_is_run_without_requests(engine):
    assert "requests" in imported(engine, "pull", "workshop/hello")
    found = imported(engine, "run", "--rm", "workshop/hello")
    assert "minicontainer" in found
    assert found.isdisjoint({"requests", "urllib3"})
