"""What the pages show: lines that fit, and nothing of whoever generates them."""

from __future__ import annotations

from pathlib import Path

from minicontainer.workshop.scenes import WIDTH, folded, lab03, lab04
from tests.programs import needs

COMMAND = """$ curl -i -H "Authorization: Bearer $TOKEN" 'http://HOST/v2/team/many/tags/list?n=3'"""


def test_a_long_command_goes_on_after_a_backslash() -> None:
    lines = folded(COMMAND).split(" \\\n")
    assert " ".join(line.strip() for line in lines) == COMMAND
    assert len(lines) == 2 and all(len(line) <= WIDTH for line in lines)
    assert folded("$ ls") == "$ ls"


def test_a_long_header_goes_on_after_a_comma() -> None:
    header = f'WWW-Authenticate: Bearer realm="{"x" * 24}",service="HOST",scope="repository"'
    lines = lab04.wrapped(header).split("\n    ")
    assert lines[1:] == ['scope="repository"']
    assert lab04.wrapped("Link: a,b") == "Link: a,b"


@needs("skopeo")
def test_tools_do_not_see_the_logins_of_whoever_draws_the_page(tmp_path: Path, monkeypatch) -> None:
    broken = tmp_path / "auth.json"
    broken.write_text("this is not JSON")
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(broken))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "not" / "there"))
    shown = lab04.shell("skopeo list-tags --tls-verify=false docker://HOST/team/app")
    assert '"1.1"' in shown


def test_the_browser_opens_on_an_image() -> None:
    def of(os: str, architecture: str) -> dict:
        return {"platform": {"os": os, "architecture": architecture}}

    best = lab03.viewers.best
    nobody, strange = of("unknown", "unknown"), of("plan9", "mips")
    own = [of("linux", name) for name in ("amd64", "arm64")]
    assert best([nobody, strange]) == 1
    assert best([nobody, strange, *own]) in (2, 3)
    assert best([nobody, {}]) == 1
    assert best([nobody]) == 0
