"""Columns for people to read, like docker's and runc's."""

from __future__ import annotations


def print_table(head: list[str], rows: list[list[str]]) -> None:
    """Print `head` and `rows` in columns that are as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("   ".join(cells).rstrip())
