"""Compaction end to end: the same snapshots before and after it, books that balance, nothing lost on the way."""

from __future__ import annotations

import io
import random
from datetime import timedelta
from itertools import chain

import pyarrow.parquet as pq
import pytest
from builders import (
    NOW,
    add_drop,
    cycle,
    draw,
    instant,
    make_dataset,
    make_pool,
    observation,
    publish_unjudged,
    snapshot_rows,
)
from drops import make_source, row, take, write

from resift.errors import ConfigError, PoolError, SnapshotConflict, StagingError, WriteConflict
from resift.model import keys
from resift.model.keys import Staging
from resift.model.observation import FIRST_OBSERVED
from resift.model.pool import Drop
from resift.steps.compact import commit_compaction, compact, merge_group, plan_compaction
from resift.steps.cut import cut
from resift.steps.merge_runs import MOST_RUNS
from resift.steps.plan import plan, read_plan
from resift.steps.pools import find_compaction, read_drops, read_state
from resift.steps.sift import sift
from resift.steps.suppress import suppress
from resift.steps.sweep import plan_sweep, sweep
from resift.storage import MemoryStore

SIZE = 60
DATASET = make_dataset(size=SIZE, turnover=0.25, nominal_width=0.6)
TODAY = NOW.date()
LATER = NOW + timedelta(days=30)
STATES = ["public"] * 30 + ["private", "deleted"]
COUNTRIES = ["US"] * 20 + ["JP", "FR", None]


def split_drops(seed=1, pieces=12):
    """Some hundred items observed now and then over a year, by owners that change, delivered in small drops."""
    chance = random.Random(seed)
    observations = [
        observation(
            f"item-{number}",
            instant(cycle(0)) + timedelta(days=chance.randrange(-60, 270), hours=chance.choice([0, 0, 7])),
            state=chance.choice(STATES),
            owner_id=f"owner-{chance.choice([number, number + 1]) % 7}",
            owner_country=chance.choice(COUNTRIES),
            url=f"https://host-{number % 3}.example/{number}-{turn}.jpg",
        )
        for number in range(130)
        for turn in range(8)
    ]
    chance.shuffle(observations)
    return [observations[at::pieces] for at in range(pieces)]


def born_after(day):
    """Items born in the month after a day, and observed once more shortly before cycle 3."""
    return [
        observation(f"young-{number}", at)
        for number in range(60)
        for at in (instant(day) + timedelta(days=number % 30 + 1), instant(cycle(3)) - timedelta(days=5))
    ]


def many_drops(**options):
    store = MemoryStore()
    make_pool(store, *split_drops(**options))
    return store


def compact_now(store, *datasets, now=NOW):
    return compact(store, pool="photos", datasets=datasets or (DATASET,), now=now)


def digests(store, dataset=DATASET, *, cycles=(2, 0, 1)):
    """Content of cycles, each refreshed anew."""
    return {k: draw(store, dataset, cycle(k)).content_digest for k in cycles}


def keys_of(runs):
    return {run.key for run in runs}


def compacted_layers(store):
    compact_now(store)
    return read_state(store, "photos").layers


def rows_of(store, runs):
    return [one for run in runs for one in pq.read_table(io.BytesIO(store.get(run.key))).to_pylist()]


def delivered(store):
    return sum(drop.observations for drop in read_drops(store, "photos"))


def hide(store, kind, identifier):
    suppress(store, pool="photos", kind=kind, identifier=identifier, request="r", requested_at=NOW)


