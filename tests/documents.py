"""Run the commands shown in a document and compare their output with what the document shows.

A fenced block marked ``console`` is run: lines that begin with ``$ `` are commands, the others are what they print, on
either stream. Blocks of one document share a directory and a lake. Blocks marked ``sh`` are read by people only.

``python tests/documents.py README.md docs/*.md`` writes the real output into the documents.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from resift.cli.main import main
from resift.model import keys
from resift.storage import open_store

ROOT = Path(__file__).resolve().parents[1]
SHOWN_LAKE = "file:///srv/lake"
"""What documents show in place of the lake of a test."""

_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_DEMO = re.compile(r"^<!-- demo -->$.*?^<!-- /demo -->$", re.MULTILINE | re.DOTALL)
"""What `make demo` prints; a test of its own holds it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A command in a document, what the document shows for it, and what it prints."""

    command: str
    expected: str
    found: str
    """On both streams, in the order of printing."""

    answer: str
    """On stdout alone."""


def blocks_of(text: str) -> list[re.Match[str]]:
    """Return the blocks of a document that are run, in order."""
    demo = [found.span() for found in _DEMO.finditer(text)]
    return [block for block in _BLOCK.finditer(text) if not any(lo < block.start() < hi for lo, hi in demo)]


def run_document(document: Path, place: Path) -> list[Shown]:
    """Run every command of a document, in order, in one directory and on one lake below ``place``."""
    with _desk(place) as desk:
        return [shown for block in blocks_of(document.read_text(encoding="utf-8")) for shown in desk.run(block[1])]


def rewrite_document(document: Path, place: Path) -> None:
    """Replace what a document shows by what its commands print."""
    text = document.read_text(encoding="utf-8")
    with _desk(place) as desk:
        for block in blocks_of(text):
            body = "".join(f"$ {shown.command}\n{shown.found}" for shown in desk.run(block[1]))
            text = text.replace(block[0], f"```console\n{body}```", 1)
    document.write_text(text, encoding="utf-8")


def form_of(output: str) -> list[str]:
    """Return what two runs of a document have in common: all but when they ran.

    A run of blanks counts as one.
    """
    output = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(?= UTC)", "INSTANT", output)
    output = re.sub(r"(published on |today is |(?:date|year) = \{)\d{4}(?:-\d\d-\d\d)?", r"\1DAY", output)
    return [" ".join(line.split()) for line in output.rstrip().splitlines()]


@dataclass(slots=True)
class _Desk:
    lake: str
    status: int = 0

    def run(self, body: str) -> Iterator[Shown]:
        """Run the commands of one block."""
        for step in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
            lines = step.splitlines(keepends=True)
            length = next(at for at, line in enumerate(lines, start=1) if not line.endswith("\\\n"))
            command = "".join(lines[:length]).rstrip("\n")
            found, answer = self._print(command.replace("\\\n", " "))
            yield Shown(command, "".join(lines[length:]), self._tidy(found), self._tidy(answer))

    def _print(self, command: str) -> tuple[str, str]:
        """Run one command; return what it prints on both streams, and on stdout alone."""
        if command == "echo $?":
            return f"{self.status}\n", f"{self.status}\n"
        words = shlex.split(command, comments=True)
        # In this process a command is spared seconds of imports; the shell is for everything else.
        if words[-2:] == [">", "/dev/null"] and words[0] == "resift":
            found, answer = self._resift(words[:-2])
            return found.removesuffix(answer), ""
        if words[0] != "resift" or set(words) & {"|", ">", ">>", "&&", ";"}:
            return self._shell(command)
        return self._resift(words)

    def _tidy(self, output: str) -> str:
        lines = output.replace(self.lake, SHOWN_LAKE).splitlines()
        return "".join(line.rstrip() + "\n" for line in lines)

    def _resift(self, words: list[str]) -> tuple[str, str]:
        both = io.StringIO()
        answer, before = _Tee(both), sys.argv
        sys.argv, self.status = words, 0
        try:
            with redirect_stdout(answer), redirect_stderr(both):
                main()
        except SystemExit as end:
            self.status = int(end.code or 0)
        finally:
            sys.argv = before
        return both.getvalue(), answer.getvalue()

    def _shell(self, command: str) -> tuple[str, str]:
        ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
        self.status = ran.returncode
        return ran.stderr + ran.stdout, ran.stdout


class _Tee(io.StringIO):
    """Keeps what is written, and passes it on."""

    def __init__(self, other: io.StringIO) -> None:
        super().__init__()
        self._other = other

    def write(self, text: str) -> int:
        self._other.write(text)
        return super().write(text)


@contextmanager
def _desk(place: Path) -> Iterator[_Desk]:
    """Make the directory and the lake that documents speak of. The example brings its salt, so that answers repeat."""
    for name in ("include", "examples"):
        (place / name).symlink_to(ROOT / name)
    lake = (place / "lake").as_uri()
    open_store(lake).create(keys.pool("quickstart"), (ROOT / "examples/quickstart/pool.json").read_bytes())
    before = dict(os.environ)
    os.environ |= {"RESIFT_LAKE": lake, "COLUMNS": "100", "PATH": f"{Path(sys.executable).parent}:{before['PATH']}"}
    for name in ("RESIFT_DATASETS", "RESIFT_DATASET", "RESIFT_SOURCES"):
        os.environ.pop(name, None)
    try:
        with chdir(place):
            yield _Desk(lake)
    finally:
        os.environ.clear()
        os.environ |= before


if __name__ == "__main__":
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as scratch:
            rewrite_document(Path(name).resolve(), Path(scratch))
