"""Erasing takes items out of every published version, and nothing else; they never come back."""

from __future__ import annotations

import contextlib
import re
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import NOW, cycle, hand_in, make_dataset, make_pool, observation, publish_unjudged, snapshot_rows, stage
from hypothesis import given, settings
from hypothesis import strategies as st
from rolling import rolling_drops

from resift.client.diff import read_changes
from resift.client.pull import pull
from resift.client.snapshots import list_versions, read_manifest
from resift.client.verify import verify
from resift.errors import (
    ConfigError,
    PoolError,
    RemovalRefused,
    SnapshotConflict,
    SnapshotDamaged,
    StagingError,
)
from resift.model import keys
from resift.model.manifest import Latest, Revision
from resift.report.note import with_note
from resift.steps.erase import erase, plan_erasure, wanted
from resift.steps.publish import publish
from resift.steps.suppress import write_suppression
from resift.storage import MemoryStore

DATASET = make_dataset(size=60, part_rows=100, turnover=0.5, nominal_width=0.4)


def carry_out(store, *images, owners=(), pool="photos", view=None):
    names = {"images": images, "owners": owners, "request": "T-1", "requested_at": NOW}
    entries = wanted(store, pool=pool, **names)
    digest = plan_erasure(store, pool=pool, entries=entries).document_digest()
    return erase(view or store, pool=pool, entries=entries, plan_digest=digest, now=NOW)


def lake_of_three(**options) -> MemoryStore:
    store = MemoryStore()
    make_pool(store, *rolling_drops(items=200, births=20))
    for k in range(3):
        publish_unjudged(
            store, make_dataset(size=60, part_rows=100, turnover=0.5, nominal_width=0.4, **options), cycle(k)
        )
    return store


@pytest.fixture(scope="module")
def published():
    store = lake_of_three()
    return {stat.key: store.get(stat.key) for stat in store.list("")}


@pytest.fixture
def store(published):
    """Three published versions over one pool."""
    store = MemoryStore()
    for key, body in published.items():
        store.put(key, body)
    return store


def versions(store):
    return [read_manifest(store, "sample", version) for version in list_versions(store, "sample")]


def rows_of(store):
    return {manifest.version: snapshot_rows(store, manifest) for manifest in versions(store)}


def content_of(store):
    """The bytes of every part and changes file, without the revision in their names."""
    return sorted(
        (manifest.version, keys.number_of(file.path), file.sha256)
        for manifest in versions(store)
        for file in (*manifest.parts, *manifest.extras)
        if file.path.endswith(".parquet")
    )


def shared(store, count):
    """Ids of items that several versions hold."""
    seen = [{row["image_id"] for row in rows} for rows in rows_of(store).values()]
    return sorted((seen[0] & seen[1]) | (seen[1] & seen[2]))[:count]


def places_of(store, image_id):
    """The keys under ``datasets/`` that hold an id as a word, also inside of compressed Parquet."""
    word = re.compile(rf"(?<![\w-]){re.escape(image_id)}(?![\w-])".encode())
    return [stat.key for stat in store.list("datasets/") if word.search(decoded(store, stat.key))]


def decoded(store, key):
    body = store.get(key)
    if not key.endswith(".parquet"):
        return body
    texts = [column for column in pq.read_table(pa.BufferReader(body)).columns if pa.types.is_string(column.type)]
    return "\n".join(value for column in texts for value in column.drop_null().to_pylist()).encode()


def assert_verified(store):
    for manifest in versions(store):
        assert verify(store, manifest).problems == ()


def test_erased_item_is_gone_from_every_version_and_every_other_row_is_unchanged(store):
    gone = shared(store, 3)
    before = rows_of(store)

    carry_out(store, *gone)

    expected = {day: [row for row in rows if row["image_id"] not in gone] for day, rows in before.items()}
    assert rows_of(store) == expected
    assert expected != before
    assert_verified(store)
    for manifest in versions(store):
        assert not set(gone) & set(read_changes(store, manifest)["image_id"].to_pylist())
        assert manifest.erased == len(before[manifest.version]) - manifest.rows


def test_item_only_listed_as_left_is_taken_out_of_the_changes(store):
    last = versions(store)[-1]
    left = [row["image_id"] for row in read_changes(store, last).to_pylist() if row["change"] == "left"]
    gone = next(name for name in left if all(name != row["image_id"] for row in rows_of(store)[last.version]))

    carry_out(store, gone)

    revised = versions(store)[-1]
    assert gone not in read_changes(store, revised)["image_id"].to_pylist()
    assert (revised.revision, revised.erased_changes) == (1, 1)
    assert_verified(store)