class TestAnswers:
    def test_every_cycle_has_the_same_content_before_and_after(self):
        store = many_drops()
        before = digests(store)

        compaction = compact_now(store)

        assert compaction.removed["superseded"] > 100
        (layer,) = read_state(store, "photos").layers
        assert (len(layer.runs), len(layer.past)) == (1, 1)
        assert digests(store) == before

    def test_refresh_to_come_reads_nothing_that_only_earlier_dates_need(self):
        plain, merged = many_drops(), many_drops()
        for store in (plain, merged):
            publish_unjudged(store, DATASET, cycle(2))
        compact_now(merged, now=instant(cycle(3)) - timedelta(days=5))
        (layer,) = read_state(merged, "photos").layers

        expected, found = (draw(store, DATASET, cycle(3)) for store in (plain, merged))

        staging = Staging("sample", cycle(3), found.plan_id)
        assert read_plan(merged, staging).runs == layer.runs
        assert layer.past
        assert (found.content_digest, found.entered, found.left) == (
            expected.content_digest,
            expected.entered,
            expected.left,
        )

    @pytest.mark.parametrize("previous", [0, 1, 2])
    def test_refresh_compared_with_whichever_version_reads_no_more_and_finds_the_same_causes(self, previous):
        plain, merged = many_drops(), many_drops()
        for store in (plain, merged):
            make_pool(store, born_after(cycle(previous)))
            publish_unjudged(store, DATASET, cycle(previous))
        compact_now(merged)
        (layer,) = read_state(merged, "photos").layers

        expected, found = (publish_unjudged(store, DATASET, cycle(3)) for store in (plain, merged))

        assert set(found.changes.entered) == {"born", "drawn"}
        assert found.changes == expected.changes
        assert found.funnel.observations <= sum(run.rows for run in layer.runs)

    def test_what_earlier_dates_need_is_not_written_again_until_all_is(self):
        drops = split_drops()
        plain, merged = MemoryStore(), MemoryStore()
        make_pool(plain, *drops)
        make_pool(merged, *drops[:7])
        (first,) = compacted_layers(merged)
        make_pool(merged, *drops[7:])

        (second,) = compacted_layers(merged)

        assert keys_of(first.past) < keys_of(second.past)
        assert not keys_of(first.runs) & keys_of(second.all_runs)
        assert digests(merged) == digests(plain)

    def test_all_is_written_again_90_days_after_anything_of_it_was(self):
        store, layers, drops = MemoryStore(), [], iter(split_drops(pieces=8))
        for day in (0, 60, 89, 90):
            make_pool(store, next(drops), next(drops))
            compact_now(store, now=NOW + timedelta(days=day))
            layers.append(read_state(store, "photos").layers[-1])

        first, second, third, fourth = (keys_of(layer.past) for layer in layers)
        assert first < second < third
        assert fourth
        assert not third & fourth
        assert [(layer.oldest - TODAY).days for layer in layers] == [0, 0, 0, 90]

    def test_compaction_an_older_resift_began_is_finished_as_it_began(self):
        plain, store = many_drops(), many_drops()
        for one in (plain, store):
            publish_unjudged(one, DATASET, cycle(1))
        begun = plan_compaction(store, pool="photos", datasets=[DATASET], now=NOW)
        older = begun.model_copy(update={"first_observed": False})
        store.put(keys.compaction_plan("photos", older.compaction_id), older.to_json())

        merge_group(store, pool="photos", compaction_id=older.compaction_id, group=0)
        done = commit_compaction(store, pool="photos", compaction_id=older.compaction_id, now=NOW)

        assert older.compaction_id != begun.compaction_id
        assert not done.layers[0].first_observed
        assert FIRST_OBSERVED.name not in rows_of(store, done.layers[0].runs)[0]
        expected, found = (publish_unjudged(one, DATASET, cycle(3)) for one in (plain, store))
        assert found.changes == expected.changes

    def test_layer_of_an_older_resift_is_merged_whole(self):
        store = many_drops()
        compact_now(store)
        there = find_compaction(store, "photos")
        older = there.model_copy(update={"layers": (there.layers[0].model_copy(update={"first_observed": False}),)})
        store.put(keys.compaction("photos", 1), older.to_json())
        make_pool(store, born_after(cycle(2)))

        merged = compact_now(store)

        assert keys_of(older.layers[0].all_runs) <= {one.key for one in merged.inputs}
        assert merged.layers[0].first_observed

    def test_refresh_of_a_date_that_is_past_reads_all(self):
        store = many_drops()
        publish_unjudged(store, DATASET, cycle(3))
        compact_now(store)

        again = draw(store, DATASET.model_copy(update={"name": "other"}), cycle(3))

        assert len(read_plan(store, Staging("other", cycle(3), again.plan_id)).runs) == 2

    def test_layer_of_an_older_resift_is_read_whole_to_be_compared(self):
        (layer,) = compacted_layers(many_drops())
        older = layer.model_copy(update={"first_observed": False})

        assert older.runs_for(TODAY, previous=None) == older.runs
        assert older.runs_for(TODAY, previous=cycle(1)) == older.all_runs
        assert layer.runs_for(TODAY, previous=cycle(1)) == layer.runs

    def test_changes_against_the_previous_version_are_the_same(self):
        plain, merged = many_drops(), many_drops()
        for store in (plain, merged):
            publish_unjudged(store, DATASET, cycle(0))
        compact_now(merged)

        expected, found = (publish_unjudged(store, DATASET, cycle(1)) for store in (plain, merged))

        assert found.content_digest == expected.content_digest
        assert found.changes == expected.changes

    @pytest.mark.parametrize("seed", range(3))
    def test_what_is_delivered_after_it_is_answered_as_if_there_had_been_none(self, seed):
        drops = split_drops(seed=seed)
        plain, merged = MemoryStore(), MemoryStore()
        make_pool(plain, *drops)
        make_pool(merged, *drops[:6])
        compact_now(merged)
        make_pool(merged, *drops[6:10])
        compact_now(merged)
        make_pool(merged, *drops[10:])

        assert digests(merged) == digests(plain)

    @pytest.mark.parametrize("kind", ["owner", "image"])
    def test_suppression_before_or_after_it_finds_the_same_items(self, kind):
        stores = [many_drops() for _ in range(3)]
        for store in stores[1:]:
            hide(store, kind, {"owner": "owner-3", "image": "item-17"}[kind])
        compact_now(stores[1])

        unsuppressed, merged, plain = (digests(store, cycles=[1]) for store in stores)

        assert merged == plain
        assert merged != unsuppressed

    def test_owner_an_item_had_long_ago_still_suppresses_it_after_all_else_was_forgotten(self):
        store = MemoryStore()
        make_pool(
            store,
            [observation("hers", cycle(-9), owner_id="she"), observation("other", cycle(-9))],
            [observation("hers", cycle(-8), owner_id=None), observation("other", cycle(1))],
        )
        forgotten = compact_now(store, make_dataset(retention="200d"))
        make_pool(store, [observation("hers", cycle(2), owner_id=None), observation("other", cycle(2))])
        hide(store, "owner", "she")

        manifest = publish_unjudged(store, make_dataset(), cycle(3), known_at=NOW)

        assert [one["image_id"] for one in snapshot_rows(store, manifest)] == ["other"]
        assert manifest.funnel.removed == {"suppressed": 1}
        assert forgotten.removed == {"expired": 1, "superseded": 1}

    def test_publishing_a_version_again_after_it_changes_nothing(self):
        store = many_drops()
        published = publish_unjudged(store, DATASET, cycle(1))
        compact_now(store)

        assert publish_unjudged(store, DATASET, cycle(1), known_at=LATER) == published

    def test_conflict_does_not_blame_the_pool_for_having_been_compacted(self):
        store = many_drops()
        publish_unjudged(store, DATASET, cycle(1))
        compact_now(store)

        with pytest.raises(SnapshotConflict, match=r"rows is 59, published 60; dataset file is") as caught:
            publish_unjudged(store, DATASET.model_copy(update={"size": 59}), cycle(1))
        assert "pool is" not in str(caught.value)

    def test_columns_only_some_sources_carry_are_still_there(self):
        store = MemoryStore()
        make_pool(store, [observation("a", cycle(0), title="A")], carried={"title": "string"})
        make_pool(store, [observation("b", cycle(0), stars=3)], carried={"stars": "int64"})
        dataset = make_dataset(publish_columns=["image_id", "title", "stars"])
        before = digests(store, dataset, cycles=[0])

        compact_now(store, dataset)

        assert read_state(store, "photos").runs[0].carried == {"stars": "int64", "title": "string"}
        assert digests(store, dataset, cycles=[0]) == before

    def test_run_that_carries_a_column_in_another_type_is_left_as_it_is(self):
        store = MemoryStore()
        for number in range(2):
            make_pool(
                store, [observation(f"{number}-{n}", cycle(0), stars=n) for n in range(9)], carried={"stars": "int64"}
            )
        make_pool(store, [observation("b", cycle(0), stars="three")], carried={"stars": "string"})
        before = digests(store, cycles=[0])

        compact_now(store)

        assert sorted(run.carried["stars"] for run in read_state(store, "photos").runs) == ["int64", "string"]
        assert digests(store, cycles=[0]) == before


