"""The locks name every package by its hash, and no place to get it from."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.setup.conftest import PROJECT

LOCKS = [
    "requirements.lock",
    "requirements-ci.lock",
    "setup/pip-wheel.lock",
    "setup/uv-wheel.lock",
]


def pins(lock: str) -> dict[str, str]:
    text = (PROJECT / lock).read_text().replace("\\\n", " ")
    return {line.split("==")[0]: line for line in text.splitlines() if line.strip()}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_pins_a_version_and_its_hashes(lock: str):
    for line in pins(lock).values():
        assert re.fullmatch(r"[\w.-]+==\S+( ; .+?)?(\s+--hash=sha256:[0-9a-f]{64})+", line), line
        assert "://" not in line


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("requirements.lock", ["workshop"]),
        ("requirements-ci.lock", ["workshop", "ci", "storage", "storage-test"]),
    ],
)
def test_every_dependency_is_locked(lock: str, extras: list[str]):
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"]]
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    names = {re.split(r"[^\w.-]", one)[0].replace(".", "-") for one in wanted}
    assert names <= pins(lock).keys()


def test_ci_has_the_same_versions_and_more():
    ours, ci = pins("requirements.lock"), pins("requirements-ci.lock")
    assert ours.items() <= ci.items()
