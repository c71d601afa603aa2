"""What was once published reads as it was written: digests that people hold must never change.

``written/`` holds documents of one snapshot as a lake has them. They are never written anew: where a change of a
document breaks these tests, snapshots that lie somewhere would no longer verify. A key that comes later is left out
where it is not set.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from resift.model.document import Document
from resift.model.manifest import Manifest, Revision
from resift.model.pool import Drop
from resift.model.verdict import Verdict

WRITTEN = Path(__file__).parent / "written"


@pytest.mark.parametrize(
    ("kind", "name"),
    [(Manifest, "manifest.json"), (Revision, "revision.json"), (Verdict, "verdict.json"), (Drop, "drop.json")],
)
def test_document_is_the_same_bytes_when_written_again(kind: type[Document], name: str) -> None:
    body = (WRITTEN / name).read_bytes()

    assert kind.from_json(body, what=name).to_json() == body


def test_link_follows_from_its_manifest() -> None:
    manifest = Manifest.from_json((WRITTEN / "manifest.json").read_bytes(), what="manifest")

    assert Revision.of(manifest).to_json() == (WRITTEN / "revision.json").read_bytes()


def test_seal_of_a_verdict_holds() -> None:
    verdict = Verdict.from_json((WRITTEN / "verdict.json").read_bytes(), what="verdict")

    assert verdict.expected_seal() == verdict.seal