def test_untouched_parts_keep_their_name_and_touched_ones_are_rewritten_at_the_new_revision(store):
    gone = shared(store, 1)[0]
    before = {part.path for manifest in versions(store) for part in manifest.parts}
    held = [manifest.version for manifest in versions(store) if gone in str(rows_of(store)[manifest.version])]

    carry_out(store, gone)

    new = [part.path for manifest in versions(store) for part in manifest.parts if part.path not in before]
    assert len(new) == len(held) >= 2
    assert all("-r1-" in path for path in new)
    listed = {keys.snapshot("sample", m.version) + p.path for m in versions(store) for p in m.parts}
    assert {stat.key for stat in store.list("datasets/") if "/data/" in stat.key} == listed


def test_revisions_form_a_chain_that_tells_counts_and_no_id(store):
    first, second = shared(store, 2)
    carry_out(store, first)
    carry_out(store, second)

    for manifest in versions(store):
        for number in range(manifest.revision + 1):
            key = keys.revision("sample", manifest.version, number)
            link = Revision.from_json(store.get(key), what=key)
            assert link.rows + link.erased == manifest.rows + manifest.erased
            assert first not in store.get(key).decode()
    assert max(manifest.revision for manifest in versions(store)) == 2


def test_verify_reports_a_link_of_the_chain_that_was_altered(store):
    carry_out(store, *shared(store, 1))
    revised = next(manifest for manifest in versions(store) if manifest.revision)
    key = keys.revision("sample", revised.version, 0)
    link = Revision.from_json(store.get(key), what=key)
    store.put(key, link.model_copy(update={"content_digest": "0" * 64}).to_json())

    problems = verify(store, revised).problems

    assert len(problems) == 1
    assert "follows a link with digest" in problems[0]


def test_verify_reports_a_missing_link(store):
    carry_out(store, *shared(store, 1))
    revised = next(manifest for manifest in versions(store) if manifest.revision)
    store.delete(keys.revision("sample", revised.version, 0))

    assert "revisions/0.json is missing" in verify(store, revised).problems[0]


def test_page_and_pictures_tell_after_an_erasure_that_their_counts_are_older(store):
    first, second = shared(store, 2)
    carry_out(store, first)
    carry_out(store, second)

    for manifest in versions(store):
        prefix = keys.snapshot("sample", manifest.version)
        page = store.get(prefix + keys.REPORT).decode()
        pictures = [store.get(prefix + e.path).decode() for e in manifest.extras if keys.is_picture(e.path)]
        told = f"As judged at revision 0; {manifest.erased:,} images"
        assert page.count(told) == page.count('id="revision"') == 1
        assert f"Revision {manifest.revision} of" in page
        assert [body.count(told) for body in pictures] == [2] * len(pictures) != []
        assert page.encode() == store.get(prefix + manifest.find_page().path)
    assert_verified(store)
    assert max(manifest.revision for manifest in versions(store)) == 2


def test_picture_with_two_notes_has_one_and_keeps_its_frame(store):
    def pictures():
        manifest = versions(store)[2]
        prefix = keys.snapshot("sample", manifest.version)
        return {
            keys.noted_name(e.path, 0, ""): store.get(prefix + e.path).decode()
            for e in manifest.extras
            if keys.is_picture(e.path)
        }

    gone = [row["image_id"] for row in rows_of(store)[cycle(2)][:2]]
    plain = pictures()
    carry_out(store, gone[0])
    once = pictures()
    carry_out(store, gone[1])
    twice = pictures()

    frame = re.compile(r'viewBox="([^"]+)"')
    for name, body in twice.items():
        top, height = (int(frame.search(plain[name])[1].split(" ")[place]) for place in (1, 3))
        assert frame.search(body)[1].split(" ")[1::2] == [str(top - 24), str(height + 24)]
        assert body.replace("; 2 images", "; 1 images") == once[name]
        ElementTree.fromstring(body)


def test_copy_that_is_pulled_again_has_the_noted_page_and_not_the_old_one(store, tmp_path):
    pull(store, versions(store)[2], tmp_path / "copy")
    carry_out(store, rows_of(store)[cycle(2)][0]["image_id"])
    manifest = versions(store)[2]

    pull(store, manifest, tmp_path / "copy")

    pages = {path.name: path.read_text() for path in (tmp_path / "copy").rglob("report*.html")}
    pictures = {path.name for path in (tmp_path / "copy").rglob("*.svg")}
    assert pages.keys() == {keys.REPORT, manifest.find_page().path.rpartition("/")[2]}
    assert ["1 images" in page for page in pages.values()] == [True, True]
    assert pictures == {e.path.rpartition("/")[2] for e in manifest.extras if keys.is_picture(e.path)}


