"""Nothing is published on a verdict that is missing, failing, foreign or altered: by Python, task or command."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import NOW, cycle, hand_in, make_dataset, make_pool, observation, stage
from spoiling import Staged, replaced

from resift.cli.main import main
from resift.client.snapshots import list_versions, read_manifest
from resift.client.verify import verify
from resift.errors import RefreshHeld, RefreshRefused, ResiftError, StagingError, VerdictError
from resift.model import keys
from resift.model.keys import Staging
from resift.model.verdict import Finding, Verdict
from resift.steps import tasks
from resift.steps.publish import publish
from resift.steps.refresh import refresh
from resift.storage import LocalStore

DATASET = make_dataset(size=300, part_rows=100, nominal_width=0.5)
FAILED = Finding(rule="ids are unique", status="fail", found="distinct_ids 19, rows 20", expected="distinct_ids = rows")
JUMPED = Finding(rule="members gone stale", status="hold", found="40%", expected="at most 30%")
PASSED = Finding(rule="ids are not null", status="pass", found="holds", expected="null_ids = 0")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A lake with one staged snapshot that nobody has judged, and the id of its plan."""
    folder = tmp_path_factory.mktemp("doors") / "lake"
    store = LocalStore(folder)
    make_pool(store, [observation(f"image-{number}", cycle(0)) for number in range(600)])
    return folder, stage(store, DATASET, cycle(0), max_tasks=1).plan_id


