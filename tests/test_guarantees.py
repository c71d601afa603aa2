"""The eight guarantees of the design, one test class each, of the same name."""

from __future__ import annotations

from datetime import timedelta
from math import sqrt

import pytest
from builders import (
    NOW,
    SALT,
    cycle,
    hand_in,
    instant,
    make_dataset,
    make_pool,
    observation,
    publish_unjudged,
    snapshot_rows,
    stage,
)
from reference_model import draw
from rolling import rolling_drops

from resift.client.diff import read_changes
from resift.client.snapshots import find_manifest, list_versions, read_manifest
from resift.client.verify import verify
from resift.errors import PoolError, RefreshHeld, RefreshRefused, SnapshotNotFound, VerdictError
from resift.model import keys
from resift.model.verdict import Finding
from resift.steps.erase import erase, plan_erasure, wanted
from resift.steps.judge import judge
from resift.steps.publish import publish
from resift.steps.suppress import suppress
from resift.storage import MemoryStore


def ids(store, manifest):
    return [row["image_id"] for row in snapshot_rows(store, manifest)]


def pool(*drops):
    store = MemoryStore()
    make_pool(store, *drops)
    return store


def remove(store, identifier, *, kind="image"):
    suppress(store, pool="photos", kind=kind, identifier=identifier, request="T-1", requested_at=NOW)


@pytest.fixture(scope="module")
def rolling():
    return rolling_drops()


DATASET = make_dataset(size=150, turnover=0.25, nominal_width=0.4)


class TestSameInputsSameBytes:
    """Workers, stores, crashes and the command line: see test_same_bytes.py and test_crash.py."""

    def test_same_inputs_same_bytes(self, rolling):
        digests, bodies = set(), set()
        for order in ((0, 1, 2), (2, 0, 1)):
            store = pool(*(rolling[k] for k in order))
            for k in order:
                publish_unjudged(store, DATASET, cycle(k))
            manifest = read_manifest(store, "sample", cycle(1))
            prefix = keys.snapshot("sample", cycle(1))
            digests.add(manifest.content_digest)
            bodies.add(tuple(store.get(prefix + part.path) for part in manifest.parts))

        assert len(digests) == len(bodies) == 1

    def test_comparison_with_neighbours_is_not_part_of_the_digest(self, rolling):
        alone, after = pool(*rolling), pool(*rolling)
        publish_unjudged(after, DATASET, cycle(0))

        one, two = (publish_unjudged(store, DATASET, cycle(1)) for store in (alone, after))

        assert one.content_digest == two.content_digest
        assert one.changes is None
        assert two.changes is not None


class TestAllOrNothing:
    @pytest.fixture
    def staged(self, rolling):
        store = pool(*rolling)
        return store, stage(store, DATASET, cycle(1))

    def publish(self, staged, verdict):
        store, cut = staged
        return publish(store, dataset="sample", version=cycle(1), plan_id=cut.plan_id, verdict=verdict)

    def test_all_or_nothing(self, staged):
        store, cut = staged
        assert list_versions(store, "sample") == []

        manifest = self.publish(staged, hand_in(store, cut))

        assert list_versions(store, "sample") == [cycle(1)]
        assert verify(store, manifest).problems == ()

    @pytest.mark.parametrize(("status", "error"), [("hold", RefreshHeld), ("stop", RefreshRefused)])
    def test_verdict_that_does_not_pass_publishes_nothing(self, staged, status, error):
        bad = Finding(rule="stale members", status="hold", found="40%", expected="at most 30%")
        good = Finding(rule="ids are not null", status="pass", found="holds", expected="null_ids = 0")
        worse = bad.model_copy(update={"status": "fail"})

        with pytest.raises(error, match=r"not published. stale members: found 40%, expected at most 30%"):
            self.publish(staged, hand_in(*staged, status=status, findings=(good, bad if status == "hold" else worse)))
        assert not list(staged[0].list(keys.snapshots("sample")))

    @pytest.mark.parametrize(
        "foreign", [{"dataset": "other"}, {"version": cycle(2)}, {"content_digest": "0" * 64}], ids=str
    )
    def test_verdict_of_other_content_publishes_nothing(self, staged, foreign):
        with pytest.raises(VerdictError, match="Judge the staged snapshot you publish"):
            self.publish(staged, hand_in(*staged, **foreign))
        assert not list(staged[0].list(keys.snapshots("sample")))

    def test_verdict_altered_after_judging_publishes_nothing(self, staged):
        altered = hand_in(*staged, status="stop").model_copy(update={"status": "proceed"})

        with pytest.raises(VerdictError, match="It was altered after judging"):
            self.publish(staged, altered)
        assert not list(staged[0].list(keys.snapshots("sample")))

    @pytest.mark.slow
    def test_verdict_of_the_judge_publishes(self, staged):
        store, cut = staged
        verdict = judge(store, dataset="sample", version=cycle(1), plan_id=cut.plan_id)

        assert self.publish(staged, verdict).verdict_seal == verdict.seal

    def test_reader_finds_nothing_before_the_manifest_is_there(self, staged):
        store, cut = staged
        manifest = self.publish(staged, hand_in(store, cut))
        store.delete(keys.manifest("sample", cycle(1)))
        make_pool(store, [observation(f"i{n}", cycle(0)) for n in range(3)])
        publish_unjudged(store, DATASET, cycle(0))

        assert list(store.list(keys.snapshot("sample", cycle(1)) + "data/"))
        with pytest.raises(SnapshotNotFound):
            read_manifest(store, "sample", str(manifest.version))