def test_page_without_a_place_for_the_note_is_not_published_any_more(store):
    assert with_note(b"<html><p>60 images</p></html>", versions(store)[0]) is None


def test_latest_names_the_new_revision_and_digest(store):
    gone = rows_of(store)[cycle(2)][0]["image_id"]

    carry_out(store, gone)

    manifest = read_manifest(store, "sample", "latest")
    pointer = Latest.from_json(store.get(keys.latest("sample")), what="latest")
    assert pointer == Latest(version=cycle(2), revision=1, content_digest=manifest.content_digest)


def test_erasing_an_owner_takes_out_all_that_any_observation_ever_named_as_theirs(store):
    first = rolling_drops(items=200, births=20)
    hers = {row["image_id"] for drop in first for row in drop if row["owner_id"] == "owner-3"}

    carry_out(store, owners=["owner-3"])

    assert not hers & {row["image_id"] for rows in rows_of(store).values() for row in rows}
    assert all(rows for rows in rows_of(store).values())
    assert_verified(store)


def test_erasing_twice_equals_erasing_once(store):
    gone = shared(store, 3)
    carry_out(store, *gone)
    once = {stat.key: store.get(stat.key) for stat in store.list("datasets/")}

    carry_out(store, *gone)

    assert {stat.key: store.get(stat.key) for stat in store.list("datasets/")} == once


@given(st.data())
@settings(max_examples=8)
def test_order_of_erasures_does_not_matter_to_the_bytes_of_the_data(published, data):
    contents = []
    names = None
    for _ in range(2):
        store = MemoryStore()
        for key, body in published.items():
            store.put(key, body)
        if names is None:
            known = sorted({row["image_id"] for rows in rows_of(store).values() for row in rows})
            names = data.draw(st.lists(st.sampled_from(known), min_size=2, max_size=5, unique=True))
        order = names if not contents else data.draw(st.permutations(names))
        cut = data.draw(st.integers(1, len(names)))
        for some in filter(None, (order[:cut], order[cut:])):
            carry_out(store, *some)
        assert_verified(store)
        contents.append(content_of(store))

    assert contents[0] == contents[1]


def test_version_all_of_whose_items_are_erased_has_no_rows_and_the_next_refresh_goes_on():
    store = MemoryStore()
    make_pool(store, [observation(f"i{n}", cycle(0)) for n in range(5)])
    publish_unjudged(store, DATASET, cycle(0))

    carry_out(store, *(f"i{n}" for n in range(5)))

    manifest = read_manifest(store, "sample", cycle(0))
    assert (manifest.rows, manifest.parts, manifest.erased) == (0, (), 5)
    assert_verified(store)
    make_pool(store, [observation(f"i{n}", cycle(1)) for n in range(9)])
    assert publish_unjudged(store, DATASET, cycle(1)).rows == 4


def test_erased_item_does_not_come_back_by_refresh_or_backfill():
    store = MemoryStore()
    make_pool(store, *rolling_drops(items=200, births=20))
    publish_unjudged(store, DATASET, cycle(1))
    gone = [row["image_id"] for row in rows_of(store)[cycle(1)][:3]]
    carry_out(store, *gone)

    for k in (0, 2):
        publish_unjudged(store, DATASET, cycle(k))

    assert not set(gone) & {row["image_id"] for rows in rows_of(store).values() for row in rows}
    with pytest.raises(SnapshotConflict):
        publish_unjudged(store, DATASET, cycle(1))
    assert_verified(store)


def test_without_ids_all_current_suppressions_are_carried_out(store):
    from resift.steps.suppress import suppress

    gone = shared(store, 2)
    for name in gone:
        suppress(store, pool="photos", kind="image", identifier=name, request="T", requested_at=NOW)

    carry_out(store)

    assert not set(gone) & {row["image_id"] for rows in rows_of(store).values() for row in rows}


def test_planning_writes_nothing(store):
    before = {stat.key: store.get(stat.key) for stat in store.list("")}
    entries = wanted(store, pool="photos", images=shared(store, 1), owners=[], request="T", requested_at=NOW)

    plan = plan_erasure(store, pool="photos", entries=entries)

    assert len(plan.versions) >= 2
    assert {stat.key: store.get(stat.key) for stat in store.list("")} == before


