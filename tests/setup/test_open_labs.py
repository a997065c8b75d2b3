"""JupyterLab with the registry beside it: both answer, and both end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.setup.conftest import PROJECT
from tests.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
]


class Labs:
    """A running `python -m minicontainer.workshop lab` and what it has said."""

    def __init__(self, process: subprocess.Popen[str], mark: str) -> None:
        self.process, self.mark = process, mark
        self.said = ""
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.said += line

    def wait_for(self, pattern: str) -> str:
        until(lambda: re.search(pattern, self.said) or self.process.poll() is not None)
        found = re.search(pattern, self.said)
        assert found, self.said
        return found[1]

    def processes(self) -> list[int]:
        """All that were started with our mark in their environment, and still live."""
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if self.mark.encode() in path.read_bytes():
                    found.append(int(path.parent.name))
        return found


@pytest.fixture
def labs(tmp_path: Path) -> Iterator[Labs]:
    mark = f"OPEN_LABS_TEST={tmp_path}"
    environment = {
        **{name: value for name, value in os.environ.items() if "DISPLAY" not in name},
        "HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "OPEN_LABS_TEST": str(tmp_path),
    }
    command = [sys.executable, "-m", "minicontainer.workshop", "lab", f"--port={free_port()}"]
    process = subprocess.Popen(
        command, cwd=PROJECT, env=environment, stderr=subprocess.PIPE, text=True
    )
    running = Labs(process, mark)
    yield running
    if process.poll() is None:
        process.terminate()
        process.wait(60)


def test_both_answer_and_ctrl_c_ends_both(labs: Labs):
    registry = labs.wait_for(r"registry is at (127\.0\.0\.1:\d+)")
    address, token = labs.wait_for(r"(http://127\.0\.0\.1:\d+/\S*token=\w+)").split("?token=")
    with pytest.raises(urllib.error.HTTPError) as asked:
        urllib.request.urlopen(f"http://{registry}/v2/", timeout=10)
    assert asked.value.code == 401
    server = address.removesuffix("/").split("/lab")[0]
    kernel = ask(f"{server}/api/kernels?token={token}", b"{}")
    assert kernel["name"] == "python3"
    assert len(labs.processes()) >= 3  # ours, JupyterLab and the kernel
    labs.process.send_signal(signal.SIGINT)
    assert labs.process.wait(60) == 0
    wait_until_gone(labs)


def test_killed_it_leaves_nothing_running(labs: Labs):
    labs.wait_for(r"(token=)")
    labs.process.kill()
    labs.process.wait(60)
    wait_until_gone(labs)


def ask(address: str, body: bytes) -> dict:
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def wait_until_gone(labs: Labs) -> None:
    until(lambda: not labs.processes())
    assert labs.processes() == []


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