@pytest.fixture
def staged(template: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Staged:
    """The same, to be spoilt; tasks and commands find it in their environment."""
    folder, plan_id = template
    shutil.copytree(folder, tmp_path / "lake")
    monkeypatch.setenv("RESIFT_LAKE", (tmp_path / "lake").as_uri())
    return Staged(LocalStore(tmp_path / "lake"), Staging("sample", cycle(0), plan_id))


def sealed(**fields: Any) -> Callable[[Staged], Verdict]:
    """A verdict that is sealed, and lies where the judge would leave it."""
    return lambda staged: hand_in(staged.store, staged.cut, **fields)


def missing(staged: Staged) -> Verdict:
    verdict = hand_in(staged.store, staged.cut)
    staged.store.delete(staged.staging.verdict)
    return verdict


def edited(**fields: Any) -> Callable[[Staged], Verdict]:
    """A verdict that stops, edited where it lies and as it is handed in; its seal is left as it was."""

    def edit(staged: Staged) -> Verdict:
        stopped = hand_in(staged.store, staged.cut, status="stop", findings=(PASSED, FAILED))
        verdict = stopped.model_copy(update=fields)
        staged.store.put(staged.staging.verdict, verdict.to_json())
        return verdict

    return edit


def of_ones_own(staged: Staged) -> Verdict:
    verdict = hand_in(staged.store, staged.cut)
    hand_in(staged.store, staged.cut, status="stop", findings=(PASSED, FAILED))
    return verdict


def torn(staged: Staged) -> Verdict:
    verdict = hand_in(staged.store, staged.cut)
    staged.store.put(staged.staging.verdict, staged.store.get(staged.staging.verdict)[:-9])
    return verdict


def then(spoil: Callable[[Staged], None]) -> Callable[[Staged], Verdict]:
    """A passing verdict, and something else altered after judging."""

    def act(staged: Staged) -> Verdict:
        verdict = hand_in(staged.store, staged.cut)
        spoil(staged)
        return verdict

    return act


def recount(staged: Staged) -> None:
    staged.put_cut(observations=staged.cut.observations + 1)


def redirect(staged: Staged) -> None:
    other = staged.cut.staged_parts[1].model_copy(update={"key": staged.cut.staged_parts[0].key})
    staged.put_cut(staged_parts=replaced(staged.cut.staged_parts, 1, other))


def retitle(staged: Staged) -> None:
    staged.put_cut(parts=replaced(staged.cut.parts, 1, staged.cut.parts[1].model_copy(update={"rows": 1})))


def relabel(staged: Staged) -> None:
    staged.put_cut(digest=False, parts=staged.cut.parts[:-1])


def replan(staged: Staged) -> None:
    dataset = staged.plan.dataset.model_copy(update={"retention": staged.plan.dataset.retention * 2})
    staged.store.put(staged.staging.plan, staged.plan.model_copy(update={"dataset": dataset}).to_json())


def spoil_part(staged: Staged) -> None:
    staged.put_part(1, staged.store.get(staged.cut.staged_parts[0].key), told=False)


def remeasure(staged: Staged) -> None:
    staged.measure_again(1, by_host={})


WAYS: dict[str, tuple[Callable[[Staged], Verdict], type[ResiftError], str]] = {
    "missing": (missing, VerdictError, r"verdict.json: not found, expected the verdict of the judge"),
    "torn": (torn, StagingError, r"verdict.json: .*expected a Verdict as this version"),
    "stops": (
        sealed(status="stop", findings=(PASSED, FAILED)),
        RefreshRefused,
        "ids are unique: found distinct",
    ),
    "holds": (sealed(status="hold", findings=(PASSED, JUMPED)), RefreshHeld, "members gone stale: found 40%"),
    "of another dataset": (sealed(dataset="other"), VerdictError, "speaks of other .*, expected sample"),
    "of another version": (sealed(version=cycle(1)), VerdictError, rf"speaks of sample {cycle(1)} .*expected sample"),
    "of another plan": (
        sealed(plan_id="0" * 16),
        VerdictError,
        r"of plan 0000000000000000 .*expected sample .* of plan",
    ),
    "of other content": (sealed(content_digest="0" * 64), VerdictError, r"with content 000000000000…, expected"),
    "of another cut": (sealed(cut_digest="0" * 64), VerdictError, r"a cut with digest 000000000000…, expected"),
    "of other measurements": (
        sealed(measured_digest="0" * 64),
        VerdictError,
        r"measurements with digest 000000000000…, those in .*/metrics/ have",
    ),
    "a measurement altered and sealed again since": (
        then(remeasure),
        VerdictError,
        "They were altered or removed after judging; run audit and judge",
    ),
    "a measurement of one part gone since": (
        then(lambda staged: staged.change_measurement(1, lambda line: b"")),
        VerdictError,
        "They were altered or removed after judging; run audit and judge",
    ),
    "measurements gone since": (
        then(lambda staged: staged.store.delete(staged.staging.metrics(staged.group_of(1)))),
        VerdictError,
        "They were altered or removed after judging; run audit and judge",
    ),
    "status edited": (edited(status="proceed"), VerdictError, "It was altered after judging"),
    "findings edited": (edited(status="proceed", findings=(PASSED,)), VerdictError, "It was altered after judging"),
    "content edited": (edited(content_digest="0" * 64), VerdictError, "It was altered after judging"),
    "status edited and sealed again": (
        sealed(findings=(PASSED, FAILED)),
        VerdictError,
        "says proceed after 1 checks, its 2 findings give stop",
    ),
    "hold edited and sealed again": (sealed(findings=(PASSED, JUMPED)), VerdictError, "findings give hold"),
    "nothing was looked at": (sealed(evaluated=0), VerdictError, "says proceed after 0 checks"),
    "nothing was found": (sealed(findings=()), VerdictError, "its 0 findings give stop"),
    "of one's own making": (of_ones_own, VerdictError, "Publish with the verdict the judge staged"),
    "counts of the cut altered since": (then(recount), VerdictError, "The cut was altered after judging"),
    "place of a part altered since": (then(redirect), VerdictError, "The cut was altered after judging"),
    "rows of a part altered since": (then(retitle), VerdictError, "Judge the staged snapshot you publish"),
    "digest of the cut altered since": (then(relabel), StagingError, "The receipt was altered"),
    "plan altered since": (then(replan), StagingError, "It was altered after planning"),
    "a part altered since": (then(spoil_part), StagingError, r"part-00001-.*: bytes are those that were judged: found"),
    "a part gone since": (
        then(lambda staged: staged.store.delete(staged.cut.staged_parts[1].key)),
        StagingError,
        r"part-00001-.*: found nothing at .*, expected the file that was judged",
    ),
}


def require_nothing_visible(staged: Staged) -> None:
    assert list_versions(staged.store, "sample") == []
    assert staged.store.stat(keys.manifest("sample", cycle(0))) is None
    assert staged.store.stat(keys.latest("sample")) is None


def names_of(staged: Staged) -> dict[str, Any]:
    return {"dataset": "sample", "version": cycle(0), "plan_id": staged.staging.plan_id}


def by_task(staged: Staged, verdict: Verdict) -> dict[str, Any]:
    judgement = {name: getattr(verdict, name) for name in ("status", "seal", "content_digest")}
    return tasks.publish({**names_of(staged), "version": str(cycle(0))}, judgement=judgement)


@pytest.mark.parametrize("way", WAYS)
def test_python_publishes_nothing(staged: Staged, way: str) -> None:
    make, error, words = WAYS[way]
    verdict = make(staged)

    with pytest.raises(error, match=words):
        publish(staged.store, **names_of(staged), verdict=verdict)
    require_nothing_visible(staged)


@pytest.mark.parametrize("way", WAYS)
def test_task_publishes_nothing(staged: Staged, way: str) -> None:
    verdict = WAYS[way][0](staged)

    with pytest.raises(ResiftError):
        by_task(staged, verdict)
    require_nothing_visible(staged)


def test_task_publishes_nothing_on_a_verdict_the_judge_did_not_hand_on(staged: Staged) -> None:
    verdict = hand_in(staged.store, staged.cut)

    with pytest.raises(StagingError, match="its seal is"):
        by_task(staged, verdict.model_copy(update={"seal": "0" * 64}))
    require_nothing_visible(staged)


def test_both_publish_on_the_verdict_that_lies_there(staged: Staged) -> None:
    verdict = hand_in(staged.store, staged.cut)

    assert by_task(staged, verdict)["rows"] == 300
    assert list_versions(staged.store, "sample") == [cycle(0)]


def test_what_a_refused_publisher_copied_is_gone_once_the_version_exists(staged: Staged) -> None:
    body = staged.store.get(staged.cut.staged_parts[1].key)
    verdict = then(spoil_part)(staged)
    with pytest.raises(StagingError):
        publish(staged.store, **names_of(staged), verdict=verdict)
    require_nothing_visible(staged)

    staged.put_part(1, body, told=False)
    publish(staged.store, **names_of(staged), verdict=verdict)

    manifest = read_manifest(staged.store, "sample", cycle(0))
    assert verify(staged.store, manifest).problems == ()
    listed = {one.key.split("/")[-1] for one in staged.store.list(keys.snapshot("sample", cycle(0)) + "data/")}
    assert listed == {part.path.split("/")[-1] for part in manifest.parts}


@pytest.mark.slow
def test_command_judges_anew_whatever_verdict_lies_there(
    staged: Staged, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The staged rows break a rule, and a passing verdict for them was forged."""
    staged.change(1, lambda rows: rows[3]["evidence"].update(state="private"))
    path = staged.cut.parts[1].path
    hand_in(staged.store, staged.cut)
    file = tmp_path / "sample.yaml"
    file.write_text(json.dumps(DATASET.model_dump(mode="json", exclude_defaults=True)))
    argv = ["resift", "refresh", str(file), "--as-of", str(cycle(0)), "--known-at", NOW.isoformat()]
    monkeypatch.setattr("sys.argv", argv)
    # The cut is made from the receipts again, so what is spoilt must be in them too.
    spoil_receipt(staged)

    with pytest.raises(SystemExit) as caught:
        main()

    told = capsys.readouterr().err
    assert caught.value.code == 1
    assert f"{path}: every item is public: found not_public 1, expected not_public = 0." in told
    require_nothing_visible(staged)
    with pytest.raises(RefreshRefused, match="every item is public"):
        refresh(staged.store, dataset=DATASET, as_of=cycle(0), known_at=NOW)
    require_nothing_visible(staged)


def spoil_receipt(staged: Staged) -> None:
    """Restate in the receipt of the spoilt range what the cut says of its files."""
    from resift.model.refresh import RangeReceipt

    key = staged.staging.receipt(staged.cut.ranges[1])
    receipt = RangeReceipt.from_json(staged.store.get(key), what=key)
    told = {"part": staged.cut.staged_parts[1], "evidence": staged.cut.staged_evidence[1]}
    staged.store.put(key, receipt.model_copy(update=told).to_json())