class TestExistenceAsOfThenRightsAsOfNow:
    def test_existence_as_of_then_rights_as_of_now(self):
        then, later = cycle(0), cycle(1)
        store = pool(
            [observation(name, then) for name in ("stays", "deleted", "moved", "hidden")],
            [observation("deleted", later, state="deleted"), observation("moved", later, upload_country="FR")],
            [observation("born", later), observation("stays", later, url="https://later.example/")],
        )
        remove(store, "hidden")

        manifest = publish_unjudged(store, make_dataset(), then)

        (row,) = snapshot_rows(store, manifest)
        assert (row["image_id"], row["observed_at"]) == ("stays", instant(then))
        assert row["url"] != "https://later.example/"
        assert manifest.funnel.removed == {
            "deleted": 1,
            "excluded.inside.upload_country": 1,
            "suppressed": 1,
            "unborn": 1,
        }

    def test_policy_of_both_days_applies(self):
        # The United Kingdom was a member state until 2020-02-01.
        dataset = make_dataset(anchor="2019-12-01")
        store = pool([observation("gb", dataset.anchor, owner_country="GB"), observation("us", dataset.anchor)])

        assert ids(store, publish_unjudged(store, dataset, dataset.anchor)) == ["us"]

    def test_latest_never_moves_back(self, rolling):
        store = pool(*rolling)
        publish_unjudged(store, DATASET, cycle(2))

        publish_unjudged(store, DATASET, cycle(0))

        assert read_manifest(store, "sample", "latest").version == cycle(2)

    def test_suppression_after_the_plan_is_not_passed_over(self, rolling):
        store = pool(*rolling)
        staged = stage(store, DATASET, cycle(1))
        remove(store, "item-1")

        with pytest.raises(PoolError, match="suppressions or policy changed since it was planned"):
            publish(store, dataset="sample", version=cycle(1), plan_id=staged.plan_id, verdict=hand_in(store, staged))
        assert list_versions(store, "sample") == []


class TestRowsInEqualRowsKeptPlusRowsRemoved:
    @pytest.mark.parametrize("size", [1, 150, 1_000])
    @pytest.mark.parametrize("k", [0, 1, 2])
    def test_rows_in_equal_rows_kept_plus_rows_removed(self, rolling, k, size):
        store = pool(*rolling)

        manifest = publish_unjudged(store, make_dataset(size=size), cycle(k))

        funnel = manifest.funnel
        assert funnel.observations == funnel.superseded + sum(funnel.removed.values()) + funnel.kept
        assert funnel.kept == manifest.rows == sum(part.rows for part in manifest.parts)
        if manifest.draw.exhausted:
            assert funnel.observations == sum(map(len, rolling))

    def test_each_removed_item_has_the_reason_the_rules_give(self, rolling):
        store = pool(*rolling)

        manifest = publish_unjudged(store, make_dataset(size=1_000), cycle(1))

        history = [one for drop in rolling for one in drop]
        _, reasons = draw(history, as_of=instant(cycle(1)), known_at=NOW, start=0, size=1_000, salt=SALT)
        expected: dict[str, int] = {}
        for reason in filter(None, reasons.values()):
            expected[reason] = expected.get(reason, 0) + 1
        found: dict[str, int] = {}
        for reason, count in manifest.funnel.removed.items():
            found[reason.partition(".")[0]] = found.get(reason.partition(".")[0], 0) + count
        assert found == expected

    def test_members_before_are_members_after_or_left_with_a_cause(self, rolling):
        store = pool(*rolling)
        first, second = (publish_unjudged(store, DATASET, cycle(k)) for k in (0, 1))

        stayed = set(ids(store, first)) & set(ids(store, second))
        assert first.rows == len(stayed) + sum(second.changes.left.values())
        assert second.rows == len(stayed) + sum(second.changes.entered.values())


