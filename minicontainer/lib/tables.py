"""Columns for people to read, like docker's and runc's."""

from __future__ import annotations


def columns(rows: list[list[str]]) -> list[str]:
    """A line for each row, in columns that are as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def print_table(head: list[str], rows: list[list[str]]) -> None:
    """Print `head` and `rows` in columns."""
    print("\n".join(columns([head, *rows])))