def test_erasure_acts_only_on_the_digest_that_was_agreed_to(store):
    before = {stat.key: store.get(stat.key) for stat in store.list("")}
    entries = wanted(store, pool="photos", images=shared(store, 1), owners=[], request="T", requested_at=NOW)

    with pytest.raises(RemovalRefused, match=r"agreed was .* Nothing was changed"):
        erase(store, pool="photos", entries=entries, plan_digest="0" * 64, now=NOW)

    assert {stat.key: store.get(stat.key) for stat in store.list("")} == before


def test_pool_without_suppressions_has_nothing_to_carry_out(store):
    with pytest.raises(ConfigError, match="has no suppressions and no id was given"):
        wanted(store, pool="photos", images=[], owners=[], request="", requested_at=NOW)


def test_ids_need_a_reference_of_the_request(store):
    with pytest.raises(ConfigError, match="expected a request beside every id"):
        wanted(store, pool="photos", images=["a"], owners=[], request=" ", requested_at=NOW)


def test_damaged_part_stops_the_erasure_because_it_may_hold_the_item(store):
    everything = [row["image_id"] for row in rows_of(store)[cycle(1)]]
    part = versions(store)[1].parts[0]
    key = keys.snapshot("sample", cycle(1)) + part.path
    store.put(key, store.get(key) + b"x")

    with pytest.raises(SnapshotDamaged, match=r"cannot be read as Parquet .* may still hold the item"):
        carry_out(store, *everything)


class Interrupted(Exception):
    """The process died here."""


class Dying:
    """A store that dies before its n-th operation."""

    def __init__(self, store: MemoryStore, before: int) -> None:
        self._store, self._left = store, before

    def __getattr__(self, name):
        plain = getattr(self._store, name)
        if name == "url" or not callable(plain):
            return plain

        def called(*arguments, **named):
            self._left -= 1
            if self._left < 0:
                raise Interrupted
            return plain(*arguments, **named)

        return called


def test_erasure_killed_before_any_operation_and_run_again_ends_the_same():
    origin = MemoryStore()
    make_pool(origin, [observation(f"i{n}", cycle(0)) for n in range(30)], row_group_rows=64)
    publish_unjudged(origin, make_dataset(size=20), cycle(0))
    make_pool(origin, [observation(f"i{n}", cycle(1)) for n in range(30)])
    publish_unjudged(origin, make_dataset(size=20), cycle(1))
    image = {stat.key: origin.get(stat.key) for stat in origin.list("")}
    gone = origin_ids = [row["image_id"] for row in snapshot_rows(origin, read_manifest(origin, "sample", cycle(0)))][
        :2
    ]
    entries = wanted(origin, pool="photos", images=origin_ids, owners=[], request="T-1", requested_at=NOW)
    digest = plan_erasure(origin, pool="photos", entries=entries).document_digest()
    carry_out(origin, *gone)
    expected = {stat.key: origin.get(stat.key) for stat in origin.list("")}

    for moment in range(1000):
        store = MemoryStore()
        for key, body in image.items():
            store.put(key, body)
        try:
            erase(Dying(store, moment), pool="photos", entries=entries, plan_digest=digest, now=NOW)
        except Interrupted:
            for manifest in versions(store):
                strangers = ("does not list it",)
                assert [p for p in verify(store, manifest).problems if not p.endswith(strangers[0] + ".")] == []
            erase(store, pool="photos", entries=entries, plan_digest=digest, now=NOW)
            assert {stat.key: store.get(stat.key) for stat in store.list("")} == expected
        else:
            assert moment > 30
            return
    raise AssertionError("erasing took more operations than expected")


def staged(store, k=1):
    """Stage a cycle, and return what publishes it on another view of the store."""
    cut = stage(store, DATASET, cycle(k))
    verdict = hand_in(store, cut)
    return lambda view: publish(view, dataset="sample", version=cycle(k), plan_id=cut.plan_id, verdict=verdict)


class Watched:
    """A store that calls once before, or after, a write to a key."""

    def __init__(self, store, ending, before=None, after=None):
        self._store, self._ending, self._before, self._after = store, ending, before, after

    def __getattr__(self, name):
        plain = getattr(self._store, name)
        if name not in ("create", "swap", "put"):
            return plain

        def called(key, *rest, **named):
            hit = key.endswith(self._ending)
            if hit and self._before:
                act, self._before = self._before, None
                act()
            answer = plain(key, *rest, **named)
            if hit and self._after:
                act, self._after = self._after, None
                act()
            return answer

        return called