class TestFailClosed:
    @pytest.mark.parametrize(
        "evidence",
        [
            {},
            {"owner_country": ""},
            {"owner_country": " "},
            {"owner_country": "unknown"},
            {"owner_country": "XX"},
            {"owner_country": "Atlantis"},
            {"owner_country": "Untied States"},
            {"owner_country": "US", "upload_country": "Atlantis"},
            {"owner_country": "US", "upload_country": "FR"},
            {"owner_country": "FR", "upload_country": "US"},
            {"owner_country": "FRA"},
            {"owner_country": "250"},
            {"owner_country": "fr"},
            {"owner_country": "US", "subdivision": "FR-75"},
            {"owner_country": "US", "subdivision": "by the sea"},
            {"subdivision": "US-NY"},
            {"lat": "40.7", "lon": "-74.0"},
        ],
        ids=str,
    )
    def test_fail_closed(self, evidence):
        nothing = {"owner_country": None}
        store = pool([observation("doubtful", cycle(0), **(nothing | evidence)), observation("clear", cycle(0))])

        manifest = publish_unjudged(store, make_dataset(), cycle(0))

        assert ids(store, manifest) == ["clear"]

    def test_observations_of_one_instant_that_contradict_each_other_exclude(self):
        store = pool(
            [observation("two", cycle(0), owner_country="US"), observation("clear", cycle(0))],
            [observation("two", cycle(0), owner_country="DE")],
        )

        assert ids(store, publish_unjudged(store, make_dataset(), cycle(0))) == ["clear"]

    def test_pool_of_nothing_but_doubt_publishes_nothing(self):
        store = pool([observation("doubtful", cycle(0), owner_country=None)])

        with pytest.raises(RefreshRefused, match="no item of the pool may be drawn"):
            publish_unjudged(store, make_dataset(), cycle(0))
        assert list_versions(store, "sample") == []


class TestAbsenceIsNotDeletion:
    def test_absence_is_not_deletion(self):
        store = pool([observation("silent", cycle(0)), observation("heard", cycle(0))])
        make_pool(store, *([observation("heard", cycle(k))] for k in (1, 2)))

        manifests = [publish_unjudged(store, make_dataset(), cycle(k)) for k in (0, 1, 2)]

        # Silent for exactly max_age at cycle 1, and for longer at cycle 2.
        assert ["silent" in ids(store, manifest) for manifest in manifests] == [True, True, False]
        assert manifests[2].funnel.removed == {"stale": 1}
        assert manifests[2].changes.left == {"stale": 1}

    def test_item_heard_of_again_is_there_again(self):
        store = pool([observation("silent", cycle(0)), observation("silent", cycle(3))])
        make_pool(store, *([observation("heard", cycle(k))] for k in range(4)))

        seen = ["silent" in ids(store, publish_unjudged(store, make_dataset(), cycle(k))) for k in range(4)]

        assert seen == [True, True, False, True]

    @pytest.mark.slow
    def test_jump_in_expiries_is_held_for_a_person(self):
        before = instant(cycle(0)) - timedelta(hours=1)
        names = [f"i{n}" for n in range(400)]
        store = pool([observation(name, before) for name in names])
        dataset = make_dataset(size=400, limits={"size_drift": 1.0})
        publish_unjudged(store, dataset, cycle(0))
        make_pool(store, [observation(name, cycle(1)) for name in names[:200]])
        staged = stage(store, dataset, cycle(1))

        verdict = judge(store, dataset="sample", version=cycle(1), plan_id=staged.plan_id)

        assert verdict.status == "hold"
        with pytest.raises(RefreshHeld, match="stale"):
            publish(store, dataset="sample", version=cycle(1), plan_id=staged.plan_id, verdict=verdict)
        assert find_manifest(store, "sample", cycle(1)) is None


