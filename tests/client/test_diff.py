"""What entered and left between two versions, and why."""

from __future__ import annotations

import pytest
from builders import NOW, cycle, instant, make_dataset, make_pool, observation, publish_unjudged, snapshot_rows
from hypothesis import given, settings
from hypothesis import strategies as st
from rolling import rolling_drops

from resift.client.diff import diff, read_changes
from resift.client.snapshots import find_manifest
from resift.errors import SnapshotDamaged
from resift.model import keys
from resift.steps.end import end, plan_ending
from resift.steps.erase import erase, plan_erasure, wanted
from resift.steps.suppress import suppress
from resift.storage import MemoryStore


def compare(store, older, newer):
    """The counts, and the changes as (change, cause) by image id."""
    total, tables = diff(store, older, newer)
    listed = {row["image_id"]: (row["change"], row["cause"]) for table in tables for row in table.to_pylist()}
    return total, listed


def counts(total):
    return total.stayed, dict(total.entered), dict(total.left)


class TestCauses:
    @pytest.fixture(scope="class")
    def versions(self):
        store = MemoryStore()
        before = instant(cycle(0), hours=-1)
        names = ("stays", "deleted", "private", "stale", "excluded", "hidden")
        make_pool(store, [observation(name, before) for name in names])
        older = publish_unjudged(store, make_dataset(), cycle(0))
        changed = {
            "deleted": {"state": "deleted"},
            "private": {"state": "private"},
            "excluded": {"owner_country": "FR"},
        }
        make_pool(
            store,
            [observation(name, cycle(1), **changed.get(name, {})) for name in names if name != "stale"],
            [observation("born", cycle(1))],
        )
        suppress(store, pool="photos", kind="image", identifier="hidden", request="r", requested_at=NOW)
        return store, older, publish_unjudged(store, make_dataset(), cycle(1))

    def test_every_change_has_its_cause(self, versions):
        total, listed = compare(*versions)

        assert counts(total) == (
            1,
            {"born": 1},
            {"deleted": 1, "private": 1, "stale": 1, "excluded": 1, "suppressed": 1},
        )
        left = {name: ("left", name) for name in ("deleted", "private", "stale", "excluded")}
        assert listed == left | {"born": ("entered", "born")}

    def test_suppressed_item_is_counted_and_never_listed(self, versions):
        total, listed = compare(*versions)

        assert total.left["suppressed"] == 1
        assert "hidden" not in listed
        assert "hidden" not in read_changes(versions[0], versions[2])["image_id"].to_pylist()

    def test_difference_agrees_with_what_the_manifest_recorded(self, versions):
        total, _ = compare(*versions)
        changes = versions[2].changes

        assert (dict(total.entered), dict(total.left)) == (changes.entered, changes.left)
        assert changes.previous_rows == total.stayed + total.left.total()

    def test_version_does_not_differ_from_itself(self, versions):
        store, older, _ = versions

        assert counts(compare(store, older, older)[0]) == (6, {}, {})


class TestRolling:
    @pytest.fixture(scope="class")
    def versions(self):
        store = MemoryStore()
        make_pool(store, *rolling_drops())
        dataset = make_dataset(size=150, turnover=0.25, nominal_width=0.4)
        return store, [publish_unjudged(store, dataset, cycle(k)) for k in (0, 1, 2)]

    @pytest.mark.parametrize(("older", "newer"), [(0, 1), (1, 2), (0, 2)])
    def test_counts_are_those_of_the_sets_of_ids(self, versions, older, newer):
        store, manifests = versions
        before, after = ({r["image_id"] for r in snapshot_rows(store, manifests[k])} for k in (older, newer))

        total, listed = compare(store, manifests[older], manifests[newer])

        assert total.stayed == len(before & after)
        assert {name for name, (change, _) in listed.items() if change == "entered"} == after - before
        assert {name for name, (change, _) in listed.items() if change == "left"} == before - after
        assert total.entered.total() == len(after - before)
        assert total.left.total() == len(before - after)

    def test_adjacent_versions_have_recorded_causes_only(self, versions):
        store, manifests = versions

        total, _ = compare(store, manifests[0], manifests[1])

        assert set(total.entered) == {"born", "drawn"}
        assert set(total.left) >= {"rotated", "deleted"}
        assert "unrecorded" not in total.left

    def test_versions_further_apart_have_the_last_cause_of_the_chain(self, versions):
        store, manifests = versions

        total, _ = compare(store, manifests[0], manifests[2])

        assert "unrecorded" not in total.entered
        assert "unrecorded" not in total.left
        assert total.left["rotated"] > 0

    def test_changes_come_in_prn_order_and_each_item_once(self, versions):
        store, manifests = versions

        _, tables = diff(store, manifests[0], manifests[2])
        rows = [row for table in tables for row in table.to_pylist()]

        assert [row["prn"] for row in rows] == sorted(row["prn"] for row in rows)
        assert len({row["image_id"] for row in rows}) == len(rows)


