"""The way from `main` to the container's program is short enough to be followed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.programs import needs_namespaces

WAY = Path(__file__).parents[1] / "benchmarks" / "way.py"


@needs_namespaces
def test_it_leads_through_few_files_of_the_book_and_the_commands():
    done = subprocess.run([sys.executable, WAY], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = re.findall(r"^  without lib and ground: (\d+), \d+, (\d+)$", done.stdout, re.MULTILINE)
    (files, changes), (files_again, changes_again) = [tuple(map(int, each)) for each in found]
    assert files <= 40 and changes <= 120, done.stdout
    assert files_again <= 30 and changes_again <= 75, done.stdout