class TestRefused:
    def test_date_that_was_not_kept_is_refused_with_those_that_were(self):
        store = many_drops()
        compact_now(store)

        with pytest.raises(PoolError, match=f"such as {cycle(1)} or {cycle(2)}, or one from {NOW.date()} on"):
            draw(store, make_dataset(every="30d"), cycle(1) + timedelta(days=30))

    def test_date_from_the_day_of_the_compaction_on_is_answered_on_any_grid(self):
        plain, merged = many_drops(), many_drops()
        compact_now(merged)
        daily, day = make_dataset(every="1d", max_age="200d"), NOW.date()

        contents = {draw(store, daily, day).content_digest for store in (plain, merged)}

        assert len(contents) == 1

    def test_known_at_before_the_day_of_the_compaction_is_refused(self):
        store = many_drops()
        compact_now(store)

        with pytest.raises(PoolError, match=f"known_at .* lies before {NOW.date()}, .* Leave known_at out"):
            draw(store, DATASET, cycle(1), known_at=instant(NOW.date()) - timedelta(microseconds=1))
        assert draw(store, DATASET, cycle(1), known_at=instant(NOW.date())).rows == SIZE

    def test_max_age_that_looks_back_to_forgotten_items_is_refused(self):
        store = many_drops()
        compact_now(store, make_dataset(retention="60d"))

        with pytest.raises(PoolError, match=r"forgotten when the pool was compacted, as_of .* with max_age 91d"):
            draw(store, make_dataset(max_age="91d"), cycle(3))
        assert draw(store, make_dataset(max_age="90d"), cycle(3)).rows > 0

    def test_pool_without_a_dataset_is_not_compacted(self):
        store = many_drops()

        with pytest.raises(ConfigError, match=r"pool photos: found no dataset over it, expected at least one"):
            compact(store, pool="photos", datasets=[make_dataset(pool="other")], now=NOW)

    def test_grid_of_a_published_dataset_counts_without_its_file(self):
        store = many_drops()
        publish_unjudged(store, make_dataset(name="weekly", every="30d"), cycle(0) + timedelta(days=30))

        compaction = compact_now(store)

        assert cycle(0) + timedelta(days=60) in compaction.memory.dates


