"""The demo runs to its end, and the README shows what it prints."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ITEMS = 20_000

_FORMS = (
    (r"\d{4}-\d\d-\d\d", "DATE"),
    (r"\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b", "DIGEST"),
    (r"\d[\d,.:]*\d|\d", "N"),
    # Which causes occur among the members of one host is a matter of chance.
    (r"members: [^)]*\)", "members: CAUSES)"),
    # What is worth a look is a matter of chance too.
    (r"\nN findings? (is|are) worth a look[^\n]*\n( {2}[^\n]*\n)+", "\n"),
    (r" {2}worth a look: [^\n]*\n", ""),
    # A tenth of the items need not show every rare reason.
    (r"(excluded: [^\n]*\n)+", "excluded: REASONS\n"),
    (r"-{10,}", "RULE"),
    # Columns are as wide as what is in them.
    (r"[ \t]+", " "),
)


def form(output: str) -> list[str]:
    """Return the lines of the demo's output without what differs from run to run: numbers, digests, dates, folds."""
    unfolded = re.sub(r"RefreshHeld:.*?\n\n", lambda found: " ".join(found[0].split()) + "\n\n", output, flags=re.S)
    for pattern, placeholder in _FORMS:
        unfolded = re.sub(pattern, placeholder, unfolded)
    return [line.strip() for line in unfolded.splitlines() if line.strip()]


def shown_in_readme() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- demo -->\n```\w*\n(.*?)```\n<!-- /demo -->", text, flags=re.S)
    assert found, (
        "README.md: no code block between <!-- demo --> and <!-- /demo -->. Put the output of `make demo` there."
    )
    return found[1]


@pytest.mark.slow
def test_demo_publishes_three_cycles_and_refuses_the_fourth_and_readme_shows_its_output(tmp_path: Path) -> None:
    folder = tmp_path / "demo"

    command = [sys.executable, "-m", "demo", "--items", str(ITEMS), "--folder", str(folder)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    printed = ran.stdout.replace(f"file://{folder}", "file://$PWD/build/demo").replace(str(folder), "build/demo")
    assert ran.returncode == 0, printed + ran.stderr
    assert form(printed) == form(shown_in_readme())
