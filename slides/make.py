"""`./workshop slides`: one HTML file a language, always; PDF where marp and Chromium are.

`--renew` first draws the pictures anew and plays the demos, and writes both into
slides/: what is committed there must be what comes out.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from minicontainer.workshop.authoring.generate import save

from . import demos, recording, scenes
from .deck import LANGUAGES, SLIDES, Deck, SlidesError, out_of_step, read_decks
from .page import page, refuse_remote

_PDF_SECONDS = 300


def make_slides(arguments: Sequence[str]) -> int:
    """The command `./workshop slides`; its exit status. Raises MinicontainerError."""
    parser = argparse.ArgumentParser(
        prog="workshop slides", description="Build the slides of the talk, in English and Korean."
    )
    parser.add_argument("--output", type=Path, default=SLIDES / "build", metavar="DIR")
    parser.add_argument("--renew", action="store_true", help="first pictures and demos anew")
    parser.add_argument("--pdf", action="store_true", help="fail where no PDF can be made")
    options = parser.parse_args(arguments)
    if options.renew:
        renew()
    for path in build(options.output, options.pdf):
        print(f"written: {path}")
    return 0


def build(output: Path, pdf: bool = False) -> list[Path]:
    """Write the slides of every language into `output`. Raises SlidesError."""
    talks = {language: read_decks(language) for language in LANGUAGES}
    compare(talks)
    theme = (SLIDES / "theme.css").read_text(encoding="utf-8")
    written = []
    for language, decks in talks.items():
        written.append(output / f"{language}.html")
        save(written[-1], page(decks, theme))
    marp = find_marp()
    if marp is None:
        if pdf:
            raise SlidesError(
                "no PDF: marp or Chromium is not installed", "", "See slides/README.md"
            )
        print("No PDF: marp or Chromium is not installed (slides/README.md)", file=sys.stderr)
        return written
    return written + [_make_pdf(marp, decks, output / f"{language}.pdf")
                      for language, decks in talks.items()]  # fmt: skip


def compare(talks: dict[str, list[Deck]]) -> None:
    """Raises SlidesError unless every language has the same decks, slides, pictures and demos."""
    first, *others = talks.values()
    for other in others:
        names = [[deck.path.name for deck in decks] for decks in (first, other)]
        if names[0] != names[1]:
            raise SlidesError(f"not the same decks: {names[0]}, {names[1]}")
        for one, two in zip(first, other, strict=True):
            if difference := out_of_step(one, two):
                raise SlidesError(f"not in step with {one.path}: {difference}", str(two.path))


def renew() -> None:
    """Draw all pictures, play all demos, write both into slides/; and record docs/demo.cast."""
    for name, svg in scenes.all_pictures().items():
        save(SLIDES / "pictures" / name, svg)
    for deck in read_decks(LANGUAGES[0]):
        if deck.demos:
            print(f"playing the demos of {deck.path.name}", file=sys.stderr)
            played = demos.play(deck)
            for language in LANGUAGES:
                demos.renew(SLIDES / language / deck.path.name, played)
    with tempfile.TemporaryDirectory() as directory:
        save(recording.CAST, recording.record(directory))


def find_marp() -> list[str] | None:
    """How to start marp, if that and Chromium are installed; MARP may name it."""
    marp = os.environ.get("MARP") or shutil.which("marp")
    browser = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
    return [marp, "--browser", "chrome", "--browser-path", browser] if marp and browser else None


def marp_source(decks: Sequence[Deck]) -> str:
    """All decks as the one Markdown file that marp is given."""
    settings = decks[0].settings
    head = "".join(f"{name}: {value}\n" for name, value in settings.items() if name != "footer")
    parts = [f"---\n{head}---\n"]
    for deck in decks:
        text = deck.path.read_text(encoding="utf-8").split("---\n", 2)[2]
        footer = deck.settings.get("footer", "").replace('"', "'")
        parts.append(f'\n<!-- footer: "{footer}" -->\n{text}')
    return parts[0] + "\n---\n".join(parts[1:])


def _make_pdf(marp: list[str], decks: Sequence[Deck], path: Path) -> Path:
    text = marp_source(decks)
    refuse_remote(text, str(path))
    # Beside the decks, since pictures are named from there.
    source = decks[0].path.parent / f".{path.stem}.{os.getpid()}.md"
    try:
        source.write_text(text, encoding="utf-8")
        command = [*marp, "--theme", str(SLIDES / "theme.css"), "--allow-local-files", "--pdf",
                   "--no-stdin", "-o", str(path), str(source)]  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_PDF_SECONDS,
            env={**os.environ, "CHROME_NO_SANDBOX": "1"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise SlidesError("marp does not end", str(path)) from None
    finally:
        source.unlink(missing_ok=True)
    if done.returncode or not path.exists():
        raise SlidesError(f"marp failed: {done.stderr.strip()[-400:]}", str(path))
    return path