class TestRemovalIsFinal:
    """Races, crashes, owners and the order of erasures: see steps/test_erase.py."""

    @pytest.mark.parametrize(("kind", "identifier"), [("image", "hidden"), ("owner", "hers")])
    def test_removal_is_final(self, kind, identifier):
        store = pool([observation("hidden", cycle(0), owner_id="hers"), observation("other", cycle(0))])
        remove(store, identifier, kind=kind)
        make_pool(
            store,
            [observation("hidden", instant(cycle(1), hours=-1), owner_id="hers", state="deleted")],
            [observation(name, cycle(1), owner_id="another", url="https://new.example/") for name in ("hidden", "x")],
        )

        for k in (0, 1):
            assert "hidden" not in ids(store, publish_unjudged(store, make_dataset(), cycle(k)))

    def test_erased_item_leaves_every_published_version_and_does_not_return(self):
        names = ("hidden-one", "other", "third")
        store = pool(*([observation(name, cycle(k)) for name in names] for k in (0, 1)))
        for k in (0, 1):
            publish_unjudged(store, make_dataset(), cycle(k))
        given = {"images": ["hidden-one"], "owners": [], "request": "T-1", "requested_at": NOW}
        entries = wanted(store, pool="photos", **given)
        digest = plan_erasure(store, pool="photos", entries=entries).document_digest()

        erase(store, pool="photos", entries=entries, plan_digest=digest, now=NOW)

        make_pool(store, [observation(name, cycle(2), owner_id=None) for name in names])
        publish_unjudged(store, make_dataset(), cycle(2))
        for k, revision in ((0, 1), (1, 1), (2, 0)):
            manifest = read_manifest(store, "sample", cycle(k))
            assert (sorted(ids(store, manifest)), manifest.revision) == (["other", "third"], revision)
            assert verify(store, manifest).problems == ()
        assert not [stat.key for stat in store.list("datasets/") if b"hidden-one" in store.get(stat.key)]

    def test_suppressed_item_is_named_nowhere_in_what_is_published(self):
        store = pool([observation(name, cycle(0)) for name in ("hidden-one", "other")])
        publish_unjudged(store, make_dataset(), cycle(0))
        remove(store, "hidden-one")
        make_pool(store, [observation(name, cycle(1)) for name in ("hidden-one", "other")])

        manifest = publish_unjudged(store, make_dataset(), cycle(1))

        assert manifest.changes.left == {"suppressed": 1}
        assert read_changes(store, manifest)["image_id"].to_pylist() == []
        assert not [
            stat.key for stat in store.list(keys.snapshot("sample", cycle(1))) if b"hidden-one" in store.get(stat.key)
        ]

    def test_id_is_not_kept_in_the_suppression(self):
        store = pool([observation("hidden-one", cycle(0))])

        remove(store, "hidden-one")

        (entry,) = store.list("suppressions/")
        assert b"hidden-one" not in store.get(entry.key)

    def test_suppressing_twice_changes_nothing(self):
        store = pool([observation("hidden", cycle(0))])
        remove(store, "hidden")
        before = {stat.key: store.get(stat.key) for stat in store.list("")}

        remove(store, "hidden")

        assert {stat.key: store.get(stat.key) for stat in store.list("")} == before


class TestAValidRandomSample:
    """Frequencies over 2,000 salts, turnover and nesting: see test_sampling.py."""

    def test_a_valid_random_sample(self):
        store = pool([observation(f"i{n}", cycle(0)) for n in range(3000)])
        dataset = make_dataset(size=600, part_rows=300, nominal_width=0.2, start=0.9)

        manifest = publish_unjudged(store, dataset, cycle(0))

        probability = manifest.draw.inclusion_probability
        assert probability == pytest.approx(600 / 3000, rel=5 / sqrt(600))
        assert manifest.draw.eligible_estimate == pytest.approx(3000, rel=5 / sqrt(600))

    def test_anyone_who_has_the_snapshot_can_check_its_draw(self):
        store = pool([observation(f"i{n}", cycle(0)) for n in range(1000)])

        manifest = publish_unjudged(store, make_dataset(size=200, start=0.9), cycle(0))

        offsets = [(row["prn"] - manifest.draw.start) % 2**63 for row in snapshot_rows(store, manifest)]
        assert offsets == sorted(set(offsets))
        assert offsets[-1] + 1 == manifest.draw.width
        assert manifest.draw.inclusion_probability == manifest.draw.width / 2**63

    def test_whole_frame_is_taken_with_certainty(self):
        store = pool([observation(f"i{n}", cycle(0)) for n in range(30)])

        draw_of = publish_unjudged(store, make_dataset(size=100), cycle(0)).draw

        assert (draw_of.exhausted, draw_of.inclusion_probability, draw_of.eligible_estimate) == (True, 1.0, 30.0)
