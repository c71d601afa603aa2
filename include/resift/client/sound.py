"""Refuse a manifest that no publisher writes, before anything it says is followed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress

from resift.errors import FormatNotKnown, SnapshotDamaged
from resift.model.manifest import Extra, Manifest
from resift.model.refresh import PartEntry
from resift.storage.key import check_key

MOST_BYTES = 64 * 1024 * 1024
"""A manifest longer than this is not read: one of two hundred thousand parts is shorter."""

FORMAT = str(Manifest.model_fields["format"].default)

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PART = re.compile(r"data/part-\d{5,}-r\d+-[0-9a-f]{12}\.parquet")
_OWN = re.compile(
    r"(manifest|tombstone|copy|manifest\.sig|croissant)\.json|README\.md|CITATION\.cff|revisions(/.*)?|signatures(/.*)?|(.*/)?\..*",
    re.IGNORECASE,
)
"""What no manifest may list: the documents that say what is there, and hidden files."""

_MOST = 2**63 - 1


def require_sound(manifest: Manifest) -> Manifest:
    """Return the manifest if its paths stay inside the snapshot and its counts can be counts.

    Nothing is read. Whether the files are what it says is another question, which ``verify`` answers.

    Raises:
        SnapshotDamaged: It leads outside the snapshot, lists a file twice, or has impossible counts.
    """
    what = f"snapshot {manifest.dataset} {manifest.version}.{manifest.revision}: its manifest"
    for problem in _problems(manifest):
        raise SnapshotDamaged(
            f"{what} {problem}. No publisher writes that: it was altered. Do not use it, and tell who runs the lake."
        )
    return manifest


def require_known_format(body: bytes, what: str) -> None:
    """Refuse what a newer resift wrote, before its keys are taken for damage.

    Raises:
        FormatNotKnown: The format is another than this version of resift reads.
    """
    with suppress(ValueError, RecursionError):
        content = json.loads(body)
        if isinstance(content, dict) and "format" in content and content["format"] != FORMAT:
            raise FormatNotKnown(
                f"{what}: found format {str(content['format'])[:80]!r}, expected {FORMAT!r}. It was written by another "
                "version of resift; upgrade: in a newer clone, pip install ."
            )


def _problems(manifest: Manifest) -> Iterator[str]:
    if manifest.revision < 0:
        yield f"has revision {manifest.revision}, expected 0 or more"
    if not 0 <= manifest.rows <= _MOST:
        yield f"says {manifest.rows} rows, expected 0 or more of them, and fewer than 2^63"
    if not 0 <= manifest.draw.start <= _MOST or not 0 <= manifest.draw.width <= 2**63:
        yield f"draws {manifest.draw.width} from {manifest.draw.start}, expected an interval of the circle"
    if not _SHA256.fullmatch(manifest.content_digest):
        yield f"has content digest {manifest.content_digest[:80]!r}, expected 64 hexadecimal digits"
    for part in manifest.parts:
        if not _PART.fullmatch(part.path):
            yield f"lists the part {part.path[:200]!r}, expected data/part-NUMBER-rREVISION-DIGEST.parquet"
        if not 0 <= part.rows <= _MOST or not (0 <= part.first_prn <= _MOST and 0 <= part.last_prn <= _MOST):
            yield f"says that {part.path} has {part.rows} rows from {part.first_prn} to {part.last_prn}, expected PRNs"
    files: list[PartEntry | Extra] = [*manifest.parts, *manifest.extras]
    for file in files:
        yield from _problems_of_file(file)
    if len({file.path.casefold() for file in files}) != len(files):
        yield "lists a file twice, expected each once"
    folders = {folder for file in files for folder in _folders(file.path.casefold())}
    for file in files:
        if file.path.casefold() in folders:
            yield f"lists {file.path[:200]!r} as a file and as a folder, expected one of them"


def _problems_of_file(file: PartEntry | Extra) -> Iterator[str]:
    try:
        check_key(file.path)
    except ValueError as error:
        yield f"lists {file.path[:200]!r} ({error})"
    if _OWN.fullmatch(file.path):
        yield f"lists {file.path[:200]!r}, expected only data and what describes it"
    if not 0 <= file.size_bytes <= _MOST:
        yield f"says that {file.path} has {file.size_bytes} bytes, expected 0 or more, and fewer than 2^63"
    if not _SHA256.fullmatch(file.sha256):
        yield f"gives {file.path} the sha256 {file.sha256[:80]!r}, expected 64 hexadecimal digits"


def _folders(path: str) -> Iterator[str]:
    """Yield the folders a path leads through."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
