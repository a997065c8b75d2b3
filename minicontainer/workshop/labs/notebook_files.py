"""Notebooks as files: the one reader and the one writer.

In: an .ipynb file of any editor (nbformat 4, whatever minor version). Out: its JSON, and for
changed cells a file in its layout, so that every other cell stands there as it did, to the byte.
nbformat lays all cells out anew, and its import takes ten times as long as a grading's own.
"""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import itertools
import json
import os
import re
from pathlib import Path
from typing import Any

from minicontainer.lib.files import write_whole

from .lab import LabError

#: how editors lay a notebook out; Jupyter's way comes first
_LAYOUTS: list[dict[str, Any]] = [
    {"sort_keys": by_name, "ensure_ascii": escaped, "indent": indent}
    for by_name, escaped, indent in itertools.product((True, False), (False, True), (1, 2, 4, None))
]
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_MARKS = re.compile(r"^<{7} .*^>{7} ", re.MULTILINE | re.DOTALL)


def read(path: Path) -> dict[str, Any]:
    """The notebook at `path`. Raises LabError when there is none, or it is not one."""
    text, hint = "", f"Save it again, or begin anew: ./workshop reset {path.parent.name}"
    try:
        text = path.read_bytes().decode("utf-8-sig")
        notebook = json.loads(text)
        for number, cell in enumerate(notebook["cells"], 1):
            if cell.get("source") is None:
                cell["source"] = []
            if cell["cell_type"] not in ("code", "markdown", "raw"):
                raise ValueError(f"cell {number} is of no known type")
            if not isinstance(cell["source"], str | list):
                raise ValueError(f"cell {number} has no text")
            source(cell)
    except FileNotFoundError:
        hint = f"Bring it back with: ./workshop reset {path.parent.name}"
        raise LabError("the notebook is not there", str(path), hint) from None
    except OSError as error:
        raise cannot("be read", path, error) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if _MARKS.search(text):
            hint = 'labs/README.md, "A newer edition", says how to go on.'
            raise LabError("git left its marks of a conflict in it", str(path), hint) from None
        raise LabError(f"this is not a notebook ({error})", str(path), hint) from error
    return notebook


def source(cell: dict[str, Any]) -> str:
    """A cell's source, with line ends as Python reads them."""
    return "".join(cell["source"]).replace("\r\n", "\n").replace("\r", "\n")


def write(path: Path, notebook: dict[str, Any]) -> None:
    """Let `notebook`, which was read there, be what the file at `path` holds. Raises LabError."""
    before = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    known, unix = json.loads(before), before.replace(b"\r\n", b"\n")
    plain = unix.rstrip()
    layout = next((way for way in _LAYOUTS if _laid_out(known, way) == plain), _LAYOUTS[0])
    ids: set[str] = set()
    with_ids = notebook.get("nbformat_minor", 0) >= 5
    notebook = {**notebook, "cells": [_valid(cell, ids, with_ids) for cell in notebook["cells"]]}
    text = _laid_out(notebook, layout) + unix[len(plain) :]
    save(path, text if unix == before else text.replace(b"\n", b"\r\n"))


def _laid_out(notebook: dict[str, Any], layout: dict[str, Any]) -> bytes:
    """The notebook as text; half a character stays an escape, as JSON has it."""
    return json.dumps(notebook, **layout).encode("utf-8", "backslashreplace")


def _valid(cell: dict[str, Any], ids: set[str], with_id: bool) -> dict[str, Any]:
    """The cell with all that one must have, and an id of its own where cells have one."""
    code: dict[str, Any] = {"execution_count": None, "outputs": []}
    code = code if cell["cell_type"] == "code" else {}
    cell = cell | {
        key: empty for key, empty in ({"metadata": {}} | code).items() if key not in cell
    }
    id, number = cell.get("id"), 0
    while not (isinstance(id, str) and _ID.fullmatch(id)) or id in ids:
        id, number = cell_id(cell["cell_type"], source(cell), number), number + 1
    ids.add(id)
    cell["id"] = id
    if not with_id:
        del cell["id"]
    return cell


def cell_id(kind: str, text: str, same: int = 0) -> str:
    """The id of a cell that comes after `same` others like it."""
    return hashlib.sha256(f"{kind}{text}{same}".encode("utf-8", "replace")).hexdigest()[:12]


def to_text(notebook: dict[str, Any]) -> str:
    """A notebook of ours as a file, laid out as Jupyter does it."""
    return json.dumps(notebook, **_LAYOUTS[0]) + "\n"


def save(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Write a file so that readers see the old one or the new one.

    A symbolic link and the file's mode stay; what root makes is handed over.
    Raises LabError, and OSError for the directory.
    """
    path = path.resolve()
    if isinstance(content, str):
        content = content.encode()
    missing = [directory for directory in path.parents if not directory.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        if path.exists():
            mode = path.stat().st_mode & 0o7777
        write_whole(path, content, mode)
        path.chmod(mode)
        hand_over(*reversed(missing), path.parent, path)
    except OSError as error:
        raise cannot("be written", path, error) from error


def cannot(what: str, path: Path, error: OSError) -> LabError:
    """The words for a file that the system refuses."""
    refused = isinstance(error, PermissionError)
    hint = "Is it another user's, since a sudo? Then: sudo chown -R $USER ." if refused else ""
    return LabError(f"cannot {what}: {error.strerror}", str(path), hint)


def hand_over(*paths: Path) -> None:
    """After sudo: let what root made belong to whom the directory does that it is in."""
    for made in paths:
        if hasattr(os, "geteuid") and os.geteuid() == made.stat().st_uid == 0:
            owner = made.parent.stat()
            with contextlib.suppress(OSError):  # a user namespace may not know that user
                os.chown(made, owner.st_uid, owner.st_gid)
