"""What learners of lab 04 are told of right answers that are unusual, and of slips."""

from __future__ import annotations

import pytest

from minicontainer.workshop import html
from minicontainer.workshop.grading.calls import NOTHING
from minicontainer.workshop.grading.report import failure, hint_of
from minicontainer.workshop.scenes import lab04

from .learner import LABS, reference, results_of

LAB = next(lab for lab in LABS if lab.id == "04")


def test_a_range_that_asks_for_everything_is_no_mistake() -> None:
    source = reference(LAB, "get_blob")
    always = source.replace(" if blob.offset else {}", "")
    assert always != source
    assert all(result.passed for result in results_of(LAB, "get_blob", always))


@pytest.mark.parametrize(
    ("name", "ours", "theirs"),
    [
        ("follow_redirects", "drop(response)", "response.close()"),
        ("send_with_token", "drop(response)", "response.close()"),
        ("list_tags", "read_json(response, LARGEST_PAGE)", "response.json()"),
        (
            "get_blob",
            'read_chunks(response, descriptor["size"] - blob.offset)',
            "response.iter_content(1 << 20)",
        ),
    ],
)
def test_what_one_does_with_requests_at_work_is_right(name: str, ours: str, theirs: str) -> None:
    source = reference(LAB, name)
    assert ours in source
    results = results_of(LAB, name, source.replace(ours, theirs))
    assert all(result.passed for result in results), results


OLD_IMPORTS = """\
from minicontainer.step04_registry.addresses import join, origin
from minicontainer.step04_registry.failures import BadAnswer, ConnectionLost
from minicontainer.step04_registry.retries import Patience
from minicontainer.step04_registry.transport import Response, Transport
"""


@pytest.mark.parametrize("name", ["parse_reference", "token_address", "get_manifest"])
def test_imports_of_an_older_notebook_break_nothing(name: str) -> None:
    results = results_of(LAB, name, OLD_IMPORTS + reference(LAB, name))
    assert all(result.passed for result in results), results


@pytest.mark.parametrize("name", [exercise.name for exercise in LAB.exercises])
def test_a_slip_is_told_with_its_line(name: str) -> None:
    source = f"def {name}(*given, **named):\n    return given[0].no_such_thing(None)\n"
    told = [result for result in results_of(LAB, name, source) if not result.passed]
    assert told
    for result in told:
        assert result.found.startswith("AttributeError was raised"), result
        assert result.where == ("cell 1, line 2: return given[0].no_such_thing(None)",), result


@pytest.mark.parametrize("name", [exercise.name for exercise in LAB.exercises])
def test_nothing_returned_is_not_the_fault_of_the_check(name: str) -> None:
    for result in results_of(LAB, name, f"def {name}(*given, **named):\n    given = None\n"):
        assert result.outcome in ("failed", "passed"), result
        assert " object at 0x" not in result.found, result
        assert result.passed or result.found


def test_a_missing_return_is_named() -> None:
    results = results_of(LAB, "list_tags", "def list_tags(registry, repository):\n    tags = []\n")
    assert results[0].found == NOTHING
    assert hint_of(LAB, results[0]) == "return what you have made"
    assert "hint 1" not in "\n".join(failure(LAB, results[0]))


def test_a_conversation_begins_before_its_first_message() -> None:
    controls, shown = lab04.Talk().widget().children
    menu, slider = controls.children
    assert slider.value == 0
    assert "→" not in shown.value
    slider.value = slider.max
    menu.value = "the connection breaks"
    assert slider.value == 0
    slider.value = 1
    assert shown.value.count("→") == 1


def test_backslashes_and_dollars_are_no_formulas_in_jupyterlab() -> None:
    shown = html.box(html.details([("found", r"'C:\\new, \(a\) $b$'")]))
    assert shown.startswith('<div class="tex2jax_ignore mathjax_ignore"')
    assert r"C:\\new, \(a\) $b$" in shown