@pytest.mark.parametrize("when", ["before", "after"])
def test_erasure_that_races_with_a_publisher_leaves_no_way_back(when):
    store = MemoryStore()
    make_pool(store, *rolling_drops(items=200, births=20))
    publish_unjudged(store, DATASET, cycle(0))
    act = staged(store)
    gone = [row["image_id"] for row in rows_of(store)[cycle(0)][-3:]]

    with contextlib.suppress(PoolError, StagingError):
        act(Watched(store, "manifest.json", **{when: lambda: carry_out(store, *gone)}))

    assert not set(gone) & {row["image_id"] for rows in rows_of(store).values() for row in rows}
    assert_verified(store)


def test_publisher_that_is_late_does_not_bring_the_old_parts_back():
    store = MemoryStore()
    make_pool(store, [observation(f"i{n}", cycle(1)) for n in range(30)])
    late, first = staged(store), staged(store)
    assert any("/part/" in key for key in places_of(store, "i3"))
    saved = {stat.key: store.get(stat.key) for stat in store.list("datasets/sample/staging/")}

    def meanwhile():
        first(store)
        carry_out(store, "i3")
        for key, body in saved.items():
            store.put(key, body)

    late(Watched(store, "manifest.json", before=meanwhile))

    assert places_of(store, "i3") == []
    assert_verified(store)


def test_erasers_of_one_version_at_the_same_time_both_succeed(store):
    one, other = shared(store, 2)

    carry_out(store, one, view=Watched(store, "manifest.json", before=lambda: carry_out(store, other)))

    assert not {one, other} & {row["image_id"] for rows in rows_of(store).values() for row in rows}
    assert_verified(store)


def test_refresh_under_way_is_removed_from_staging_because_it_holds_the_item(store):
    make_pool(store, [observation("new", cycle(3))])
    stage(store, DATASET, cycle(3))
    gone = shared(store, 1)[0]

    receipt = carry_out(store, gone)

    assert receipt.staged == 1
    assert list(store.list("datasets/sample/staging/")) == []


def lake_with_a_publisher(store):
    """A lake with one cycle staged, what publishes it, and an item of a part it copies."""
    make_pool(store, [observation(f"i{n}", cycle(1)) for n in range(30)])
    return staged(store), "i3"


def test_publisher_that_died_leaves_nothing_an_erasure_does_not_find():
    for ending in ("/manifest.json", "/report.html"):
        store = MemoryStore()
        act, gone = lake_with_a_publisher(store)
        with pytest.raises(Interrupted):
            act(Watched(store, ending, before=die))
        assert any(key.startswith(keys.snapshots("sample")) for key in places_of(store, gone))

        carry_out(store, gone)

        assert places_of(store, gone) == []
        assert [stat.key for stat in store.list(keys.snapshots("sample"))] == []


def die():
    raise Interrupted


def test_publisher_refused_for_a_suppression_takes_back_what_it_copied():
    store = MemoryStore()
    act, gone = lake_with_a_publisher(store)
    (entry,) = wanted(store, pool="photos", images=[gone], owners=[], request="T-1", requested_at=NOW)

    with pytest.raises(PoolError, match="suppressions or policy changed"):
        act(Watched(store, "/report.html", after=lambda: write_suppression(store, entry)))

    assert [stat.key for stat in store.list(keys.snapshots("sample"))] == []


def test_publisher_whose_copies_an_erasure_removed_publishes_nothing():
    store = MemoryStore()
    act, gone = lake_with_a_publisher(store)

    with pytest.raises(StagingError, match=r"not published\. .* are gone, expected those just copied"):
        act(Watched(store, "/manifest.json", before=lambda: carry_out(store, gone)))

    assert versions(store) == []
    assert places_of(store, gone) == []


def test_erasure_leaves_the_copies_of_a_publisher_that_knows_of_it():
    store = MemoryStore()
    act, gone = lake_with_a_publisher(store)
    with pytest.raises(Interrupted):
        act(Watched(store, "/manifest.json", before=die))
    carry_out(store, gone)

    staged(store)(Watched(store, "/manifest.json", before=lambda: carry_out(store, gone)))

    (manifest,) = versions(store)
    assert manifest.rows == 29
    assert_verified(store)
