"""Makes the notebooks: lab.md and the package's functions -> labs/ and solutions/.

`python -m minicontainer.workshop.authoring.generate [NN …]` writes both, the solutions
executed in a real kernel; the same input gives the same bytes. Cell ids come
from what a cell holds; there are no timestamps, and pictures are drawn by the
Graphviz that draws alike everywhere.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minicontainer.errors import MinicontainerError
from minicontainer.pictures.render import portable
from minicontainer.workshop.labs import exercises
from minicontainer.workshop.labs.lab import Exercise, Lab, LabError, find_lab, find_labs
from minicontainer.workshop.labs.notebook_answers import saved_answers
from minicontainer.workshop.labs.notebook_files import cell_id, save, to_text
from minicontainer.workshop.labs.renewal import remember
from minicontainer.workshop.scenes import load_scenes, without_other_labs

from .page import parse

_WIDGET = "application/vnd.jupyter.widget-view+json"
_SETUP = """\
# Run this cell first (Shift+Enter): it brings the names that your functions may use.
from __future__ import annotations

{imports}
from minicontainer.workshop.notebook import begin
from minicontainer.workshop.scenes import lab{lab} as scenes

check, hint, compare, progress = begin("{lab}")"""
#: as JupyterLab writes them (setup/kernel.json): a notebook that is only opened stays as it is
_KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
#: of the first cell: folded, JupyterLab shows its first line
_FOLDED = {"jupyter": {"source_hidden": True}}


def main(arguments: list[str]) -> int:
    """Write the notebooks of the labs named, or of all."""
    try:
        labs = [find_lab(number) for number in arguments] or find_labs()
        for lab in labs:
            write(lab)
            print(f"lab {lab.id}: {lab.notebook} written")
    except MinicontainerError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    return 0


def write(lab: Lab) -> None:
    """Write both notebooks of `lab`. Raises LabError where that would destroy answers."""
    path = lab.notebook_path()
    if path.exists() and (mine := saved_answers(lab, "labs").written()):
        raise LabError(f"holds answers ({', '.join(mine)}), which are not overwritten", str(path))
    made, drawn = learners_and_pictures(lab)
    for name, picture in drawn.items():
        save(lab.directory / name, picture)
    save(path, to_text(made))
    remember(lab, made["cells"])
    solved = lab.notebook_path("solutions")
    save(solved, to_text(solution(lab)))
    save(solved, executed(to_text(solution(lab)), solved.parent))


def learners_and_pictures(lab: Lab) -> tuple[dict[str, Any], dict[str, str]]:
    """The notebook that a learner starts from, and the pictures of both notebooks.

    A picture's name is below the lab's directory; it is given as SVG.
    Raises MinicontainerError where a page's transcript cannot be made.
    """
    cells = _Cells(lab, exercises.stub)
    return _notebook(cells), cells.pictures


def learners(lab: Lab) -> dict[str, Any]:
    """The notebook alone, on a learner's machine, where a transcript's tool may be missing."""
    return _notebook(_Cells(lab, exercises.stub, forgiving=True))


def solution(lab: Lab) -> dict[str, Any]:
    """The notebook with the package's own functions, not executed."""
    return _notebook(_Cells(lab, exercises.solution, way=f"../../labs/{lab.id}/"))


def executed(notebook: str, directory: Path) -> str:
    """The notebook after Run All in a kernel started in `directory`. Needs nbclient."""
    import nbformat
    from nbclient import NotebookClient

    node = nbformat.reads(notebook, as_version=4)
    with tempfile.TemporaryDirectory() as home, portable():
        environment = {**os.environ, "XDG_DATA_HOME": home, "NO_COLOR": "1"}
        client = NotebookClient(node, timeout=120, record_timing=False, coalesce_streams=True)
        client.execute(cwd=str(directory), env=environment)
    for cell in node.cells:
        if cell.cell_type == "code":  # what goes to stderr differs from machine to machine
            kept = [output for output in cell.outputs if output.get("name") != "stderr"]
            cell.outputs = [_lasting(output, directory.name) for output in kept]
    node.metadata = nbformat.reads(notebook, as_version=4).metadata
    return nbformat.writes(node) + "\n"


