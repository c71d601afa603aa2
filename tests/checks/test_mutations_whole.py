"""Ways to spoil a whole staged snapshot: its parts, its counts, its files, its measurements. Each is caught by name."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq
import pytest
from builders import cycle, hand_in
from checks.spoilt_refresh import audit_parts, names_of, told, verdict_on
from spoiling import Staged, parquet, replaced

from resift.client.members import read_part
from resift.client.snapshots import read_manifest
from resift.errors import StagingError, VerdictError
from resift.model.refresh import CutReceipt, PartMetrics, RangeReceipt
from resift.model.verdict import Verdict
from resift.steps.audit import audit
from resift.steps.cut import cut
from resift.steps.judge import judge
from resift.steps.measured import parts_by_group
from resift.steps.publish import publish

HELD = ("parts", "ranges", "staged_parts", "staged_evidence")
"""What the cut says part by part."""


def without(found: CutReceipt, place: int) -> dict[str, Any]:
    return {name: (*getattr(found, name)[:place], *getattr(found, name)[place + 1 :]) for name in HELD}


def swapped(items: tuple[Any, ...], place: int) -> tuple[Any, ...]:
    return (*items[:place], items[place + 1], items[place], *items[place + 2 :])


def caught(verdict: Verdict, rule: str, value: str, limit: str, part: str = "") -> None:
    """The message on a rule names the part, where it is about one, the rule, the value and the limit (patterns)."""
    about = f"{re.escape(part)}: " if part else ""
    message = told(verdict, rule, part).message()
    assert re.fullmatch(f"{about}{re.escape(rule)}: found {value}, expected {limit}\\.", message), message


def test_part_missing_from_the_cut_is_caught(sound: Staged) -> None:
    staged = sound.copy()
    rows = staged.cut.rows - staged.cut.parts[7].rows
    staged.put_cut(**without(staged.cut, 7), rows=rows)

    verdict = verdict_on(staged)

    caught(verdict, "the sample has its size", f"rows {rows}, rows_due 5000", "rows = rows_due")
    caught(
        verdict, "no stretch of PRNs lacks its rows", r"widest_hole_rows [\d.]+", r"widest_hole_rows at most 22\.\d+"
    )


def test_part_added_to_the_cut_is_caught(sound: Staged) -> None:
    staged = sound.copy()
    found = staged.cut
    doubled = {name: (*getattr(found, name), getattr(found, name)[3]) for name in HELD[1:]}
    path = "data/part-00099-r0.parquet"
    staged.put_cut(**doubled, parts=(*found.parts, found.parts[3].model_copy(update={"path": path})))

    verdict = verdict_on(staged, parts=[len(found.parts)])

    entries = found.rows + found.parts[3].rows
    value = f"rows_of_entries {entries}, rows_of_cut {found.rows}"
    caught(verdict, "the cut's parts add up", value, "rows_of_entries = rows_of_cut")
    caught(verdict, "parts are disjoint and ascend", r"gap_before -[\d.e+]+", "gap_before at least 1", path)


def test_two_parts_swapped_in_the_cut_are_caught(sound: Staged) -> None:
    staged = sound.copy()
    staged.put_cut(**{name: swapped(getattr(staged.cut, name), 11) for name in HELD})

    verdict = verdict_on(staged, parts=[11, 12])

    path = sound.cut.parts[11].path
    caught(verdict, "parts are disjoint and ascend", r"gap_before -[\d.e+]+", "gap_before at least 1", path)


def test_parts_of_other_places_and_cycles_are_caught(sound: Staged) -> None:
    staged = sound.copy()
    for place, other in ((4, 5), (5, 4)):
        staged.put_evidence(place, sound.evidence(other))
        staged.put_part(place, sound.part(other))
    manifest = read_manifest(staged.store, "sample", cycle(0))
    staged.put_part(9, read_part(staged.store, manifest, manifest.parts[20].path))

    verdict = verdict_on(staged, parts=(4, 5, 9))

    for place in (4, 5, 9):
        path, rows = staged.cut.parts[place].path, staged.cut.parts[place].rows
        value, limit = f"offsets_outside_range {rows}", "offsets_outside_range = 0"
        caught(verdict, "rows lie in their range", value, limit, path)
    path, rows = staged.cut.parts[9].path, max(staged.cut.parts[9].rows, sound.cut.parts[9].rows)
    caught(verdict, "evidence belongs to its row", f"evidence_mismatches {rows}", "evidence_mismatches = 0", path)


def test_bias_in_all_parts_is_caught_though_every_part_looks_alike(sound: Staged) -> None:
    staged = sound.copy()
    for place in range(len(staged.cut.parts)):
        staged.change(place, lambda rows: rows.__setitem__(slice(None), [row for row in rows if row["width"] < 500]))

    verdict = verdict_on(staged)

    rows = staged.cut.rows
    caught(verdict, "the sample has its size", f"rows {rows}, rows_due 5000", "rows = rows_due")
    value, limit = r"observations \d+, observations_accounted \d+", "observations = observations_accounted"
    caught(verdict, "every observation is accounted for", value, limit)


def test_wrong_counts_in_the_cut_are_caught(sound: Staged) -> None:
    staged, found = sound.copy(), sound.cut
    parts = replaced(found.parts, 2, found.parts[2].model_copy(update={"rows": 7}))
    parts = replaced(parts, 3, parts[3].model_copy(update={"size_bytes": 8}))
    parts = replaced(parts, 4, parts[4].model_copy(update={"first_prn": 9}))
    parts = replaced(parts, 5, parts[5].model_copy(update={"sha256": "f" * 64}))
    removed = {**found.removed, "lost": 3}
    staged.put_cut(parts=parts, removed=removed, width=found.width - 1, previous_members=17, superseded=-1)

    verdict = judge(staged.store, **names_of(staged))

    for place, rule, value, limit in (
        (2, "rows agree with the cut", "cut_rows 7", "rows = cut_rows"),
        (3, "sizes agree with the cut", "cut_size_bytes 8", "size_bytes = cut_size_bytes"),
        (4, "first PRN agrees with the cut", "cut_first_prn 9", "first_prn = cut_first_prn"),
        (5, "bytes are those of the cut", f"cut_sha256 {'f' * 64}", "sha256 = cut_sha256"),
    ):
        caught(verdict, rule, rf"\w+ \w+, {value}", limit, parts[place].path)
    accounted = f"observations {found.observations}, observations_accounted -?\\d+"
    for rule, value, limit in (
        ("the width ends at the last row", f"width {found.width - 1}, width_due {found.width}", "width = width_due"),
        ("each removed item has a known reason", "unknown_reasons 1", "unknown_reasons = 0"),
        ("no count is negative", "negative_counts 1", "negative_counts = 0"),
        ("every observation is accounted for", accounted, "observations = observations_accounted"),
        (
            "members of the previous snapshot are accounted for",
            r"stayed_of_previous -?\d+(\.0)?, stayed_of_rows -?\d+(\.0)?",
            "stayed_of_previous = stayed_of_rows",
        ),
    ):
        caught(verdict, rule, value, limit)


def test_wrong_count_in_a_receipt_is_caught(sound: Staged) -> None:
    staged = sound.copy()
    key = staged.staging.receipt(3)
    receipt = RangeReceipt.from_json(staged.store.get(key), what=key)
    staged.store.put(key, receipt.model_copy(update={"observations": receipt.observations + 7}).to_json())
    observations = cut(staged.store, **names_of(staged)).observations

    verdict = judge(staged.store, **names_of(staged))

    value = f"observations {observations}, observations_accounted {observations - 7}"
    caught(verdict, "every observation is accounted for", value, "observations = observations_accounted")


def part_key(staged: Staged) -> str:
    return staged.cut.staged_parts[6].key


def evidence_key(staged: Staged) -> str:
    return staged.cut.staged_evidence[6].key


def flip(body: bytes) -> bytes:
    return body[:500] + bytes([body[500] ^ 1]) + body[501:]


FILES: dict[str, tuple[Callable[[Staged], None], str, str]] = {
    "a byte of a part flipped": (
        lambda s: s.put_part(6, flip(s.store.get(part_key(s))), told=False),
        "bytes are those of the cut: found sha256 ",
        "expected {part}",
    ),
    "a part truncated": (
        lambda s: s.put_part(6, s.store.get(part_key(s))[:-100], told=False),
        "bytes are those of the cut: found sha256 ",
        "expected {part}",
    ),
    "another part in its place": (
        lambda s: s.store.copy(s.cut.staged_parts[7].key, part_key(s)),
        "bytes are those of the cut: found sha256 ",
        "expected {part}",
    ),
    "a part missing": (
        lambda s: s.store.delete(part_key(s)),
        "bytes are those of the cut: found nothing at memory:",
        "with sha256 {part}",
    ),
    "evidence missing": (
        lambda s: s.store.delete(evidence_key(s)),
        "evidence is what the sift staged: found nothing at memory:",
        "with sha256 {evidence}",
    ),
    "a byte of evidence flipped": (
        lambda s: s.put_evidence(6, flip(s.store.get(evidence_key(s))), told=False),
        "evidence is what the sift staged: found sha256 ",
        "expected {evidence}",
    ),
    "evidence of another part": (
        lambda s: s.store.copy(s.cut.staged_evidence[7].key, evidence_key(s)),
        "evidence is what the sift staged: found sha256 ",
        "expected {evidence}",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_spoilt_file_is_refused_with_the_digest_it_should_have(sound: Staged, name: str) -> None:
    staged = sound.copy()
    spoil, rule, expected = FILES[name]
    spoil(staged)
    digests = {"part": sound.cut.parts[6].sha256, "evidence": sound.cut.staged_evidence[6].sha256}

    with pytest.raises(StagingError) as caught:
        audit_parts(staged, [6])

    message = str(caught.value)
    assert message.startswith(f"{sound.cut.parts[6].path}: {rule}")
    assert expected.format(**digests) in message


def test_file_that_was_never_whole_is_refused_by_name(sound: Staged) -> None:
    staged = sound.copy()
    staged.put_evidence(6, staged.store.get(evidence_key(staged))[:-100])

    with pytest.raises(StagingError, match=r"part-00006-.*: file is readable: found .*, expected Parquet as sift"):
        audit_parts(staged, [6])


def test_measurement_edited_after_the_audit_is_refused(sound: Staged) -> None:
    staged = sound.copy()
    staged.change_measurement(6, lambda line: json.dumps(json.loads(line) | {"by_host": {}}).encode() + b"\n")

    with pytest.raises(
        StagingError, match=r"part-00006-.*: measurements are those of the audit: found seal .*, expected"
    ):
        judge(staged.store, **names_of(staged))


def test_measurement_edited_and_sealed_again_publishes_nothing(sound: Staged) -> None:
    staged = sound.copy()
    verdict = hand_in(staged.store, staged.cut)
    staged.measure_again(6, excluded=1)

    with pytest.raises(VerdictError, match=r"speaks of measurements with digest .*, those in .*/metrics/ have"):
        publish(staged.store, **names_of(staged), verdict=verdict)


def test_sampled_rows_edited_after_the_audit_are_refused(sound: Staged) -> None:
    staged = sound.copy()
    key = staged.staging.sample(staged.group_of(6))
    rows = pq.read_table(io.BytesIO(staged.store.get(key)))
    staged.store.put(key, parquet(rows.slice(1)))

    with pytest.raises(
        StagingError, match=r"part-0000\d-.*: sampled rows are those the audit picked: found sha256 .*, expected"
    ):
        judge(staged.store, **names_of(staged))


def test_exits_edited_after_the_sift_are_refused(sound: Staged) -> None:
    staged = sound.copy()
    key = staged.staging.tally(staged.cut.ranges[6])
    staged.store.put(key, parquet(pq.read_table(io.BytesIO(staged.store.get(key))).slice(1)))

    with pytest.raises(StagingError, match=r"exits are those the sift counted: found \d+ tallies with digest"):
        judge(staged.store, **names_of(staged))


def test_exits_of_a_range_that_are_missing_are_refused(sound: Staged) -> None:
    staged = sound.copy()
    staged.store.delete(staged.staging.tally(staged.cut.ranges[6]))

    with pytest.raises(StagingError, match=r"exits are those the sift counted: found \d+ tallies with digest"):
        judge(staged.store, **names_of(staged))


def test_measurements_of_a_group_that_are_missing_are_refused(sound: Staged) -> None:
    staged = sound.copy()
    group = staged.group_of(6)
    paths = [staged.cut.parts[place].path for place in parts_by_group(staged.plan, staged.cut)[group]]
    staged.store.delete(staged.staging.metrics(group))

    told = (
        rf"metrics/group-{group:06d}\.jsonl: found nothing, expected what audit stages of {paths[0]} to {paths[-1]}\."
    )
    with pytest.raises(StagingError, match=told):
        judge(staged.store, **names_of(staged))


LINES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "missing": (lambda line: b"", "{path}: parts measured are those of the cut: found {next} in .*, expected {path}"),
    "twice": (
        lambda line: line * 2,
        "{next}: parts measured are those of the cut: found {path} in .*, expected {next}",
    ),
    "torn": (lambda line: line[:-9] + b"\n", r"group-\d+\.jsonl, at {path}: .*expected a PartMetrics"),
    "of another part": (
        lambda line: other(line, path="data/part-00099.parquet"),
        r"{path}: parts measured are those of the cut: found data/part-00099.parquet in .*, expected {path}\. .* audit",
    ),
}
"""What may be wrong with one line of a group's measurements, and what the judge then says."""


