"""A pin says what became of its version: nothing, revised, withdrawn, retired, altered, or that nobody could tell."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

import pytest
from builders import cycle, make_dataset, make_pool, observation, publish_unjudged

from resift.cli.main import main
from resift.client.pins import check, move, pin_of, read_pin, require_pinned, write_pin
from resift.client.resolve import resolve
from resift.client.snapshots import read_manifest
from resift.core.cut import content_digest
from resift.errors import (
    ConfigError,
    DatasetNotFound,
    SnapshotDamaged,
    SnapshotNotFound,
    SnapshotRetired,
    SnapshotWithdrawn,
)
from resift.model import keys
from resift.model.manifest import Revision
from resift.model.tombstone import Ending, Tombstone
from resift.storage import LocalStore, MemoryStore

THEN = datetime(2026, 12, 24, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    store = LocalStore(tmp_path / "lake")
    make_pool(store, *([observation(f"i{n}", cycle(k)) for n in range(10 * k, 60)] for k in (0, 1)))
    for k in (0, 1):
        publish_unjudged(store, make_dataset(size=20, turnover=0.5, nominal_width=0.3), cycle(k))
    return store


@pytest.fixture
def pin(store):
    return pin_of(store, read_manifest(store, "sample", cycle(0)))


def revise(store):
    """What the manifest of cycle 0 says after three items of its first part were erased."""
    manifest = read_manifest(store, "sample", cycle(0))
    store.put(keys.revision("sample", cycle(0), 0), Revision.of(manifest).to_json())
    part = manifest.parts[0].model_copy(update={"rows": manifest.parts[0].rows - 3})
    parts = (part, *manifest.parts[1:])
    columns = [(column.name, column.type) for column in manifest.columns]
    changed = {
        "revision": 1,
        "rows": manifest.rows - 3,
        "erased": 3,
        "revised_at": THEN,
        "parts": parts,
        "content_digest": content_digest(
            columns=columns, start=manifest.draw.start, width=manifest.draw.width, parts=parts
        ),
    }
    store.put(keys.manifest("sample", cycle(0)), manifest.model_copy(update=changed).to_json())
    return manifest


def end(store, **how):
    manifest = read_manifest(store, "sample", cycle(0))
    ending = Ending(since=THEN, why="a source was not licensed", follows=cycle(1))
    tombstone = Tombstone(
        dataset="sample",
        version=cycle(0),
        revision=0,
        content_digest=manifest.content_digest,
        rows=manifest.rows,
        erased=0,
        **dict.fromkeys(how, ending),
    )
    store.put(keys.tombstone("sample", cycle(0)), tombstone.to_json())
    if "retired" in how:
        store.delete(keys.manifest("sample", cycle(0)))


class TestCheck:
    def test_untouched_version_is_current(self, store, pin):
        assert check(store, pin).state == "current"
        assert require_pinned(store, pin).version == cycle(0)

    def test_revised_version_says_how_many_items_were_erased_and_when(self, store, pin):
        revise(store)

        standing = check(store, pin)

        assert (standing.state, standing.erased) == ("revised", 3)
        assert f"revised to {cycle(0)}.1, last on 2026-12-24: 3 of 20 items erased" in standing.told
        with pytest.raises(SnapshotNotFound, match=r"3 of 20 items erased .*Run `resift update`"):
            require_pinned(store, pin)

    @pytest.mark.parametrize("how", ["withdrawn", "retired"])
    def test_ended_version_says_since_when_why_and_what_follows(self, store, pin, how):
        end(store, **{how: True})

        standing = check(store, pin)

        assert standing.state == how
        assert f"{how} since 2026-12-24 (a source was not licensed). Use {cycle(1)}, which follows it." in standing.told
        with pytest.raises(SnapshotNotFound, match="a source was not licensed"):
            require_pinned(store, pin)

    @pytest.mark.parametrize("change", [{"content_digest": "0" * 64}, {"revision": -1}])
    def test_version_with_other_content_or_an_older_revision_is_altered(self, store, pin, change):
        """The lake's manifest cannot have what the pin says."""
        newer = pin.model_copy(update={"revision": 0, **change} if "content_digest" in change else {"revision": 1})

        assert check(store, newer).state == "altered"
        with pytest.raises(SnapshotDamaged, match="Nobody may change a version so"):
            require_pinned(store, newer)

    def test_version_that_is_gone_without_a_tombstone_is_altered(self, store, pin):
        store.delete(keys.manifest("sample", cycle(0)))

        assert check(store, pin).state == "altered"
        assert "no tombstone says why" in check(store, pin).told

    def test_lake_without_anything_of_the_dataset_is_no_answer(self, pin, tmp_path):
        """A disk that is not mounted has altered nothing."""
        for ask in (check, require_pinned):
            with pytest.raises(DatasetNotFound, match=r"nothing is published under that name .*Check the lake URL"):
                ask(LocalStore(tmp_path / "not mounted"), pin)

    def test_revision_that_took_out_changes_alone_says_so(self, store, pin):
        before = read_manifest(store, "sample", cycle(0))
        store.put(
            keys.manifest("sample", cycle(0)),
            before.model_copy(update={"revision": 1, "erased_changes": 1, "revised_at": THEN}).to_json(),
        )

        standing = check(store, pin)

        assert (standing.state, standing.erased) == ("revised", 0)
        assert "none of its items, but some of its changes, were erased since the pin" in standing.told


