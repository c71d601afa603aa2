"""One cycle, computed in every way there is: the same content digest and the same bytes of data."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys

import pytest
import s3_servers
from builders import NOW, cycle, instant, make_dataset, make_pool, observation, publish_unjudged
from drops import make_source, row, take, write
from rolling import rolling_drops

from resift.client.snapshots import find_previous, read_manifest
from resift.client.verify import verify
from resift.model import keys
from resift.steps.refresh import refresh
from resift.storage import LocalStore, MemoryStore, open_store

DATASET = make_dataset(size=250, turnover=0.25, nominal_width=0.7)
CYCLE = cycle(1)
COMMAND = [sys.executable, "-c", "from resift.cli.main import main; main()"]


@pytest.fixture(scope="module")
def drops():
    return rolling_drops()


@pytest.fixture(scope="module")
def expected(drops):
    """Digest and data of the cycle, computed by the steps in memory with the cycle before it published."""
    store = MemoryStore()
    make_pool(store, *drops)
    publish_unjudged(store, DATASET, cycle(0))
    return content(store, publish_unjudged(store, DATASET, CYCLE))


def content(store, manifest):
    """What must be equal: the digest, and every data object byte by byte."""
    assert verify(store, manifest).problems == ()
    prefix = keys.snapshot(manifest.dataset, manifest.version)
    return manifest.content_digest, {p.path: store.get(prefix + p.path) for p in manifest.parts}


class TestInputs:
    def test_content_has_several_parts_and_is_not_all_there_is(self, expected):
        assert len(expected[1]) >= 3

    @pytest.mark.parametrize("seed", range(3))
    def test_order_of_the_drops_does_not_matter(self, drops, expected, seed):
        store = MemoryStore()
        make_pool(store, *random.Random(seed).sample(drops, len(drops)))

        assert content(store, publish_unjudged(store, DATASET, CYCLE)) == expected

    def test_of_known_at_only_the_day_counts(self):
        """A plan is found again by the day, so what it draws must not depend on the hour."""
        day = cycle(1)
        history = [observation(f"i{n}", instant(cycle(0), hours=-1)) for n in range(60)]
        # Private in the morning of the day, public before noon: at ten nobody had said so yet.
        history += [observation(f"i{n}", instant(day, hours=9), state="private") for n in range(30)]
        history += [observation(f"i{n}", instant(day, hours=11)) for n in range(30)]
        digests = set()
        for hours in (0, 10, 12, 23.9):
            store = MemoryStore()
            make_pool(store, history)
            found = publish_unjudged(store, make_dataset(size=60), cycle(0), known_at=instant(day, hours=hours))
            digests.add((found.content_digest, found.rows))
        assert len(digests) == 1

    @pytest.mark.parametrize(("pieces", "row_group_rows"), [(1, 64), (2, 7), (13, 1000)])
    def test_split_into_drops_and_row_groups_does_not_matter(self, drops, expected, pieces, row_group_rows):
        everything = [one for drop in drops for one in drop]
        random.Random(pieces).shuffle(everything)
        store = MemoryStore()
        make_pool(store, *(everything[at::pieces] for at in range(pieces)), row_group_rows=row_group_rows)

        assert content(store, publish_unjudged(store, DATASET, CYCLE)) == expected

    def test_observation_delivered_twice_does_not_matter(self, drops, expected):
        store = MemoryStore()
        make_pool(store, *drops, drops[0][:100] + drops[1][50:80])

        assert content(store, publish_unjudged(store, DATASET, CYCLE)) == expected

    def test_observations_of_one_instant_delivered_in_another_order_do_not_matter(self):
        rows = [
            observation(f"item-{n}", cycle(0), url=f"https://host.example/{n}-{variant}.jpg")
            for n in range(40)
            for variant in range(3)
        ]
        digests = set()
        for seed in range(3):
            store = MemoryStore()
            make_pool(store, random.Random(seed).sample(rows, len(rows)))
            digests.add(publish_unjudged(store, make_dataset(), cycle(0)).content_digest)

        assert len(digests) == 1

    def test_name_of_the_dataset_and_its_limits_are_not_part_of_the_content(self, drops, expected):
        store = MemoryStore()
        make_pool(store, *drops)
        other = DATASET.model_copy(update={"name": "other", "limits": make_dataset(limits={}).limits})

        assert content(store, publish_unjudged(store, other, CYCLE)) == expected

    def test_hour_of_known_at_does_not_matter(self, drops, expected):
        store = MemoryStore()
        make_pool(store, *drops)

        manifest = publish_unjudged(store, DATASET, CYCLE, known_at=instant(NOW.date(), hours=23.9))

        assert content(store, manifest) == expected

    def test_one_byte_of_one_published_value_does_matter(self, drops, expected):
        store = MemoryStore()
        first = {**drops[1][0], "url": drops[1][0]["url"] + "?"}
        make_pool(store, *drops[:1], [first, *({**o, "url": o["url"] + "?"} for o in drops[1][1:])], *drops[2:])

        assert content(store, publish_unjudged(store, DATASET, CYCLE))[0] != expected[0]


class TestOtherVersions:
    @pytest.mark.parametrize("others", [(), (0,), (2,), (0, 2)])
    def test_which_other_versions_exist_does_not_matter(self, drops, expected, others):
        store = MemoryStore()
        make_pool(store, *drops)
        for k in others:
            publish_unjudged(store, DATASET, cycle(k))

        manifest = publish_unjudged(store, DATASET, CYCLE)

        assert content(store, manifest) == expected
        previous = find_previous(store, "sample", CYCLE)
        assert (manifest.changes is None) == (previous is None)

    def test_other_datasets_over_the_same_pool_do_not_matter(self, drops, expected):
        store = MemoryStore()
        make_pool(store, *drops)
        publish_unjudged(store, make_dataset(name="another", start=0.5), CYCLE)

        assert content(store, publish_unjudged(store, DATASET, CYCLE)) == expected


@pytest.fixture(scope="module")
def lake(tmp_path_factory, drops):
    """A local lake with the pool and nothing published; copy it."""
    root = tmp_path_factory.mktemp("same-bytes") / "lake"
    make_pool(LocalStore(root), *drops)
    return root


def run_command(*arguments):
    """Run the real command; return what it answers in JSON."""
    done = subprocess.run([*COMMAND, *arguments, "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
class TestWays:
    """The judge included."""

    @pytest.mark.parametrize("workers", [1, 4])
    def test_number_of_workers_does_not_matter(self, lake, expected, tmp_path, workers):
        store = LocalStore(shutil.copytree(lake, tmp_path / "lake"))

        manifest = refresh(store, dataset=DATASET, as_of=CYCLE, known_at=NOW, workers=workers).manifest

        assert content(store, manifest) == expected

    def test_command_gives_the_content_of_the_steps(self, lake, expected, tmp_path):
        root = shutil.copytree(lake, tmp_path / "lake")
        (tmp_path / "sample.yaml").write_bytes(DATASET.to_json())

        answer = run_command("refresh", str(tmp_path / "sample.yaml"), "--lake", root.as_uri(), "--as-of", str(CYCLE))

        assert answer["content_digest"] == expected[0]
        assert content(LocalStore(root), read_manifest(LocalStore(root), "sample", CYCLE)) == expected

    @pytest.mark.parametrize("name", s3_servers.available())
    def test_store_does_not_matter(self, drops, expected, s3_server, monkeypatch, name):
        server = s3_server(name)
        for variable, value in server.environment.items():
            monkeypatch.setenv(variable, value)
        store = open_store(f"s3://{server.new_bucket()}/lake")
        make_pool(store, *drops)

        told: list[str] = []
        manifest = refresh(store, dataset=DATASET, as_of=CYCLE, known_at=NOW, tell=told.append).manifest

        assert content(store, manifest) == expected
        assert told == ["plan", "sift", "cut", "audit", "judge", "publish"]


class TestIngest:
    def test_pool_made_by_ingest_gives_the_same_content_in_any_order_and_split(self, tmp_path):
        rows = [row(n, seen=f"2026-01-{1 + n % 28:02d}T00:00:00Z") for n in range(300)]
        whole = write(tmp_path / "whole.csv", rows)
        halves = [write(tmp_path / "a.jsonl", rows[150:]), write(tmp_path / "b.jsonl", rows[:150])]
        dataset = make_dataset(publish_columns=["image_id", "url", "title", "observed_at"])
        one, two = MemoryStore(), MemoryStore()
        take(one, make_source(), whole)
        take(two, make_source(format="jsonl"), *halves)

        first, second = (content(store, publish_unjudged(store, dataset, cycle(1))) for store in (one, two))

        assert first == second
