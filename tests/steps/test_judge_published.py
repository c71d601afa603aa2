"""A published version is held against its suite: whole it passes, and what was done to it is named by rule and file."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import NOW, cycle, make_dataset, make_pool, observation, publish_unjudged, snapshot_rows
from typer.testing import CliRunner

from resift.cli.main import app
from resift.client.snapshots import find_manifest
from resift.client.verify import verify
from resift.model import keys
from resift.model.manifest import Latest, Manifest
from resift.model.verdict import Finding, Verdict
from resift.steps.erase import erase, plan_erasure, wanted
from resift.steps.judge_published import judge_published
from resift.storage import LocalStore, MemoryStore

PREFIX = keys.snapshot("sample", cycle(1))


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    make_pool(store, *[[observation(f"i{n}", cycle(k)) for n in range(50 * k, 400)] for k in (0, 1)])
    for k in (0, 1):
        publish_unjudged(store, make_dataset(size=250, nominal_width=0.6, turnover=0.25), cycle(k))
    return store


def published(store: MemoryStore) -> Manifest:
    manifest = find_manifest(store, "sample", cycle(1))
    assert manifest is not None
    assert len(manifest.parts) >= 3
    return manifest


def broken(store: MemoryStore, manifest: Manifest) -> dict[str, Finding]:
    findings = judge_published(store, manifest, verify(store, manifest)).findings
    return {one.rule: one for one in findings if one.status != "pass"}


def rewrite(store: MemoryStore, key: str, table: pa.Table) -> None:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    store.put(key, sink.getvalue())


def test_version_as_published_passes_every_rule(store: MemoryStore) -> None:
    findings = judge_published(store, published(store), verify(store, published(store))).findings

    assert [one.message() for one in findings if one.status != "pass"] == []
    assert len(findings) > 20


def test_what_was_done_to_files_is_named_by_rule_and_file(store: MemoryStore) -> None:
    manifest = published(store)
    first, second, third = manifest.parts[:3]
    table = pq.read_table(pa.BufferReader(store.get(PREFIX + first.path)))
    # The second part becomes the first, backwards: out of order, and over the interval of the first.
    rewrite(store, PREFIX + second.path, table.take(list(reversed(range(len(table))))))
    store.put(PREFIX + third.path, b"no Parquet")
    store.delete(PREFIX + manifest.extras[0].path)

    found = broken(store, manifest)

    assert found["every listed file is there"].about == manifest.extras[0].path
    assert found["rows ascend by PRN and id"].message() == (
        f"{second.path}: rows ascend by PRN and id: found order_breaks {first.rows - 1}, expected order_breaks = 0."
    )
    assert found["parts are disjoint and ascend"].expected == "first_offset after last_offset of the row before"
    assert found["every part is Parquet with its columns"].about == third.path
    assert {"sizes are those listed", "digests are those listed", "verifying finds nothing"} <= set(found)
    assert found["digests are those listed"].expected == "sha256 = listed_sha256"


def test_overlapping_parts_are_found_by_their_intervals_alone(store: MemoryStore) -> None:
    manifest = published(store)
    swapped = manifest.model_copy(update={"parts": (manifest.parts[1], manifest.parts[0], *manifest.parts[2:])})

    found = broken(store, swapped)

    assert found["parts are disjoint and ascend"].about == manifest.parts[0].path
    assert "rows ascend by PRN and id" not in found


def test_verdict_that_was_altered_and_a_pointer_before_it_are_found(store: MemoryStore) -> None:
    manifest = published(store)
    key = PREFIX + keys.quality(manifest.verdict_seal, "verdict.json")
    verdict = Verdict.from_json(store.get(key), what=key)
    store.put(key, verdict.model_copy(update={"content_digest": "e" * 64, "status": "stop"}).to_json())
    older = Latest(version=cycle(0), revision=0, content_digest="a" * 64)
    store.put(keys.latest("sample"), older.to_json())

    found = broken(store, manifest)

    assert found["the seal fits the verdict"].found.startswith(f"verdict_seal {manifest.verdict_seal}")
    assert found["the verdict is of this content"].found.startswith(f"judged_content_digest {'e' * 64}")
    assert {"verdict or approval let it pass", "latest is not before it"} <= set(found)


def test_version_without_its_verdict_was_not_judged(store: MemoryStore) -> None:
    manifest = published(store)
    store.delete(PREFIX + keys.quality(manifest.verdict_seal, "verdict.json"))

    found = broken(store, manifest)

    assert found["the verdict lies beside it"].found == "verdict_found 0"
    assert "verdict or approval let it pass" in found


def test_version_that_was_erased_from_still_passes_on_the_verdict_of_its_first_revision(store: MemoryStore) -> None:
    gone = snapshot_rows(store, published(store))[0]["image_id"]
    entries = wanted(store, pool="photos", images=(gone,), owners=(), request="T-1", requested_at=NOW)
    digest = plan_erasure(store, pool="photos", entries=entries).document_digest()
    erase(store, pool="photos", entries=entries, plan_digest=digest, now=NOW)

    revised = published(store)

    assert (revised.revision, revised.erased) == (1, 1)
    assert broken(store, revised) == {}


def test_pages_are_written_where_they_are_asked_for_and_open_offline(store: MemoryStore, tmp_path: Path) -> None:
    lake = LocalStore(tmp_path / "lake")
    for one in store.list(""):
        lake.put(one.key, store.get(one.key))

    ran = CliRunner().invoke(app, ["verify", "latest", "--lake", lake.url, "--pages", str(tmp_path / "pages")])

    assert ran.exit_code == 0, ran.output
    assert "rules hold" in ran.stdout
    pages = {
        str(file.relative_to(tmp_path / "pages")): file.read_text() for file in (tmp_path / "pages").rglob("*.html")
    }
    suites = ("published_files", "published_parts", "published")
    assert pages.keys() == {"index.html", *(f"{kind}/{one}.html" for kind in KINDS for one in suites)}
    assert not [name for name, page in pages.items() if re.search("<script|<link|(src|href)=.https?:", page)]


KINDS = ("expectations", "validations")