class TestMove:
    def test_pin_moves_to_the_newest_revision_of_its_version(self, store, pin):
        revise(store)

        moved = move(store, pin, None)

        assert (moved.version, moved.revision, moved.rows) == (cycle(0), 1, 17)
        assert check(store, moved).state == "current"

    def test_pin_moves_to_another_version_only_by_name(self, store, pin):
        assert move(store, pin, None).version == cycle(0)
        assert move(store, pin, "latest").version == cycle(1)

    def test_pin_of_an_ended_version_does_not_move_by_itself(self, store, pin):
        end(store, withdrawn=True)

        with pytest.raises(SnapshotWithdrawn, match=f"Use {cycle(1)}"):
            move(store, pin, None)


class TestDigest:
    """Digits of a digest lead to no version that ended, and tell of one that was revised."""

    def test_of_a_revision_before_tells_the_one_that_is(self, store, pin):
        revise(store)

        with pytest.raises(SnapshotNotFound, match=rf"that is {cycle(0)}.0, found at revision 1 .*3 items erased"):
            resolve(store, "sample", pin.content_digest[:12])

    @pytest.mark.parametrize(("how", "error"), [("withdrawn", SnapshotWithdrawn), ("retired", SnapshotRetired)])
    def test_of_an_ended_version_tells_why(self, store, pin, how, error):
        end(store, **{how: True})

        with pytest.raises(error, match="a source was not licensed"):
            resolve(store, "sample", pin.content_digest)


class TestFile:
    def test_pin_is_read_as_it_was_written(self, tmp_path, pin):
        write_pin(tmp_path / "resift.lock", pin)

        assert read_pin(tmp_path / "resift.lock") == pin
        assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["resift.lock"]

    @pytest.mark.parametrize("body", [None, b"", b"{}", b"not json"])
    def test_what_is_no_pin_is_refused(self, tmp_path, body):
        if body is not None:
            (tmp_path / "resift.lock").write_bytes(body)

        with pytest.raises(ConfigError, match=r"lock .*resift\.lock: .*expected a"):
            read_pin(tmp_path / "resift.lock")


@pytest.fixture
def resift(monkeypatch, capsys, tmp_path):
    """Run a command in a directory of its own, without a lake in the environment; return exit code and both streams."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RESIFT_LAKE", raising=False)
    monkeypatch.delenv("RESIFT_DATASET", raising=False)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["resift", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


class TestCommands:
    def test_pin_names_the_lake_so_that_the_others_need_no_option(self, resift, store, tmp_path):
        assert resift("pin", cycle(0), "--lake", store.url)[0] == 0
        assert resift("check")[:1] == (0,)
        assert resift("pull", "--lock", "resift.lock", "copy")[0] == 0
        assert json.loads((tmp_path / "copy" / "copy.json").read_text())["target"]["version"] == str(cycle(0))

    @pytest.mark.parametrize(("what", "code", "pull"), [("revised", 4, 2), ("withdrawn", 5, 1), ("retired", 6, 1)])
    def test_each_fate_has_an_exit_code_of_its_own_and_stops_a_pull(self, resift, store, what, code, pull):
        resift("pin", cycle(0), "--lake", store.url)
        revise(store) if what == "revised" else end(store, **{what: True})

        found = resift("check", "--json")

        assert found[0] == code
        assert json.loads(found[1])["state"] == what
        assert resift("pull", "--lock", "resift.lock", "copy")[0] == pull

    def test_altered_version_is_a_no_and_a_lake_out_of_reach_is_not(self, resift, store, monkeypatch):
        resift("pin", cycle(0), "--lake", store.url)
        store.delete(keys.manifest("sample", cycle(0)))
        assert resift("check")[0] == 1

        for name, value in (("AWS_ENDPOINT_URL", "http://127.0.0.1:9"), ("AWS_ACCESS_KEY_ID", "a")):
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        assert resift("check", "--lake", "s3://not-there/lake")[0] == 3

    def test_pin_does_not_silently_replace_another(self, resift, store):
        resift("pin", cycle(0), "--lake", store.url)

        code, _, err = resift("pin", "latest", "--lake", store.url)

        assert code == 2
        assert f"pins sample {cycle(0)}.0 already" in err
        assert resift("update", "latest")[0] == 0
        assert resift("pin", "latest", "--lake", store.url)[0] == 0

    @pytest.mark.parametrize(
        "arguments", [["latest"], [], ["--lock", "resift.lock"], ["latest", "copy", "--lock", "resift.lock"]]
    )
    def test_pull_without_exactly_one_version_and_a_place_is_wrong_use(self, resift, store, arguments):
        code, _, err = resift("pull", *arguments, "--lake", store.url)

        assert code == 2
        assert "expected `resift pull VERSION DEST`" in err

    def test_pull_without_a_lake_is_wrong_use(self, resift):
        code, _, err = resift("pull", "latest", "copy")

        assert code == 2
        assert "lake: found none, expected a URL" in err


def test_lake_that_publishes_nothing_says_so_for_digits_too():
    with pytest.raises(LookupError, match="nothing is published under that name"):
        resolve(MemoryStore(), "sample", "0" * 12)
