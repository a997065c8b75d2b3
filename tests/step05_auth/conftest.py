"""Files with logins, and credential helpers that are real programs."""

import base64
import json
import os
import sys
from pathlib import Path

import pytest


@pytest.fixture
def auth_file(tmp_path):
    """Writes an auth.json (or a file of another name) and returns its path."""

    def write(document, name="auth.json"):
        path = tmp_path / name
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return str(path)

    return write


@pytest.fixture
def helper(tmp_path, monkeypatch):
    """Installs docker-credential-NAME, a Python program, at the head of PATH."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")

    def install(name, code) -> Path:
        program = directory / f"docker-credential-{name}"
        program.write_text(f"#!{sys.executable} -IS\nimport json, os, sys, time\n{code}\n")
        program.chmod(0o755)
        return program

    return install


def entry(username, password):
    """What `docker login` writes into auths."""
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}
