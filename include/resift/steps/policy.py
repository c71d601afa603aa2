"""Check, explain, compare and apply policies outside of a refresh: what the commands ``resift policy …`` do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from resift.errors import ConfigError
from resift.policy.cases import decide, read_cases
from resift.policy.coordinates import Place
from resift.policy.judge import JUDGED, Judgement, judge
from resift.policy.load import FOLDER, load_policy
from resift.policy.policy import Policy

SAID = ("nothing", "outside", "unreadable", "ambiguous", "inside")
"""Words for what a field says, from least to most weight."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A policy that loaded, and so holds together."""

    policy: str
    version: str
    digest: str
    cases: int
    codes: int
    review_by: date


def check_policy(name: str, *, day: date) -> Checked:
    """Load a policy with all its checks.

    Raises:
        ConfigError: It breaks a rule, or was to be reviewed before that day.
    """
    policy = load_policy(name)
    policy.require_current(day)
    ref = policy.ref()
    cases = len(read_cases(_folder(name) / policy.cases))
    return Checked(ref.policy, ref.version, ref.digest, cases, len(policy.known), policy.review_by)


def _folder(name: str) -> Path:
    return Path(name).parent if name.endswith((".yaml", ".yml")) else FOLDER / "cases"


def explain_record(name: str, record: dict[str, str | None], *, days: tuple[date, ...]) -> dict[str, Any]:
    """Return what every field of one record says, the verdict, and every reason."""
    policy = load_policy(name)
    judged = _judge(record, policy, days)
    reasons = judged.all_reasons()[0]
    return {
        "policy": f"{policy.policy} {policy.version}",
        "as_of": [str(day) for day in days],
        "fields": {field: SAID[int(says[0])] for field, says in judged.says.items()},
        "place": Place(int(judged.places[0])).reason if judged.places is not None else None,
        "verdict": "exclude" if reasons else "include",
        "reasons": reasons.split(";") if reasons else [],
    }


def _judge(record: dict[str, str | None], policy: Policy, days: tuple[date, ...]) -> Judgement:
    names = (*JUDGED.names, *policy.conditions)
    if strange := sorted(set(record) - set(names)):
        raise ConfigError(
            f"record: {', '.join(strange)} is no evidence, expected some of {', '.join(names)}. Correct it."
        )
    return judge(pa.table({name: pa.array([record.get(name)], pa.string()) for name in names}), policy, days=days)


def judge_file(name: str, source: Path, target: Path, *, days: tuple[date, ...]) -> dict[str, int]:
    """Write the rows of a file in their order, with ``verdict`` and ``reasons``; return how many have which verdict.

    Columns are named as in an observation; those that are missing are no evidence, others are passed on.

    Raises:
        ConfigError: The file is neither CSV nor Parquet, is not there, or has no column of evidence.
    """
    policy = load_policy(name)
    rows = _read(source)
    known = [field for field in JUDGED.names if field in rows.column_names]
    if not known:
        raise ConfigError(
            f"{source}: columns {', '.join(rows.column_names)}, expected some of {', '.join(JUDGED.names)}. "
            "Rename its columns as in an observation."
        )
    if taken := sorted({"verdict", "reasons"} & set(rows.column_names)):
        raise ConfigError(f"{source}: has a column {taken[0]} already, expected none. Rename or drop it.")
    nothing = pa.chunked_array([pa.nulls(len(rows), pa.string())])
    evidence = {field: _text(rows[field]) if field in known else nothing for field in JUDGED.names}
    evidence |= {field: rows[field] for field in policy.conditions if field in rows.column_names}
    reasons = judge(pa.table(evidence), policy, days=days).all_reasons()
    verdicts = ["exclude" if reason else "include" for reason in reasons]
    judged = rows.append_column("verdict", pa.array(verdicts, pa.string()))
    _write(judged.append_column("reasons", pa.array(reasons.tolist(), pa.string())), target)
    return {"rows": len(rows), "include": verdicts.count("include"), "exclude": verdicts.count("exclude")}


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def _read(path: Path) -> pa.Table:
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such file. Give the path of a CSV or Parquet file.")
    if path.suffix == ".parquet":
        return pq.read_table(path)
    if path.suffix != ".csv":
        raise ConfigError(
            f"{path}: ends in {path.suffix or 'nothing'}, expected .csv or .parquet. Convert or rename it."
        )
    with path.open("rb") as body:
        header = pacsv.open_csv(body).schema.names
    # All is text and nothing is null: NA is Namibia, 008 is Albania, and decimals are evidence.
    kinds = dict.fromkeys(header, pa.string())
    options = pacsv.ConvertOptions(column_types=kinds, strings_can_be_null=False)
    return pacsv.read_csv(path, convert_options=options, parse_options=pacsv.ParseOptions(newlines_in_values=True))


def _write(rows: pa.Table, path: Path) -> None:
    if path.suffix == ".parquet":
        pq.write_table(rows, path)
    elif path.suffix == ".csv":
        pacsv.write_csv(rows, path)
    else:
        raise ConfigError(f"{path}: ends in {path.suffix or 'nothing'}, expected .csv or .parquet. Correct --out.")


def compare_policies(older: str, newer: str, *, day: date) -> dict[str, Any]:
    """Return which codes and which cases two policies decide differently on a day."""
    one, other = load_policy(older), load_policy(newer)
    before, after = one.excluded_on((day,)), other.excluded_on((day,))
    files = (_folder(older) / one.cases, _folder(newer) / other.cases)
    cases = {case.case: case for file in files for case in read_cases(file)}
    first, second = (
        {case.case: reasons for case, reasons in decide(policy, cases.values())} for policy in (one, other)
    )
    return {
        "older": f"{one.policy} {one.version}",
        "newer": f"{other.policy} {other.version}",
        "now_excluded": sorted(after - before),
        "now_included": sorted(before - after),
        "cases_now_excluded": sorted(name for name in cases if second[name] and not first[name]),
        "cases_now_included": sorted(name for name in cases if first[name] and not second[name]),
    }


def today() -> date:
    """Return the day it is in UTC."""
    return datetime.now(UTC).date()