class TestBooks:
    def test_what_was_delivered_is_what_is_kept_and_what_was_counted_as_removed(self):
        store = MemoryStore()
        drops = split_drops()
        make_pool(store, *drops[:7])
        (first,) = compacted_layers(store)
        make_pool(store, *drops[7:])

        second = compact_now(store)

        read = sum(run.rows for run in first.runs) + sum(map(len, drops[7:]))
        assert second.observations == read == second.kept + sum(second.removed.values())
        held = sum(run.rows for run in read_state(store, "photos").runs)
        assert delivered(store) == held + sum(second.removed_ever.values())

    def test_kept_observations_are_those_delivered_with_where_they_came_from(self):
        store = many_drops()
        before = rows_of(store, read_state(store, "photos").runs)

        compact_now(store)

        (layer,) = read_state(store, "photos").layers
        for runs in (layer.runs, layer.past):
            after = rows_of(store, runs)
            delivered = [{name: value for name, value in one.items() if name != FIRST_OBSERVED.name} for one in after]
            assert all(one in before for one in delivered[::7])
            assert [one["prn"] for one in after] == sorted(one["prn"] for one in after)

    def test_drop_ingested_again_after_it_changes_nothing(self, tmp_path):
        store, source = MemoryStore(), make_source()
        files = [
            write(tmp_path / f"{n}.csv", [row(i, seen=f"2026-01-0{n}T00:00:00Z") for i in range(50)]) for n in (1, 2)
        ]
        take(store, source, *files)
        compact_now(store)
        sweep_all(store)
        before = dict.fromkeys(stat.key for stat in store.list("pool/"))

        take(store, source, *files)

        assert dict.fromkeys(stat.key for stat in store.list("pool/")) == before
        assert compact_now(store) is None

    def test_run_that_lost_rows_is_noticed_before_the_commit(self):
        store = many_drops()
        planned = plan_compaction(store, pool="photos", datasets=[DATASET], now=NOW)
        store.put(planned.inputs[0].key, store.get(planned.inputs[1].key))

        with pytest.raises(PoolError, match=r"holds \d+ (bytes|rows), its drop recorded \d+|found .* kept and"):
            merge_and_commit(store, planned)


