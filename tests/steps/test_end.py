"""A version that ends leaves a tombstone, and never comes back."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from builders import NOW, cycle, make_dataset, make_pool, observation, publish_unjudged

from resift.client.snapshots import find_manifest, find_tombstone, list_versions, read_manifest
from resift.client.verify import verify
from resift.errors import RemovalRefused, SnapshotNotFound, SnapshotRetired, SnapshotWithdrawn
from resift.steps.end import end, plan_ending
from resift.steps.erase import erase, plan_erasure, wanted
from resift.storage import MemoryStore

LATER = datetime(2036, 7, 1, tzinfo=UTC)
DATASET = make_dataset(size=20)


@pytest.fixture
def store():
    """Three versions; the first two are past their retention at LATER."""
    store = MemoryStore()
    make_pool(store, *([observation(f"i{n}", cycle(k)) for n in range(30)] for k in range(3)))
    for k in range(3):
        publish_unjudged(store, DATASET, cycle(k))
    return store


def carry_out(store, act, k, *, why="its salt leaked", follows=None, now=LATER):
    names = {"dataset": "sample", "version": cycle(k), "act": act, "why": why, "follows": follows, "now": now}
    return end(store, **names, plan_digest=plan_ending(store, **names).document_digest())


def files(store, k):
    return [stat.key.rpartition("/")[2] for stat in store.list(f"datasets/sample/snapshots/{cycle(k)}/")]


def test_withdrawn_version_says_since_when_why_and_which_follows_and_keeps_its_files(store):
    before = files(store, 0)

    carry_out(store, "withdraw", 0, follows=cycle(1), now=NOW)

    with pytest.raises(SnapshotWithdrawn, match=rf"since 2026-11-23 \(its salt leaked\)\. Use {cycle(1)}"):
        read_manifest(store, "sample", cycle(0))
    assert sorted(files(store, 0)) == sorted([*before, "tombstone.json"])


def test_retired_version_says_why_and_keeps_only_tombstone_and_links(store):
    carry_out(store, "retire", 0, why="ten years are over", follows=cycle(2))

    with pytest.raises(SnapshotRetired, match=rf"ten years are over\)\. Use {cycle(2)}"):
        read_manifest(store, "sample", cycle(0))
    assert files(store, 0) == ["0.json", "tombstone.json"]
    assert list_versions(store, "sample") == [cycle(1), cycle(2)]


def test_version_is_not_retired_before_it_is_over(store):
    with pytest.raises(RemovalRefused, match=r"is promised to stay until .* withdraw it first"):
        carry_out(store, "retire", 0, now=NOW)

    until = find_manifest(store, "sample", cycle(0)).retained_until
    carry_out(store, "retire", 0, now=datetime(until.year, until.month, until.day, tzinfo=UTC))


def test_withdrawn_version_is_retired_at_any_time_and_both_reasons_are_kept(store):
    carry_out(store, "withdraw", 0, now=NOW)

    tombstone = carry_out(store, "retire", 0, why="withdrawn long enough", now=NOW)

    assert (tombstone.withdrawn.why, tombstone.retired.why) == ("its salt leaked", "withdrawn long enough")
    assert find_manifest(store, "sample", cycle(0)) is None


def test_version_that_latest_names_is_not_retired(store):
    with pytest.raises(RemovalRefused, match="is what `latest` names"):
        carry_out(store, "retire", 2)


def test_latest_does_not_move_back_when_its_version_is_withdrawn_and_says_so(store):
    carry_out(store, "withdraw", 2, follows=cycle(1))

    with pytest.raises(SnapshotWithdrawn, match=f"Use {cycle(1)}"):
        read_manifest(store, "sample", "latest")


def test_next_refresh_is_compared_with_the_newest_version_that_did_not_end(store):
    carry_out(store, "withdraw", 2)
    carry_out(store, "retire", 0)
    make_pool(store, [observation(f"i{n}", cycle(3)) for n in range(30)])

    manifest = publish_unjudged(store, DATASET, cycle(3), known_at=datetime(2027, 1, 1, tzinfo=UTC))

    assert manifest.changes.previous.version == cycle(1)
    assert read_manifest(store, "sample", "latest") == manifest


@pytest.mark.parametrize(("act", "error"), [("withdraw", SnapshotWithdrawn), ("retire", SnapshotRetired)])
def test_version_that_ended_is_not_published_again(store, act, error):
    carry_out(store, act, 0)

    with pytest.raises(error):
        publish_unjudged(store, DATASET, cycle(0))


def test_erasure_reaches_a_withdrawn_version(store):
    carry_out(store, "withdraw", 0)
    entries = wanted(store, pool="photos", images=["i3"], owners=[], request="T", requested_at=NOW)
    digest = plan_erasure(store, pool="photos", entries=entries).document_digest()

    erase(store, pool="photos", entries=entries, plan_digest=digest, now=NOW)

    manifest = find_manifest(store, "sample", cycle(0))
    assert verify(store, manifest).problems == ()
    assert not [
        s.key for s in store.list(f"datasets/sample/snapshots/{cycle(0)}/data/") if b"/i3.jpg" in store.get(s.key)
    ]


def test_ending_acts_only_on_the_digest_that_was_shown(store):
    before = {stat.key: store.get(stat.key) for stat in store.list("")}
    names = {"dataset": "sample", "version": cycle(0), "act": "retire", "why": "over", "follows": None, "now": LATER}

    with pytest.raises(RemovalRefused, match=r"agreed was 0123\. Nothing was changed"):
        end(store, **names, plan_digest="0123")

    assert {stat.key: store.get(stat.key) for stat in store.list("")} == before


def test_version_that_ends_cannot_be_followed_by_one_that_ended(store):
    carry_out(store, "withdraw", 0)

    with pytest.raises(RemovalRefused, match="cannot follow it"):
        carry_out(store, "withdraw", 1, follows=cycle(0))


def test_tombstone_needs_a_reason(store):
    with pytest.raises(RemovalRefused, match="found no reason"):
        carry_out(store, "withdraw", 0, why=" ")


def test_version_that_was_never_published_cannot_end(store):
    with pytest.raises(SnapshotNotFound, match="not published, expected one of"):
        carry_out(store, "withdraw", 7)


def test_version_is_withdrawn_once(store):
    carry_out(store, "withdraw", 0, now=NOW)

    with pytest.raises(RemovalRefused, match="cannot be withdrawn again"):
        carry_out(store, "withdraw", 0)


class Interrupted(Exception):
    """The process died here."""


class Dying:
    """A store that dies before its n-th write."""

    def __init__(self, store, left):
        self._store, self._left = store, left

    def __getattr__(self, name):
        plain = getattr(self._store, name)
        if name not in ("create", "swap", "put", "delete"):
            return plain

        def called(*arguments, **named):
            self._left -= 1
            if self._left < 0:
                raise Interrupted
            return plain(*arguments, **named)

        return called


def test_retirement_cut_short_before_any_write_is_finished_by_the_same_call(store):
    image = {stat.key: store.get(stat.key) for stat in store.list("")}
    names = {"dataset": "sample", "version": cycle(0), "act": "retire", "why": "over", "follows": None, "now": LATER}
    digest = plan_ending(store, **names).document_digest()
    end(store, **names, plan_digest=digest)
    expected = {stat.key: store.get(stat.key) for stat in store.list("")}

    for moment in range(100):
        again = MemoryStore()
        for key, body in image.items():
            again.put(key, body)
        try:
            end(Dying(again, moment), **names, plan_digest=digest)
        except Interrupted:
            if (
                find_manifest(again, "sample", cycle(0)) is not None
                and find_tombstone(again, "sample", cycle(0)) is None
            ):
                assert verify(again, read_manifest(again, "sample", cycle(0))).problems == ()
            end(again, **names, plan_digest=digest)
            assert {stat.key: again.get(stat.key) for stat in again.list("")} == expected
        else:
            assert moment >= 4
            return
    raise AssertionError("retiring took more writes than expected")