def other(line: bytes, **fields: Any) -> bytes:
    return PartMetrics.from_json(line, what="line").model_copy(update=fields).sealed().to_json() + b"\n"


@pytest.mark.parametrize("name", LINES)
def test_measurements_that_are_not_of_exactly_the_parts_of_the_group_are_refused(sound: Staged, name: str) -> None:
    staged = sound.copy()
    groups = parts_by_group(staged.plan, staged.cut)
    first = next(places[0] for places in groups.values() if len(places) > 2)
    change, words = LINES[name]
    staged.change_measurement(first, change)

    paths = {"path": staged.cut.parts[first].path, "next": staged.cut.parts[first + 1].path}
    with pytest.raises(StagingError, match=words.format(**paths)):
        judge(staged.store, **names_of(staged))


def test_measurements_cut_off_after_a_line_are_refused_by_the_first_part_that_is_missing(sound: Staged) -> None:
    staged = sound.copy()
    last = max(places[-1] for places in parts_by_group(staged.plan, staged.cut).values() if len(places) > 1)
    staged.change_measurement(last, lambda line: b"")

    path = staged.cut.parts[last].path
    with pytest.raises(StagingError, match=rf"{path}: .*found no measurement in .*, expected {path}\."):
        judge(staged.store, **names_of(staged))


