"""A failing check tells what the learner's code did: its calls, its requests, the files it left."""

from __future__ import annotations

from pathlib import Path

import pytest

from minicontainer.workshop import html
from minicontainer.workshop.grading.calls import Calls
from minicontainer.workshop.grading.grader import Result
from minicontainer.workshop.grading.report import failure
from tests.programs import needs_namespaces

from .learner import LABS, reference, results_of

BY_ID = {lab.id: lab for lab in LABS}


def failed(lab: str, name: str, right: str, wrong: str) -> Result:
    """The first check that fails when the reference says `wrong` in the place of `right`."""
    source = reference(BY_ID[lab], name)
    assert right in source
    results = results_of(BY_ID[lab], name, source.replace(right, wrong))
    return next(result for result in results if result.outcome not in ("passed", "skipped"))


@needs_namespaces
def test_system_calls_of_the_function_and_not_of_the_check() -> None:
    result = failed("01", "pivot", 'linux.umount2(".", linux.MNT_DETACH)', "pass")
    calls = list(result.did[: result.did.index("")])
    assert calls == ["mount(…/root, …/root, -, MS_BIND | MS_REC)", "pivot_root(., .)"]
    told = "\n".join(failure(BY_ID["01"], result))
    assert "  it did     mount(…/root, …/root, -, MS_BIND | MS_REC)" in told


def test_many_calls_of_one_kind_are_told_as_a_few(tmp_path: Path) -> None:
    calls = Calls(str(tmp_path / "calls"))

    def drops() -> None:
        for capability in range(40):
            calls.hear({"text": f"prctl(PR_CAPBSET_DROP, {capability})"})
        calls.hear({"text": "pivot_root(., .)"})

    calls.make(drops)
    assert calls.did[-2:] == ["… and 33 more", "pivot_root(., .)"] and len(calls.did) == 9


@needs_namespaces
def test_system_calls_before_an_endless_loop_and_before_an_end() -> None:
    for end, outcome in (("while True: pass", "timeout"), ("os._exit(3)", "failed")):
        result = failed("01", "pivot", 'linux.pivot_root(".", ".")', end)
        assert "mount(" in result.did[0] and result.outcome in (outcome, "crashed"), result


def test_requests_and_answers() -> None:
    result = failed("04", "send_with_token", "== 401", "== 402")
    assert result.did[0].startswith("curl -s ") and result.did[1].startswith("401")
    assert all(result.did), "there are no files"


def test_the_files_then() -> None:
    result = failed("03", "apply_layer", "name.startswith(WHITEOUT):", "name.startswith('zz'):")
    files = result.did[result.did.index("the files then:") + 1 :]
    assert {"root/etc/.wh.motd", "root/etc/motd", "root/etc/hosts"} <= set(files)


def test_a_passed_check_tells_nothing() -> None:
    lab = BY_ID["03"]
    assert not any(r.did for r in results_of(lab, "apply_layer", reference(lab, "apply_layer")))


@pytest.mark.parametrize("did", [("mount(<a>)", "umount2(.)"), ()])
def test_it_is_folded_in_a_notebook(did: tuple[str, ...]) -> None:
    check = BY_ID["01"].checks[0]
    shown = html.check_row(check, Result(check, "failed", did=did), [("found", "x")])
    assert shown.count("<details") == bool(did)
    assert not did or "mount(&lt;a&gt;)\numount2(.)" in shown
