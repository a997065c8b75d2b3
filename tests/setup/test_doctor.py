"""The doctor on machines that lack something."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from minicontainer.workshop import doctor, kernel
from tests.programs import lasting_mounts
from tests.setup.conftest import PROJECT


def test_this_machine_is_examined_and_left_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    mounts = lasting_mounts()
    findings = {finding.name: finding for finding in doctor.examine()}
    assert findings["Python"].good and findings["packages"].good
    assert findings["system"].good == (sys.platform == "linux")
    assert list(tmp_path.iterdir()) == []
    assert lasting_mounts() == mounts


def test_namespaces_agree_with_unshare_of_util_linux(tmp_path):
    command = ["unshare", "--user", "--map-root-user", "--mount", "--net", "true"]
    if shutil.which("unshare") is None:
        pytest.skip("not installed: unshare")
    allowed = subprocess.run(command, capture_output=True).returncode == 0
    assert (kernel.try_namespaces(tmp_path).namespaces == "") == allowed


def test_forbidden_namespaces_give_the_kernel_error(tmp_path, monkeypatch):
    # The limit of user namespaces can be lowered for those inside one.
    code = (
        "import os; from pathlib import Path; from minicontainer import linux;"
        "linux.unshare(linux.CLONE_NEWUSER);"
        "Path('/proc/self/setgroups').write_text('deny');"
        f"Path('/proc/self/uid_map').write_text('0 {os.geteuid()} 1');"
        f"Path('/proc/self/gid_map').write_text('0 {os.getegid()} 1');"
        "Path('/proc/sys/user/max_user_namespaces').write_text('0');"
        "from minicontainer.workshop import kernel;"
        f"print(kernel.try_namespaces({str(tmp_path)!r}).namespaces); print(kernel.why_forbidden())"
    )
    if kernel.try_namespaces(tmp_path).namespaces:
        pytest.skip("this machine forbids user namespaces already")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    error, mend = done.stdout.splitlines()
    assert error.startswith("forbidden: ") and "unshare" in error
    assert mend == "sudo sysctl -w user.max_user_namespaces=10000"


@pytest.mark.parametrize(
    ("settings", "mend"),
    [
        ({"kernel/apparmor_restrict_unprivileged_userns": "1"}, "apparmor_restrict"),
        ({"kernel/unprivileged_userns_clone": "0"}, "unprivileged_userns_clone=1"),
        ({"user/max_user_namespaces": "0"}, "max_user_namespaces=10000"),
        ({}, "labs 03, 04 and 05 run without"),
    ],
)
def test_the_setting_that_forbids_is_named(monkeypatch, settings, mend):
    monkeypatch.setattr(kernel, "setting", lambda name: settings.get(name, ""))
    monkeypatch.setattr(Path, "exists", lambda self: False)
    assert mend in kernel.why_forbidden()


@pytest.mark.parametrize(("line", "expected"), [("me:100000:65536", True), ("you:1:1", False)])
def test_id_ranges_are_found_by_name_or_number(tmp_path, line, expected):
    file = tmp_path / "subuid"
    file.write_text(f"# ranges\n{line}\n")
    assert kernel.has_range(file, "me") is expected
    file.write_text(f"{os.getuid()}:100000:65536\n")
    assert kernel.has_range(file, "me")
    assert not kernel.has_range(tmp_path / "none", "me")


def test_not_linux_says_which_labs_run(monkeypatch):
    monkeypatch.setattr(doctor.sys, "platform", "darwin")
    monkeypatch.setattr(doctor.platform, "system", lambda: "Darwin")
    finding = doctor.operating_system()
    assert finding.mark == "○"
    assert "labs 03, 04 and 05 run here" in finding.mend and "Lima" in finding.mend


def test_exit_status_and_plain_marks(monkeypatch):
    good = doctor.Finding("Python", True, "3.13.0")
    optional = doctor.Finding("dot", False, "not installed", "install graphviz", needed=False)
    needed = doctor.Finding("disk", False, "0.1 GiB", "make room")
    for findings, status in (([good, optional], 0), ([good, needed], 1)):
        out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        monkeypatch.setattr(doctor.sys, "stdout", out)
        monkeypatch.setattr(doctor, "examine", lambda findings=findings: iter(findings))
        assert doctor.main() == status
        out.seek(0)
        assert "ok Python     3.13.0" in out.read()
    assert "NO disk" in doctor.table([needed]).replace("✗", "NO")
    assert "-> make room" in doctor.table([needed])