def test_versions_published_newest_first_were_not_compared_so_causes_are_unrecorded():
    store = MemoryStore()
    make_pool(store, [observation("gone", instant(cycle(0), hours=-1)), observation("there", cycle(0))])
    make_pool(store, [observation("there", cycle(1)), observation("new", cycle(1))])
    newer, older = (publish_unjudged(store, make_dataset(), cycle(k)) for k in (1, 0))

    total, listed = compare(store, older, newer)

    assert listed == {"gone": ("left", "unrecorded"), "new": ("entered", "unrecorded")}
    assert counts(total) == (1, {"unrecorded": 1}, {"unrecorded": 1})


def test_part_that_is_no_parquet_is_named():
    store = MemoryStore()
    make_pool(store, [observation(f"i{n}", cycle(k)) for n in range(30) for k in (0, 1)])
    older, newer = (publish_unjudged(store, make_dataset(size=10), cycle(k)) for k in (0, 1))
    store.put(keys.snapshot("sample", cycle(1)) + newer.parts[0].path, b"not parquet")

    with pytest.raises(SnapshotDamaged, match=rf"{newer.parts[0].path} is not readable as Parquet .*resift verify"):
        compare(store, older, newer)


def history_of(*states, dataset=None, publish=None):
    """A store where each item is, cycle by cycle, in the state given by its letter, and the versions of each cycle."""
    words = {"p": "public", "d": "deleted", "h": "private"}
    store = MemoryStore()
    versions, delivered = {}, 0
    for k in publish or range(len(states[0][1])):
        for seen in range(delivered, k + 1):
            # What is deleted later counts at once, so a version knows no later delivery than it must.
            drop = [(name, words[life[seen]]) for name, life in states if life[seen] in words]
            at = instant(cycle(seen), hours=-1)
            make_pool(store, [observation(name, at, state=state) for name, state in [("anchor", "public"), *drop]])
        delivered = max(delivered, k + 1)
        versions[k] = publish_unjudged(store, dataset or make_dataset(), cycle(k))
    return store, [versions[k] for k in sorted(versions)]


