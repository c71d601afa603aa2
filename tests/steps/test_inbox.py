"""Drops that wait in the inbox: which are taken, what one bad drop costs the others, what happens twice."""

from pathlib import Path

import pytest

from resift.errors import ConfigError, DropRejected
from resift.model import keys
from resift.steps import inbox
from resift.steps.pools import read_drops
from resift.storage import Store
from resift.storage.memory import MemoryStore

SOURCE = """\
name: {name}
pool: photos
format: csv
files: "*.csv"
fields:
  image_id: id
  url: url
state: {{constant: public}}
observed_at: {{column: seen}}
max_bad_rows: {{share: 0.0, count: 0}}
"""
HEADER = "id,url,seen\n"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def delivered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty inbox, and two sources that know how to read it."""
    (tmp_path / "sources").mkdir()
    for name in ("museum", "archive"):
        (tmp_path / "sources" / f"{name}.yaml").write_text(SOURCE.format(name=name))
    (tmp_path / "inbox").mkdir()
    monkeypatch.setenv("RESIFT_SOURCES", str(tmp_path / "sources"))
    monkeypatch.setenv("RESIFT_INBOX", str(tmp_path / "inbox"))
    return tmp_path / "inbox"


def deliver(inbox_folder: Path, place: str, *ids: str, file: str = "a.csv", text: str = "") -> None:
    folder = inbox_folder / place
    folder.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"{image_id},https://host.example/{image_id},2025-04-01T00:00:00Z\n" for image_id in ids)
    (folder / file).write_text(text or HEADER + rows)


def run(store: Store, *, source: str | None = None, drop: str | None = None) -> dict:
    """What the DAG does: list, ingest every group, commit."""
    work = inbox.list_files(store, source=source, drop=drop)
    for group in range(work["groups"]):
        try:
            inbox.ingest_files(store, work_id=work["work_id"], group=group)
        except DropRejected:
            continue
    return inbox.commit_drops(store, work_id=work["work_id"])


def test_every_waiting_drop_of_every_source_is_ingested(store: Store, delivered: Path) -> None:
    deliver(delivered, "museum/monday", "m1", "m2")
    deliver(delivered, "museum/monday", "m3", file="b.csv")
    deliver(delivered, "archive/monday", "a1")

    said = run(store)

    assert said == {"drops": 2, "observations": 4, "quarantined": 0}
    assert sorted(drop.source for drop in read_drops(store, "photos")) == ["archive", "museum"]


def test_empty_inbox_is_no_error(store: Store, delivered: Path) -> None:
    assert run(store) == {"drops": 0, "observations": 0, "quarantined": 0}


def test_drop_that_was_ingested_is_not_read_again(store: Store, delivered: Path) -> None:
    deliver(delivered, "museum/monday", "m1")
    run(store)
    (delivered / "museum" / "monday" / "a.csv").write_bytes(b"\xff never read")

    assert inbox.list_files(store, source=None, drop=None)["drops"] == 0


def test_same_content_under_a_new_name_changes_nothing(store: Store, delivered: Path) -> None:
    deliver(delivered, "museum/monday", "m1")
    run(store)
    before = read_drops(store, "photos")
    deliver(delivered, "museum/tuesday", "m1")

    run(store)

    assert read_drops(store, "photos") == before


def test_one_bad_drop_does_not_hold_up_the_others(store: Store, delivered: Path) -> None:
    deliver(delivered, "museum/bad", text=HEADER + "m1,https://host.example/m1,yesterday\n")
    deliver(delivered, "museum/good", "m2")

    with pytest.raises(DropRejected, match=r"bad.*\n1 other drops of this run are in their pools"):
        run(store)

    (drop,) = read_drops(store, "photos")
    assert drop.observations == 1


def test_drop_that_was_rejected_waits_until_it_is_mended(store: Store, delivered: Path) -> None:
    deliver(delivered, "museum/bad", text=HEADER + "m1,https://host.example/m1,yesterday\n")
    with pytest.raises(DropRejected):
        run(store)
    deliver(delivered, "museum/bad", "m1")

    assert run(store)["drops"] == 1


def test_drop_with_one_file_missing_is_not_committed(store: Store, delivered: Path) -> None:
    deliver(delivered, "museum/monday", "m1", file="a.csv")
    deliver(delivered, "museum/monday", "m2", file="b.csv")
    work = inbox.list_files(store, source=None, drop=None)
    inbox.ingest_files(store, work_id=work["work_id"], group=0)

    with pytest.raises(DropRejected, match=r"b.csv was not ingested, expected every file of the drop"):
        inbox.commit_drops(store, work_id=work["work_id"])

    assert read_drops(store, "photos") == []


def test_committing_twice_says_the_same_and_leaves_no_receipts(store: Store, delivered: Path) -> None:
    deliver(delivered, "museum/monday", "m1")
    said = run(store)
    work = inbox.list_files(store, source="museum", drop=str(delivered / "museum" / "monday"))

    assert inbox.commit_drops(store, work_id=work["work_id"]) == said
    assert [stat.key for stat in store.list("ingest/") if "receipts" in stat.key] == []


def test_folder_still_being_delivered_is_left_alone(store: Store, delivered: Path) -> None:
    deliver(delivered, "museum/_monday", "m1")
    deliver(delivered, "museum/.tuesday", "m2")

    assert run(store)["drops"] == 0


def test_folder_of_an_unknown_source_is_a_problem_not_a_silence(store: Store, delivered: Path) -> None:
    deliver(delivered, "musuem/monday", "m1")

    with pytest.raises(DropRejected, match=r"source musuem: no file .*musuem.yaml, expected one of: archive, museum"):
        run(store)


def test_drop_named_without_its_source_is_refused(store: Store, delivered: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"drop /somewhere: no source named, expected the one that says how to read it"
    ):
        inbox.list_files(store, source=None, drop="/somewhere")


def test_inbox_that_is_not_named_is_refused(store: Store, delivered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RESIFT_INBOX")

    with pytest.raises(ConfigError, match="RESIFT_INBOX: not set, expected the folder drops are delivered to"):
        inbox.list_files(store, source=None, drop=None)


def test_tasks_take_at_most_256_groups_of_files(store: Store, delivered: Path) -> None:
    for number in range(300):
        deliver(delivered, "museum/monday", f"m{number}", file=f"{number}.csv")

    work = inbox.list_files(store, source=None, drop=None)

    assert work["groups"] == 150
    assert keys.worklist(work["work_id"]) in [stat.key for stat in store.list("ingest/")]
