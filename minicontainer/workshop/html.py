"""The results as HTML for a notebook cell: plain `div`s in the theme's colours.

Only inline styles with JupyterLab's variables and fallbacks, so that it looks
right in a dark theme, in other editors, and after the kernel is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from minicontainer.workshop.grading.grader import Result
from minicontainer.workshop.grading.report import symbol
from minicontainer.workshop.labs.lab import Check

_TEXT = "var(--jp-ui-font-color1, inherit)"
_QUIET = "var(--jp-ui-font-color2, gray)"
_LINE = "var(--jp-border-color2, #8885)"
MONO = "font-family: var(--jp-code-font-family, monospace); font-size: 0.92em"
#: lines as they are, to be scrolled where there is no room: no word is broken
_CODE = f"{MONO}; line-height: 1.35; color: {_TEXT}; background: none; margin: 0"
_CODE += "; white-space: pre; word-break: normal; overflow-x: auto"
#: where MathJax looks for no formulas: it would take backslashes and dollars out of what we show
_NO_FORMULAS = "tex2jax_ignore mathjax_ignore"
_COLOURS = {
    "✓": "var(--jp-success-color1, #1a7f37)",
    "✗": "var(--jp-error-color1, #cf222e)",
    "○": _QUIET,
    "…": _QUIET,
}
#: of a diff's lines: no colour of an alarm, since both sides may be right
_SIDES = {"-": "var(--jp-info-color1, #0969da)", "+": "var(--jp-success-color1, #1a7f37)"}


def box(*parts: str) -> str:
    """The frame around everything we show in a cell."""
    style = f"color: {_TEXT}; border-left: 3px solid {_LINE}; padding: 0.2em 0 0.2em 0.9em"
    style += "; max-width: 54em; line-height: 1.5"
    return f'<div class="{_NO_FORMULAS}" style="{style}">{"".join(parts)}</div>'


def line(text: str) -> str:
    """One line of ordinary text."""
    return f'<div style="color: {_TEXT}">{escape(text)}</div>'


def pre(text: str) -> str:
    """Text as in a terminal."""
    return f'<pre style="{_CODE}">{escape(text)}</pre>'


def heading(text: str, right: str) -> str:
    """A line in bold, with the points at its end."""
    style = "display: flex; font-weight: 600; margin-top: 0.3em"
    return (
        f'<div style="{style}"><span style="flex: 1">{escape(text)}</span>'
        f"<span>{escape(right)}</span></div>"
    )


def row(sign: str, text: str, right: str = "") -> str:
    """`✓ text            right`."""
    mark = f'<span style="color: {_COLOURS[sign]}; font-weight: 700">{sign}</span>'
    return (
        '<div style="display: flex; gap: 0.6em">'
        f'{mark}<span style="flex: 1">{escape(text)}</span>'
        f'<span style="color: {_QUIET}">{escape(right)}</span></div>'
    )


def check_row(check: Check, result: Result | None, more: Sequence[tuple[str, str]]) -> str:
    """A check and its result, once it is known, with what `more` it has to tell."""
    sign = symbol(result.outcome) if result else "…"
    got = check.points if result and result.passed else 0
    shown = row(sign, check.title, f"{got} / {check.points}")
    if not (result and more):
        return shown
    return shown + details(more) + (fold("what your code did", result.did) if result.did else "")


def fold(title: str, lines: Iterable[str]) -> str:
    """Lines to be opened by a click on `title`."""
    style = f"margin: -0.4em 0 0.7em 1.4em; color: {_QUIET}"
    inside = pre("\n".join(lines))
    return f'<details style="{style}"><summary>{escape(title)}</summary>{inside}</details>'


def details(pairs: Iterable[tuple[str, str]]) -> str:
    """Labels and texts below each other, as in the terminal's report."""
    rows = []
    for label, text in pairs:
        style = f"white-space: pre-wrap; overflow-wrap: anywhere; {_style(label)}"
        rows.append(
            '<div style="display: flex; gap: 0.6em; margin: 0.15em 0">'
            f'<div style="flex: 0 0 5.5em; color: {_QUIET}">{escape(label)}</div>'
            f'<div style="flex: 1; {style}">{escape(text)}</div></div>'
        )
    return f'<div style="margin: 0.3em 0 0.7em 1.4em">{"".join(rows)}</div>'


def _style(label: str) -> str:
    if label in ("expected", "found", "where", "printed"):
        return MONO
    return "font-weight: 600" if label.startswith("hint") else ""


def side_by_side(columns: Iterable[tuple[str, str]]) -> str:
    """Sources beside each other, each under its title; below each other on a narrow page."""
    made = [
        f'<div style="flex: 1 1 max-content; min-width: 0"><div style="color: {_QUIET}">'
        f"{escape(title)}</div>{pre(source)}</div>"
        for title, source in columns
    ]
    return f'<div style="display: flex; flex-wrap: wrap; gap: 1.5em">{"".join(made)}</div>'


def difference(rows: Iterable[str]) -> str:
    """The lines of a diff: what is only on one side has a colour."""
    made = [f'<span style="color: {_SIDES.get(r[:1], _TEXT)}">{escape(r)}\n</span>' for r in rows]
    return f'<pre style="{_CODE}">{"".join(made)}</pre>'