def merge_and_commit(store, planned, now=NOW):
    for group in range(len(planned.groups)):
        merge_group(store, pool="photos", compaction_id=planned.compaction_id, group=group)
    return commit_compaction(store, pool="photos", compaction_id=planned.compaction_id, now=now)


class TestAgain:
    def test_second_compaction_has_nothing_to_do(self):
        store = many_drops()
        compact_now(store)
        before = {stat.key: stat.etag for stat in store.list("")}

        assert compact_now(store) is None
        assert {stat.key: stat.etag for stat in store.list("")} == before

    def test_bytes_depend_on_the_rows_alone(self):
        stores = [MemoryStore(), MemoryStore()]
        drops = split_drops()
        make_pool(stores[0], *drops)
        make_pool(stores[1], *drops[::-1], row_group_rows=7)

        runs = [compact_now(store).layers[0].all_runs for store in stores]

        assert [run.sha256 for run in runs[0]] == [run.sha256 for run in runs[1]]

    def test_many_runs_are_merged_in_turns_to_the_same_bytes(self):
        many, few = MemoryStore(), MemoryStore()
        drops = split_drops(pieces=2 * MOST_RUNS + 1)
        everything = [{**one, "drop": "d", "row_number": at} for at, one in enumerate(chain(*drops))]
        make_pool(many, *(everything[at :: 2 * MOST_RUNS + 1] for at in range(2 * MOST_RUNS + 1)))
        make_pool(few, everything[::2], everything[1::2])

        runs = [compact_now(store).layers[0].all_runs for store in (many, few)]

        assert [run.sha256 for run in runs[0]] == [run.sha256 for run in runs[1]]

    def test_everything_is_merged_again_when_a_new_cycle_has_come(self):
        store = many_drops()
        first = compact_now(store, now=instant(cycle(2)))

        second = compact_now(store, now=instant(cycle(3)))

        assert (first.memory.horizon, second.memory.horizon) == (cycle(2), cycle(3))
        assert [layer.horizon for layer in second.layers] == [cycle(3)]


class TestBeside:
    def test_refresh_that_was_planned_before_it_goes_on_with_the_runs_it_froze(self):
        store, plain = many_drops(), many_drops()
        receipt = plan(store, dataset=DATASET, as_of=cycle(1), known_at=NOW)
        names = {"dataset": "sample", "version": cycle(1), "plan_id": receipt.plan_id}
        compact_now(store)
        sweep_all(store)

        for group in range(receipt.groups):
            sift(store, **names, group=group)

        assert cut(store, **names).content_digest == draw(plain, DATASET, cycle(1)).content_digest

    def test_drop_ingested_while_it_runs_is_in_the_pool_afterwards(self):
        store = many_drops()
        planned = plan_compaction(store, pool="photos", datasets=[DATASET], now=NOW)
        make_pool(store, [observation("late", cycle(1))])

        merge_and_commit(store, planned)

        state = read_state(store, "photos")
        assert "late" in {one["image_id"] for one in rows_of(store, state.runs)}
        assert [drop.observations for drop in state.drops] == [1]

    def test_of_two_that_began_together_one_is_committed_and_the_other_leaves_nothing(self):
        store = many_drops()
        ours = plan_compaction(store, pool="photos", datasets=[DATASET], now=NOW)
        make_pool(store, [observation("late", cycle(1))])
        theirs = plan_compaction(store, pool="photos", datasets=[DATASET], now=NOW)
        merge_and_commit(store, theirs)

        with pytest.raises(WriteConflict, match=r"another was committed meanwhile, expected none. .* compact again"):
            merge_and_commit(store, ours)
        assert not [stat.key for stat in store.list("pool/") if ours.compaction_id in stat.key]

    def test_two_that_do_the_same_both_succeed(self):
        store = many_drops()
        planned = plan_compaction(store, pool="photos", datasets=[DATASET], now=NOW)
        first = merge_and_commit(store, planned)

        assert commit_compaction(store, pool="photos", compaction_id=planned.compaction_id, now=LATER) == first

    def test_commit_before_every_interval_is_merged_is_refused(self):
        store = many_drops()
        planned = plan_compaction(store, pool="photos", datasets=[DATASET], now=NOW)

        with pytest.raises(StagingError, match=r"0 of 1 intervals merged, expected all\. Merge the missing groups"):
            commit_compaction(store, pool="photos", compaction_id=planned.compaction_id, now=NOW)


