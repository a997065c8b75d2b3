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
    return _div(f"color: {_TEXT}", escape(text))


def pre(text: str) -> str:
    """Text as in a terminal."""
    return f'<pre style="{_CODE}">{escape(text)}</pre>'


def heading(text: str, right: str) -> str:
    """A line in bold, with the points at its end."""
    style = "display: flex; font-weight: 600; margin-top: 0.3em"
    return _div(style, _span("flex: 1", text), f"<span>{escape(right)}</span>")


def row(sign: str, text: str, right: str = "") -> str:
    """`✓ text            right`."""
    mark = _span(f"color: {_COLOURS[sign]}; font-weight: 700", sign)
    points = _span(f"color: {_QUIET}", right)
    return _div("display: flex; gap: 0.6em", mark, _span("flex: 1", text), points)


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
        style = f"flex: 1; white-space: pre-wrap; overflow-wrap: anywhere; {_style(label)}"
        left = _div(f"flex: 0 0 5.5em; color: {_QUIET}", escape(label))
        right = _div(style, escape(text))
        rows.append(_div("display: flex; gap: 0.6em; margin: 0.15em 0", left, right))
    return _div("margin: 0.3em 0 0.7em 1.4em", *rows)


def _style(label: str) -> str:
    if label in ("expected", "found", "where", "printed"):
        return MONO
    return "font-weight: 600" if label.startswith("hint") else ""


def side_by_side(columns: Iterable[tuple[str, str]]) -> str:
    """Sources beside each other, each under its title; below each other on a narrow page."""
    style, quiet = "flex: 1 1 max-content; min-width: 0", f"color: {_QUIET}"
    made = [_div(style, _div(quiet, escape(title)), pre(source)) for title, source in columns]
    return _div("display: flex; flex-wrap: wrap; gap: 1.5em", *made)


def difference(rows: Iterable[str]) -> str:
    """The lines of a diff: what is only on one side has a colour."""
    made = [_span(f"color: {_SIDES.get(row[:1], _TEXT)}", f"{row}\n") for row in rows]
    return f'<pre style="{_CODE}">{"".join(made)}</pre>'


def _div(style: str, *inside: str) -> str:
    return f'<div style="{style}">{"".join(inside)}</div>'


def _span(style: str, text: str) -> str:
    return f'<span style="{style}">{escape(text)}</span>'
