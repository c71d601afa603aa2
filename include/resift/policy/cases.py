"""The cases a policy must decide as its case file says, or it does not load."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa

from resift.errors import ConfigError
from resift.policy.judge import JUDGED, judge_each
from resift.policy.policy import CARRIED_FIELDS, Policy

_FIELDS = ("owner_country", "upload_country", "lat", "lon", "subdivision", "url", "has_face")
_COLUMNS = {"case", *_FIELDS, "as_of", "expected", "reason", "note"}
_NAMES = (*JUDGED.names, "has_face")


@dataclass(frozen=True, slots=True)
class Case:
    """One row of a case file: evidence, a day, and what must come out."""

    case: str
    line: int
    evidence: dict[str, str | None]
    as_of: date
    expected: str
    reason: str
    """All reasons, joined by ``;``; not compared where it is empty and the item is excluded."""


def check_cases(policy: Policy, base: Policy | None, *, folder: Path, what: str) -> None:
    """Hold a policy to its cases, and to those of the policies it extends and supersedes.

    Raises:
        ConfigError: A case comes out otherwise, or one that was excluded is included and `relaxes` does not name it.
    """
    file = folder / policy.cases
    wrong = list(_wrong(policy, read_cases(file)))
    if wrong:
        raise ConfigError(
            f"{what}: {len(wrong)} of its cases fail, first {file} {wrong[0]}. Correct the policy or the case."
        )
    for name in earlier_cases(policy, base):
        relaxed = [case for case in relaxed_cases(policy, read_cases(folder / name)) if not _is_named(case, policy)]
        if relaxed:
            raise ConfigError(
                f"{what}: includes {', '.join(case.case for case in relaxed[:5])} of {name}, {len(relaxed)} cases an "
                "earlier policy excludes; expected none that `relaxes` does not name. Name each under `relaxes:` with "
                "a reason and have a second person agree, or correct the policy."
            )


def earlier_cases(policy: Policy, base: Policy | None) -> list[str]:
    """Return the case files of the policies a policy comes from."""
    found = [policy.supersedes.cases] if policy.supersedes else []
    return found + ([base.cases] if base is not None and base.cases != policy.cases else [])


def relaxed_cases(policy: Policy, cases: Iterable[Case]) -> list[Case]:
    """Return the cases that expect "exclude" and that this policy includes."""
    return [case for case, reasons in decide(policy, cases) if case.expected == "exclude" and not reasons]


def decide(policy: Policy, cases: Iterable[Case]) -> list[tuple[Case, str]]:
    """Return each case with all reasons the policy has to exclude it on its day."""
    group = list(cases)
    weak = [field for field in policy.carried if any(case.evidence.get(field) for case in group)]
    named = {name: name for name in _NAMES} | {policy.carried[field]: field for field in weak}
    table = pa.table(
        {name: pa.array([case.evidence.get(field) for case in group], pa.string()) for name, field in named.items()}
    )
    reasons = judge_each(table, policy, days=[case.as_of for case in group]).all_reasons()
    return list(zip(group, reasons.tolist(), strict=True))


def read_cases(file: Path) -> list[Case]:
    """Read a case file: CSV, where an empty value is none and ``NA`` is Namibia.

    Raises:
        ConfigError: There is none, or a row is not a case.
    """
    if not file.is_file():
        raise ConfigError(f"cases {file}: not found, expected the policy's case file. Correct `cases` or write it.")
    with file.open(encoding="utf-8", newline="") as rows:
        reader = csv.DictReader(rows)
        if set(reader.fieldnames or ()) - set(CARRIED_FIELDS) != _COLUMNS:
            raise ConfigError(
                f"cases {file} line 1: columns {', '.join(reader.fieldnames or ())}, expected "
                f"{', '.join(sorted(_COLUMNS))}. Correct the header."
            )
        return [_case(row, reader.line_num, file) for row in reader]


def _case(row: dict[str, str], line: int, file: Path) -> Case:
    try:
        day = date.fromisoformat(row["as_of"])
    except ValueError as error:
        raise ConfigError(
            f"cases {file} line {line}: as_of is {row['as_of']!r}, expected a date. Correct it."
        ) from error
    if row["expected"] not in ("include", "exclude"):
        raise ConfigError(
            f"cases {file} line {line}: expected is {row['expected']!r}, expected include or exclude. Correct it."
        )
    evidence = {name: row[name] or None for name in (*_FIELDS, *CARRIED_FIELDS) if name in row}
    return Case(row["case"], line, evidence, day, row["expected"], row["reason"])


def _wrong(policy: Policy, cases: list[Case]) -> Iterable[str]:
    for case, reasons in decide(policy, cases):
        verdict = "exclude" if reasons else "include"
        if verdict != case.expected:
            came = f"comes out as {verdict} ({reasons or 'no reason'})"
            yield f"line {case.line}: {case.case} {came}, expected {case.expected}"
        elif case.reason and case.reason != reasons:
            yield f"line {case.line}: {case.case} is excluded for {reasons}, expected {case.reason}"


def _is_named(case: Case, policy: Policy) -> bool:
    names = [relaxation.case for relaxation in policy.relaxes]
    return any(case.case == name or (name.endswith("*") and case.case.startswith(name[:-1])) for name in names)
