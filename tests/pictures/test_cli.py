"""`minicontainer graph` and `minicontainer storage`, as commands."""

import os
import pty
import subprocess
import sys

import pytest

from minicontainer.cli.minicontainer import main
from minicontainer.pictures.outline import image_outline, storage_outline
from minicontainer.pictures.sources import open_images

from .registries import Storage

COMMAND = "import sys; from minicontainer.cli.minicontainer import main; sys.exit(main())"


@pytest.fixture
def storage(tmp_path, two_tags):
    made = Storage(tmp_path / "registry")
    made.push(two_tags, two_tags.tags[0], "workshop/web", "1.0")
    made.write(f"blobs/sha256/ab/{'ab' * 32}/data", b"x")
    return made.path


def test_dot_for_a_pipe(two_tags, capsys):
    assert main(["graph", str(two_tags.path)]) == 0
    assert capsys.readouterr().out.startswith("digraph {")


@pytest.mark.parametrize("suffix", [".svg", ".dot", ".html"])
def test_files(two_tags, tmp_path, capsys, suffix):
    path = tmp_path / f"picture{suffix}"
    assert main(["graph", f"oci:{two_tags.path}:docker.io/workshop/web:1.0", "-o", str(path)]) == 0
    assert path.stat().st_size > 500
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"written: {path}\n")


def test_storage_for_a_pipe(storage, two_tags, capsys):
    assert main(["storage", str(storage), "--beside", str(two_tags.path)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("digraph {") and "index.json" in out


def test_outlines(storage, two_tags):
    text = image_outline(open_images([two_tags.path]))
    assert text.count("(shared)") == 2
    assert "workshop/web:1.1" in text and "linux/amd64" in text
    from minicontainer.pictures.disk import read_storage

    text = storage_outline(read_storage(storage))
    assert "_manifests/tags/1.0/current/link -> sha256:" in text
    assert "no link points to sha256:abababababab" in text


def test_a_terminal_gets_the_outline(two_tags):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", COMMAND, "graph", str(two_tags.path)]
    done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, check=False, timeout=60)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.returncode == 0, done.stderr
    assert "└─" in shown and "digraph" not in shown
    assert b"-o FILE.svg" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["graph", "oci:/nowhere"], "not an OCI image layout"),
        (["storage", "/nowhere"], "no registry's storage"),
        (["graph", "UPPER CASE"], "UPPER CASE"),
    ],
)
def test_mistakes_get_one_message(capsys, words, message):
    assert main(words) != 0
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err and "Traceback" not in err


def test_a_wrong_file_name(two_tags, tmp_path, capsys):
    assert main(["graph", str(two_tags.path), "-o", str(tmp_path / "x.gif")]) != 0
    assert ".svg, .dot or .png" in capsys.readouterr().err


def test_without_the_graphviz_package(two_tags, monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith("minicontainer.pictures.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "graphviz", None)
    assert main(["graph", str(two_tags.path)]) == 1
    said = capsys.readouterr().err
    assert sys.executable in said and " install graphviz" in said
