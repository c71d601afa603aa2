"""The judge step reads what was staged, and nothing but a whole refresh gets a verdict."""

from __future__ import annotations

import io
import re
import sys
from html.parser import HTMLParser

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from checks.staged_refresh import PUBLISHED, SALT, VERSION, Staged, staged

from resift.errors import StagingError
from resift.model import keys
from resift.model.document import sha256_hex
from resift.model.pool import Pool
from resift.model.verdict import Verdict
from resift.steps.judge import judge
from resift.steps.measured import digest_of
from resift.storage import MemoryStore

KEYS = keys.Staging("faces", VERSION, "p1")
NAMES = {"dataset": "faces", "version": VERSION, "plan_id": "p1"}


def parquet(table: object) -> bytes:
    body = io.BytesIO()
    pq.write_table(table, body)
    return body.getvalue()


def stage(case: Staged, *, tallies: dict[int, pa.Table] | None = None) -> MemoryStore:
    store = MemoryStore()
    store.put(keys.pool("photos"), Pool(pool="photos", salt=SALT).to_json())
    store.put(KEYS.plan, case.plan.to_json())
    bodies = {KEYS.tally(index): parquet(one) for index, one in (tallies or {0: case.tally}).items()}
    for key, body in bodies.items():
        store.put(key, body)
    told = digest_of((key, sha256_hex(body)) for key, body in bodies.items())
    store.put(KEYS.cut, case.cut.model_copy(update={"tallies_digest": told}).to_json())
    put_audited(store, case, parquet(case.sample))
    return store


def put_audited(store: MemoryStore, case: Staged, sample: bytes) -> None:
    """Write a sample, and the measurements that name it: all parts are of one group."""
    named = (one.model_copy(update={"sample_sha256": sha256_hex(sample)}) for one in case.metrics)
    store.put(KEYS.sample(0), sample)
    store.put(KEYS.metrics(0), b"\n".join(one.sealed().to_json() for one in named))


def names(store: MemoryStore) -> set[str]:
    return {one.key for one in store.list(KEYS.prefix)}


CALLED: list[str] = []
"""What this process tried to reach, by name or by address."""

sys.addaudithook(
    lambda event, given: (
        CALLED.append(f"{event} {given}") if event in ("socket.connect", "socket.getaddrinfo") else None
    )
)


class References(HTMLParser):
    """Collects what a page makes a browser load, run, or go to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "img", "iframe", "object", "embed", "form", "base", "video", "audio", "source"):
            self.found.append(tag)
        for name, value in attrs:
            if name.startswith("on") or name in (
                "src",
                "srcset",
                "href",
                "xlink:href",
                "action",
                "poster",
                "background",
            ):
                self.found.append(value or name)


@pytest.fixture(scope="module")
def judged() -> tuple[MemoryStore, Verdict]:
    store = stage(staged())
    CALLED.clear()  # of what other tests in this process called
    return store, judge(store, **NAMES)


def test_verdict_is_staged_as_returned(judged: tuple[MemoryStore, Verdict]) -> None:
    store, verdict = judged

    assert verdict.status == "proceed"
    assert verdict.evaluated > 40
    assert Verdict.from_json(store.get(KEYS.verdict), what="verdict") == verdict


def test_pages_are_staged_beside_the_verdict(judged: tuple[MemoryStore, Verdict]) -> None:
    store, _ = judged

    pages = {key.removeprefix(KEYS.docs) for key in names(store) if key.startswith(KEYS.docs)}
    assert {"index.html", "expectations/parts.html", "expectations/snapshot.html", "expectations/sample.html"} <= pages
    assert len([page for page in pages if page.startswith("validations/")]) == 4


def test_no_page_loads_or_runs_anything_and_links_only_its_neighbours(judged: tuple[MemoryStore, Verdict]) -> None:
    store, _ = judged
    pages = {key: store.get(key).decode() for key in names(store) if key.startswith(KEYS.docs)}

    for key, page in pages.items():
        references = References()
        references.feed(page)
        folder = key.rpartition("/")[0]
        for reference in references.found:
            inside = re.fullmatch(r"((\.\./)*)([a-z]+/)?[a-z]+\.html", reference)
            assert inside, f"{key}: {reference}"
            target = folder.rsplit("/", reference.count("../"))[0] + "/" + reference.replace("../", "")
            assert target in pages, f"{key}: {reference}"
        assert not re.search(r"//[\w.-]+\.\w|@import|url\(|javascript:|data:", page), key
        assert "default-src 'none'" in page


def test_page_of_what_was_found_names_what_it_looked_at(judged: tuple[MemoryStore, Verdict]) -> None:
    store, _ = judged

    assert b"Data asset: parts" in store.get(KEYS.docs + "validations/parts.html")


def test_judging_reaches_for_no_other_computer(judged: tuple[MemoryStore, Verdict]) -> None:
    # Other tests of this process talk to servers on this very computer.
    assert [call for call in CALLED if "127.0.0.1" not in call and "localhost" not in call] == []


def test_second_run_overwrites_the_first_and_finds_the_same() -> None:
    store = stage(staged())
    first = judge(store, **NAMES)
    before = {key: store.get(key) for key in names(store)}
    store.put(KEYS.docs + "validations/of-another-run.html", b"stale")

    second = judge(store, **NAMES)

    assert second == first
    assert {key: store.get(key) for key in names(store)} == before


def test_tallies_of_all_ranges_are_summed() -> None:
    case = staged()
    at = case.tally.schema.get_field_index("deleted")
    half = case.tally.set_column(at, case.tally.schema.field(at), [[20, 0]])
    store = stage(case, tallies={0: half, 5: half})

    verdict = judge(store, **NAMES)

    assert verdict.status == "proceed"
    assert "at most 20.0%, of 1 hosts" in [finding.found for finding in verdict.findings]


def test_part_that_was_not_audited_gets_no_verdict() -> None:
    store = stage(staged())
    store.delete(KEYS.metrics(0))

    with pytest.raises(StagingError, match=r"metrics/group-000000\.jsonl: found nothing, expected what audit stages"):
        judge(store, **NAMES)
    assert store.stat(KEYS.verdict) is None


def test_sample_that_was_never_whole_gets_no_verdict() -> None:
    case = staged()
    store = stage(case)
    put_audited(store, case, store.get(KEYS.sample(0))[:-9])

    with pytest.raises(
        StagingError, match=r"sample/group-000000.parquet: not readable as Parquet .*Run audit of this refresh"
    ):
        judge(store, **NAMES)


def test_cut_of_another_plan_gets_no_verdict() -> None:
    store = stage(staged().with_cut(plan_id="p2"))

    with pytest.raises(StagingError, match=r"is of faces 2026-01-05 plan p2, expected faces 2026-01-05 plan p1"):
        judge(store, **NAMES)


def test_sample_may_hold_published_columns_too() -> None:
    case = staged()
    store = stage(case)
    put_audited(store, case, parquet(case.sample.append_column(PUBLISHED[1], case.sample["image_id"])))

    assert judge(store, **NAMES).status == "proceed"
