"""Whole histories against the rules written once more, item by item."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
from builders import NOW, SALT, cycle, instant, make_dataset, make_pool, observation, publish_unjudged, snapshot_rows
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from reference_model import draw, erased_items, prn

from resift.client.snapshots import read_manifest
from resift.core.circle import start_point
from resift.steps.compact import compact
from resift.steps.erase import erase, plan_erasure, wanted
from resift.steps.plan import plan
from resift.steps.pools import find_compaction, read_state
from resift.steps.sift import sift
from resift.steps.suppress import suppress
from resift.storage.memory import MemoryStore

IDS = [f"image-{number}" for number in range(24)]
OWNERS = ["ann", "bob", "cyd"]
COUNTRIES = st.sampled_from(["US", "JP", "FR", "DE", "Atlantis", None])


def hours_of(days):
    return days * 24


observations = st.builds(
    lambda image_id, hours, **fields: observation(image_id, instant(cycle(0)) + timedelta(hours=hours), **fields),
    st.sampled_from(IDS),
    # Whole days, so that several observations of one item often fall on the same instant; and often on the grid, that
    # is, at the very as_of of one cycle and exactly max_age before the next.
    st.sampled_from([-180, -90, 0, 90, 180, 270, 360]).map(hours_of) | st.integers(-120, 400).map(hours_of),
    state=st.sampled_from(["public"] * 6 + ["private", "deleted"]),
    owner_id=st.sampled_from(OWNERS),
    owner_country=st.sampled_from(["US"] * 6 + ["JP", "FR", "Atlantis", None]),
    upload_country=st.sampled_from([None] * 4 + ["US", "DE", ""]),
)


class Histories(RuleBasedStateMachine):
    """Drops, deletions, un-deletions, moves, suppressions, erasures, compactions, refreshes, crashes, in any order."""

    @initialize(
        size=st.integers(1, 12),
        turnover=st.sampled_from([0.0, 0.25, 1.0]),
        part_rows=st.sampled_from([100, 1000]),
        nominal_width=st.sampled_from([0.02, 0.3, 1.0]),
    )
    def begin(self, size, turnover, part_rows, nominal_width):
        self.store = MemoryStore()
        self.history = []
        self.drops = []
        self.suppressed = set()
        self.published = {}
        self.stale_plan = None
        self.changed_since = set()
        self.dataset = make_dataset(size=size, turnover=turnover, nominal_width=nominal_width, part_rows=part_rows)

    @rule(drop=st.lists(observations, min_size=1, max_size=40))
    def deliver(self, drop):
        make_pool(self.store, drop)
        if drop not in self.drops:  # the same drop twice changes nothing
            self.drops.append(drop)
            self.history += drop

    @precondition(lambda self: self.history)
    @rule(owner=st.booleans(), which=st.integers(0, 23))
    def request_removal(self, owner, which):
        identifier = OWNERS[which % 3] if owner else IDS[which]
        kind = "owner" if owner else "image"
        suppress(self.store, pool="photos", kind=kind, identifier=identifier, request="r", requested_at=NOW)
        self.suppressed.add(identifier)

    @precondition(lambda self: self.history)
    @rule(owner=st.booleans(), which=st.integers(0, 23), k=st.integers(0, 2))
    def erase(self, owner, which, k):
        for cycles in (k, k + 1):  # so that there is something to erase, also from the changes between the two
            self.refresh(cycles)
        held = sorted({row["image_id"] for rows in self.published.values() for row in rows}) or IDS
        identifier = OWNERS[which % 3] if owner else held[which % len(held)]
        named = {"images": [], "owners": []} | {"owners" if owner else "images": [identifier]}
        entries = wanted(self.store, pool="photos", **named, request="r", requested_at=NOW)
        digest = plan_erasure(self.store, pool="photos", entries=entries).document_digest()
        erase(self.store, pool="photos", entries=entries, plan_digest=digest, now=NOW)
        self.suppressed.add(identifier)

        gone = erased_items(self.history, identifier)
        for rows in self.published.values():
            rows[:] = [row for row in rows if row["image_id"] not in gone]
        self.assert_published()
        for stat in self.store.list("datasets/"):
            if "/changes/" in stat.key:
                listed = pq.read_table(pa.BufferReader(self.store.get(stat.key)))["image_id"].to_pylist()
                assert not gone.intersection(listed)

    def assert_published(self):
        """Every version holds what it was published with, less what was erased."""
        for (dataset, version), rows in self.published.items():
            assert snapshot_rows(self.store, read_manifest(self.store, dataset, version)) == rows

    def teardown(self):
        self.assert_published()

    @precondition(lambda self: self.history)
    @rule(k=st.integers(0, 3))
    def compact(self, k):
        # With the grid date of a cycle as the newest: its own rules say which dates it must keep.
        compact(self.store, pool="photos", datasets=[self.dataset], now=instant(cycle(k)))

    @precondition(lambda self: self.history)
    @rule(k=st.integers(-1, 3))
    def crash_in_the_middle(self, k):
        receipt = plan(self.store, dataset=self.dataset, as_of=cycle(k), known_at=NOW)
        sift(self.store, dataset="sample", version=cycle(k), plan_id=receipt.plan_id, group=0)

    @precondition(lambda self: self.history)
    @rule(k=st.integers(-1, 3))
    def refresh(self, k):
        start = start_point(
            cycle=k, start=0.0, turnover=self.dataset.turnover, nominal_width=self.dataset.nominal_width
        )
        expected, reasons = draw(
            self.history,
            as_of=instant(cycle(k)),
            known_at=NOW,
            start=start,
            size=self.dataset.size,
            salt=SALT,
            suppressed=self.suppressed,
        )
        target = self.dataset.model_copy(update={"name": f"c{len(self.history)}-{len(self.suppressed)}"})
        if not expected:
            return
        again = (target.name, cycle(k)) in self.published
        manifest = publish_unjudged(self.store, target, cycle(k))

        rows = snapshot_rows(self.store, manifest)
        assert [row["image_id"] for row in rows] == expected
        assert self.published.setdefault((target.name, cycle(k)), rows) == rows
        assert [row["prn"] for row in rows] == [prn(image_id, SALT) for image_id in expected]
        funnel = manifest.funnel
        assert funnel.observations == funnel.superseded + sum(funnel.removed.values()) + funnel.kept
        if manifest.draw.exhausted:
            counted = {}
            for reason in filter(None, reasons.values()):
                counted[reason] = counted.get(reason, 0) + 1
            found = {}
            for reason, count in funnel.removed.items():
                found[reason.partition(".")[0]] = found.get(reason.partition(".")[0], 0) + count
            assert found == counted
            if again:
                return  # what was published before counts what was in the pool then, before a compaction since
            compaction = find_compaction(self.store, "photos")
            removed = sum(compaction.removed_ever.values()) if compaction else 0
            state = read_state(self.store, "photos")
            assert sum(run.rows for run in state.runs) == len(self.history) - removed
            # What only earlier dates need is not read, also not to compare with the version before.
            assert funnel.observations == sum(run.rows for run in state.runs_for(cycle(k)))

    @invariant()
    def staging_is_never_published(self):
        for stat in self.store.list("datasets/"):
            assert "/snapshots/" in stat.key or "/staging/" in stat.key or stat.key.endswith("/latest.json")


# A failure is shown as it was found: to shrink a history of hundreds of observations takes many minutes.
Histories.TestCase.settings = settings(
    max_examples=70,
    stateful_step_count=12,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
TestHistories = Histories.TestCase