def sweep_all(store, *, now=LATER):
    found = plan_sweep(store, pool="photos", now=now)
    return sweep(store, pool="photos", now=now, dry_run=False, digest=found.digest)


class TestSweep:
    def test_replaced_runs_are_deleted_once_the_grace_is_over_and_not_a_moment_before(self):
        store = many_drops()
        replaced = {run.key for run in read_state(store, "photos").runs}
        compact_now(store)
        over = NOW + timedelta(days=7)

        assert plan_sweep(store, pool="photos", now=over - timedelta(microseconds=1)).keys == ()
        assert set(plan_sweep(store, pool="photos", now=over).keys) == replaced

    def test_swept_pool_gives_the_same_content(self):
        store = many_drops()
        before = digests(store)
        for stat in list(store.list("datasets/")):
            store.delete(stat.key)
        compact_now(store)

        sweep_all(store)

        assert list(store.list(keys.runs("photos"))) == []
        assert digests(store) == before

    def test_nothing_is_deleted_unless_told(self):
        store = many_drops()
        compact_now(store)
        before = [stat.key for stat in store.list("")]

        found = sweep(store, pool="photos", now=LATER)

        assert len(found.keys) == 12
        assert [stat.key for stat in store.list("")] == before

    @pytest.mark.parametrize("digest", [None, "0123456789abcdef"])
    def test_nothing_is_deleted_on_the_digest_of_another_sweep(self, digest):
        store = many_drops()
        compact_now(store)
        before = [stat.key for stat in store.list("")]

        with pytest.raises(StagingError, match=r"what can be deleted now has [0-9a-f]{16}\. Nothing was deleted"):
            sweep(store, pool="photos", now=LATER, dry_run=False, digest=digest)
        assert [stat.key for stat in store.list("")] == before

    def test_runs_that_a_refresh_under_way_names_are_held_and_the_plan_is_told(self):
        store = many_drops()
        receipt = plan(store, dataset=DATASET, as_of=cycle(1), known_at=NOW)
        compact_now(store)

        found = plan_sweep(store, pool="photos", now=LATER)

        assert found.keys == ()
        assert [receipt.plan_id in key for key in found.held] == [True]
        assert len(next(iter(found.held.values()))) == 12

    def test_what_an_overtaken_compaction_left_is_deleted_too(self):
        store = many_drops()
        dead = plan_compaction(store, pool="photos", datasets=[DATASET], now=NOW)
        merge_group(store, pool="photos", compaction_id=dead.compaction_id, group=0)
        make_pool(store, [observation("late", cycle(1))])
        compact_now(store)

        sweep_all(store)

        assert not [stat.key for stat in store.list("pool/") if dead.compaction_id in stat.key]
        assert digests(store, cycles=[1]).keys() == {1}

    def test_sweep_that_was_interrupted_goes_on_with_what_was_agreed_to(self):
        store = many_drops()
        compact_now(store)
        found = plan_sweep(store, pool="photos", now=LATER)
        store.create(keys.sweep("photos", found.digest), found.to_json())
        store.delete(found.keys[0])

        sweep(store, pool="photos", now=LATER, dry_run=False, digest=found.digest)

        assert [stat.key for stat in store.list("pool/photos/runs/")] == []
        assert store.stat(keys.sweep("photos", found.digest)) is None

    def test_drops_and_quarantine_stay(self):
        store = many_drops()
        documents = [stat.key for stat in store.list(keys.drops("photos"))]
        compact_now(store)

        sweep_all(store)

        assert [stat.key for stat in store.list(keys.drops("photos"))] == documents
        assert isinstance(add_drop(store, [observation("x", cycle(0))]), Drop)