def _lasting(output: Any, lab: str) -> Any:
    """Without the widget, which is dead without its kernel, and without other labs' functions."""
    output.get("data", {}).pop(_WIDGET, None)
    if "text" in output:
        output["text"] = without_other_labs(lab, output["text"])
    return output


def _notebook(cells: _Cells) -> dict[str, Any]:
    from ipykernel.ipkernel import IPythonKernel

    language = {**IPythonKernel.language_info, "version": "3"}
    with portable():
        cells.fill()
    return {
        "cells": cells.made,
        "metadata": {"kernelspec": _KERNEL, "language_info": language},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


@dataclass
class _Cells:
    """The cells made so far; one method a kind of block."""

    lab: Lab
    function_cell: Callable[[Exercise], str]
    way: str = ""  # from the notebook to the lab's directory
    forgiving: bool = False
    made: list[dict[str, Any]] = field(default_factory=list)
    pictures: dict[str, str] = field(default_factory=dict)

    def fill(self) -> None:
        """Make all cells of the page."""
        file = self.lab.directory / "lab.md"
        for block in parse(file.read_text("utf-8"), str(file)):
            getattr(self, f"_{block.kind}")(block.text)

    def _prose(self, text: str) -> None:
        """Continue the markdown cell above; a heading begins a new one."""
        last: dict[str, Any] = self.made[-1] if self.made else {"cell_type": ""}
        if last["cell_type"] != "markdown" or text.startswith("#"):
            self._cell("markdown", text)
        else:
            source = "".join(last["source"]) + f"\n\n{text}"
            last["source"] = source.splitlines(keepends=True)

    def _code(self, text: str) -> None:
        self._cell("code", text)

    def _setup(self, _: str) -> None:
        if self.lab.elsewhere:
            self._prose(f"*{self.lab.elsewhere[:1].upper()}{self.lab.elsewhere[1:]}.*")
        imports = exercises.imports(self.lab.exercises)
        self._cell("code", _SETUP.format(imports=imports, lab=self.lab.id), "setup")

    def _exercise(self, name: str) -> None:
        self._cell("code", self.function_cell(self.lab.exercise(name)), f"exercise-{name}")
        self._cell("code", f"check({name})", f"check-{name}")

    def _picture(self, expression: str) -> None:
        picture = self._value(expression)
        name = f"pictures/{len(self.pictures) + 1}.svg"
        self.pictures[name] = picture.svg() + "\n"
        alt = picture.alt.replace("[", "(").replace("]", ")").replace("\n", " ")
        self._prose(f"![{alt}]({self.way}{name})")

    def _transcript(self, expression: str) -> None:
        try:
            text = str(self._value(expression)).strip("\n")
        except (MinicontainerError, OSError) as error:
            if not self.forgiving:
                raise
            text = f"(could not be made on this machine: {str(error).splitlines()[0]})"
        self._prose(f"```text\n{text}\n```")

    def _value(self, expression: str) -> Any:
        """What the expression gives, seen from the lab's scenes."""
        scenes = load_scenes(self.lab.directory)
        return eval(expression, vars(scenes))  # noqa: S307 - the text is our own

    def _cell(self, kind: str, source: str, name: str = "") -> None:
        """Append a cell; its id is `name`, or made from its source."""
        same = sum(1 for cell in self.made if "".join(cell["source"]) == source)
        cell: dict[str, Any] = {
            "cell_type": kind,
            "id": name or cell_id(kind, source, same),
            "metadata": _FOLDED if name == "setup" else {},
            "source": source.splitlines(keepends=True),
        }
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        self.made.append(cell)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
