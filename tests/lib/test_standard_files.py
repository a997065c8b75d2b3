"""What is printed where the locale's encoding lacks a character."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from minicontainer.lib.standard_files import print_plainly

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("encoding", "printed"),
    [("latin-1", "ok - ?a"), ("ascii", "ok - ?a"), ("utf-8", "✓ · 한a")],
)
def test_what_an_encoding_lacks_is_printed_as_something_like_it(monkeypatch, encoding, printed):
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr("sys.stdout", out)
    print_plainly()
    print("✓ · 한a", end="", flush=True)
    expected = printed.replace("-", "·") if encoding == "latin-1" else printed
    assert out.buffer.getvalue().decode(encoding) == expected


_OPENED = "import sys; from minicontainer.lib.standard_files import *; open_standard_files()"


def _main(command: str) -> list[str]:
    return ["-c", f"import sys; from minicontainer.cli.{command} import main; sys.exit(main())"]


@pytest.mark.parametrize("encoding", ["latin-1", "euc-kr", "ascii"])
@pytest.mark.parametrize(
    "words",
    [
        ["-m", "minicontainer.workshop", "status"],
        ["-m", "minicontainer.workshop", "check", "05", "plain_key"],
        ["-m", "pytest", "labs/05"],
        ["-m", "minicontainer.workshop.doctor"],
        [*_main("minicontainer"), "chroot-demo"],
        [*_main("minicontainer"), "--explain", "images"],
        [*_main("minirunc"), "list"],
        ["-c", f"{_OPENED}; print('✓'); print('→', file=sys.stderr)"],
    ],
    ids=lambda words: " ".join(words[1:]).rpartition("; ")[2],
)
def test_every_command_prints_in_a_locale_of_8_bits(tmp_path, words, encoding):
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "XDG_DATA_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, *words], cwd=PROJECT, env=environment, capture_output=True, timeout=120
    )
    for stream in (done.stdout, done.stderr):
        said = stream.decode(encoding)
        assert "Traceback" not in said and "UnicodeEncodeError" not in said
        assert "\\u" not in said and "\\x" not in said
    assert done.stdout or done.stderr