class TestVersionsThatAreNoNeighbours:
    def test_cause_is_the_last_one(self):
        store, versions = history_of(("back", "pdph"), ("late", "--pp"))

        _, listed = compare(store, versions[0], versions[3])

        assert listed == {"back": ("left", "private"), "late": ("entered", "born")}

    def test_item_that_came_back_and_was_suppressed_does_not_keep_its_old_cause(self):
        store, versions = history_of(("back", "pdp"))
        make_pool(store, [observation(name, cycle(3)) for name in ("anchor", "back")])
        suppress(store, pool="photos", kind="image", identifier="back", request="r", requested_at=NOW)
        versions.append(publish_unjudged(store, make_dataset(), cycle(3)))

        total, listed = compare(store, versions[0], versions[3])

        assert (counts(total), listed) == ((1, {}, {"suppressed": 1}), {})

    def test_withdrawn_version_between_still_tells_the_cause(self):
        store, versions = history_of(("early", "pdd"), ("late", "ppd"))
        finish(store, versions[1], "withdraw")

        _, listed = compare(store, versions[0], versions[2])

        assert listed == {"early": ("left", "deleted"), "late": ("left", "deleted")}

    def test_retired_version_between_takes_its_causes_with_it_and_none_is_guessed(self):
        store, versions = history_of(("early", "pdd"), ("late", "ppd"), ("born", "-pp"))
        finish(store, versions[1], "withdraw")
        finish(store, versions[1], "retire")

        _, listed = compare(store, versions[0], versions[2])

        assert listed == {
            "early": ("left", "unrecorded"),
            "late": ("left", "deleted"),
            "born": ("entered", "unrecorded"),
        }

    def test_missing_version_between_makes_causes_unrecorded(self):
        store, versions = history_of(("early", "pdd"))
        store.delete(keys.manifest("sample", versions[1].version))

        assert compare(store, versions[0], versions[2])[1] == {"early": ("left", "unrecorded")}

    def test_record_that_passes_the_older_version_tells_what_left_but_not_who_was_born_since(self):
        store, versions = history_of(("gone", "pp-"), ("born", "-dp"), ("new", "--p"), publish=(0, 2, 1))

        total, listed = compare(store, versions[1], versions[2])

        assert listed == {
            "gone": ("left", "stale"),
            "born": ("entered", "unrecorded"),
            "new": ("entered", "unrecorded"),
        }
        assert total.stayed == 1

    def test_erased_items_are_counts_only(self):
        store, versions = history_of(("gone", "pdd"), ("erased", "ppp"))
        entries = wanted(store, pool="photos", images=["erased"], owners=[], request="r", requested_at=NOW)
        digest = plan_erasure(store, pool="photos", entries=entries).document_digest()
        erase(store, pool="photos", entries=entries, plan_digest=digest, now=NOW)
        older, newer = (find_manifest(store, "sample", versions[k].version) for k in (0, 2))

        total, listed = compare(store, older, newer)

        assert listed == {"gone": ("left", "deleted")}
        assert (total.erased_from_older, total.erased_from_newer) == (1, 1)

    def test_changes_file_that_is_gone_is_named(self):
        store, versions = history_of(("gone", "pd"))
        path = next(extra.path for extra in versions[1].extras if extra.path.startswith("changes/"))
        store.delete(keys.snapshot("sample", versions[1].version) + path)

        with pytest.raises(SnapshotDamaged, match=rf"{path} is missing, the manifest lists it"):
            compare(store, versions[0], versions[1])


def finish(store, manifest, act):
    names = {"dataset": "sample", "version": manifest.version, "act": act, "why": "w", "follows": None, "now": NOW}
    end(store, **names, plan_digest=plan_ending(store, **names).document_digest())


@settings(max_examples=12)
@given(
    lives=st.lists(st.text("pppdh-", min_size=4, max_size=4), min_size=1, max_size=25),
    size=st.integers(1, 15),
    lost=st.sampled_from([None, 1, 2]),
)
def test_any_two_versions_differ_as_their_sets_of_ids_do_and_causes_are_those_of_the_last_step(lives, size, lost):
    dataset = make_dataset(size=size, turnover=0.5, nominal_width=0.5)
    store, versions = history_of(*((f"i{n}", life) for n, life in enumerate(lives)), dataset=dataset)
    ids = [{row["image_id"] for row in snapshot_rows(store, manifest)} for manifest in versions]
    steps = [{r["image_id"]: r["cause"] for r in read_changes(store, m).to_pylist()} for m in versions]
    if lost is not None:
        store.delete(keys.manifest("sample", versions[lost].version))

    for older, newer in ((0, 3), (0, 2), (1, 3)):
        if lost in (older, newer):
            continue
        total, listed = compare(store, versions[older], versions[newer])

        assert total.stayed == len(ids[older] & ids[newer])
        expected = {}
        for name in ids[older] ^ ids[newer]:
            last = max(k for k in range(older + 1, newer + 1) if (name in ids[k]) != (name in ids[k - 1]))
            known = lost is None or not older < lost < newer or last > lost
            change = "entered" if name in ids[newer] else "left"
            expected[name] = (change, steps[last][name] if known else "unrecorded")
        assert listed == expected