def test_measurements_grouped_by_another_plan_are_refused(sound: Staged) -> None:
    """The plan's name does not tell how its ranges are grouped."""
    staged = sound.copy()
    indexes = [index for group in staged.plan.groups for index in group]
    regrouped = staged.plan.model_copy(update={"groups": (tuple(indexes[:2]), tuple(indexes[2:]))})
    staged.store.put(staged.staging.plan, regrouped.to_json())

    with pytest.raises(StagingError, match="parts measured are those of the cut"):
        judge(staged.store, **names_of(staged))


def test_what_an_older_resift_measured_part_by_part_is_not_taken(sound: Staged) -> None:
    staged = sound.copy()
    group = staged.group_of(0)
    body = staged.store.get(staged.staging.metrics(group)).splitlines()[0]
    staged.store.put(f"{staged.staging.prefix}metrics/{group:06d}.json", body)
    staged.store.delete(staged.staging.metrics(group))

    with pytest.raises(StagingError, match=r"found nothing, expected what audit stages of .* Run audit"):
        judge(staged.store, **names_of(staged))


def test_group_that_is_audited_again_gives_the_same_bytes(sound: Staged) -> None:
    staged = sound.copy()
    group = staged.group_of(6)
    keys = (staged.staging.metrics(group), staged.staging.sample(group))
    before = [staged.store.get(key) for key in keys]
    for key in keys:
        staged.store.put(key, b"of an earlier try")

    audit_parts(staged, [6])

    assert [staged.store.get(key) for key in keys] == before


def test_plan_edited_after_planning_is_refused(sound: Staged) -> None:
    staged = sound.copy()
    lax = staged.plan.dataset.model_copy(update={"max_age": staged.plan.dataset.max_age * 2})
    staged.store.put(staged.staging.plan, staged.plan.model_copy(update={"dataset": lax}).to_json())

    with pytest.raises(StagingError, match=rf"plan.json: what it says gives plan .*, expected {sound.staging.plan_id}"):
        audit(staged.store, **names_of(staged), group=0)


def test_cut_of_another_plan_is_refused(sound: Staged) -> None:
    staged = sound.copy()
    staged.put_cut(plan_id="0123456789abcdef")

    with pytest.raises(StagingError, match=rf"plan 0123456789abcdef, expected sample .* plan {sound.staging.plan_id}"):
        judge(staged.store, **names_of(staged))
