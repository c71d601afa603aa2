"""Judge evidence: evidence in, verdict with reasons out. Fail closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
import pyarrow as pa

from resift.model.observation import EVIDENCE
from resift.policy import coordinates
from resift.policy.fields import Column, country_column, refine
from resift.policy.mask import load_mask
from resift.policy.policy import COUNTRY_FIELDS, FIELDS, Condition, Policy
from resift.policy.read import read_country, read_subdivision, reader_of
from resift.policy.urls import excluded_domains, find_evidence

__all__ = ["JUDGED", "Judgement", "judge", "judge_evidence", "read_country", "read_subdivision"]

JUDGED = pa.schema([*EVIDENCE, ("url", pa.string())])
"""The columns a table must have to be judged; what rules test by ``when`` may be there or not."""

NO_EVIDENCE = "no_evidence"
NOTHING, OUTSIDE, UNREADABLE, AMBIGUOUS, INSIDE = range(5)
"""What one field says. The order is the order of weight when fields are combined."""

WORDS = {UNREADABLE: "unreadable", AMBIGUOUS: "ambiguous", INSIDE: "inside"}
_OF_PLACE = np.array([NOTHING, OUTSIDE, UNREADABLE, INSIDE], dtype=np.int8)[coordinates.SAYS]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What every field of every row says, and what follows."""

    policy: Policy
    says: dict[str, np.ndarray]
    """For each field the policy reads, one of NOTHING to INSIDE a row."""

    columns: dict[str, Column]
    """What was read of the fields that name countries."""

    codes: frozenset[str]
    """What is excluded of all rows."""

    places: np.ndarray | None
    """Where each row is, a :class:`~resift.policy.coordinates.Place`; None where no coordinates were given."""

    rows: int

    def first_reasons(self) -> np.ndarray:
        """Return for each row the weightiest reason to exclude it, such as ``inside.owner_country``, or None."""
        return self._look_up(lambda reasons: reasons[0] if reasons else None, object)

    def all_reasons(self) -> np.ndarray:
        """Return for each row every reason to exclude it, joined by ``;``; empty where it is included."""
        return self._look_up(";".join, object)

    def included(self, *, without: str | None = None) -> np.ndarray:
        """Return for each row whether it is included, or would be if this field said nothing."""
        return self._look_up(lambda reasons: not reasons, bool, without=without)

    def _look_up(
        self, of_reasons: Callable[[list[str]], object], kind: type, *, without: str | None = None
    ) -> np.ndarray:
        """Number the combinations that occur, and decide each of them once."""
        base = INSIDE + 1
        number = np.zeros(self.rows, dtype=np.int16)
        for column in self.says.values():
            number = number * np.int16(base) + column
        table = np.empty(base ** len(self.says), dtype=kind)
        for combination in np.flatnonzero(np.bincount(number, minlength=len(table))):
            digits, rest = [], int(combination)
            for _ in self.says:
                rest, digit = divmod(rest, base)
                digits.append(digit)
            says = dict(zip(self.says, reversed(digits), strict=True))
            if without in says:
                says[without] = NOTHING
            table[combination] = of_reasons(reasons_of(says, self.policy))
        return table[number]


def reasons_of(says: dict[str, int], policy: Policy) -> list[str]:
    """Return why a row is excluded of which the fields say this: the weightiest reason first, none for "include".

    Any evidence of an excluded place excludes, then what may mean one, then what cannot be read; where there is none
    of these, enough sufficient fields must name a place that is not excluded.
    """
    weighed = [INSIDE]
    weighed += [AMBIGUOUS] if policy.on_ambiguous == "exclude" else []
    weighed += [UNREADABLE]
    found = [
        f"{WORDS[weight]}.{field}"
        for weight in weighed
        for field in policy.fields
        if says[field] == weight and not (weight == UNREADABLE and _may_be_unreadable(field, policy))
    ]
    enough = sum(says[field] == OUTSIDE for field in policy.sufficient) >= policy.evidence.minimum
    return found or ([] if enough or policy.on_no_evidence == "include" else [NO_EVIDENCE])


def _may_be_unreadable(field: str, policy: Policy) -> bool:
    return (policy.gps.on_unreadable if field == "gps" else policy.on_unresolved) == "include"


def judge_evidence(evidence: pa.Table, policy: Policy, *, days: tuple[date, ...]) -> np.ndarray:
    """Return, for each row, why the policy excludes it, or None where it does not.

    The reason is the weightiest, and of equal ones that of the first field, such as ``inside.owner_country``.

    Args:
        evidence: The columns of ``JUDGED``, exactly as the source gave them, and those rules look at, if there are any.
        policy: The facts and the rules.
        days: Dates the policy is applied for; excluded on any of them is excluded.

    Returns:
        Objects: reasons, or None for "include"; one per row.
    """
    return judge(evidence, policy, days=days).first_reasons()


def judge(evidence: pa.Table, policy: Policy, *, days: tuple[date, ...]) -> Judgement:
    """Return what every field of every row says. Values are read once per distinct value, not once per row."""
    columns = _read_columns(evidence, policy)
    says = {field: np.zeros(len(evidence), dtype=np.int8) for field in policy.fields}
    places = None
    for codes, rows in _layers(evidence, policy, days):
        for field, column in columns.items():
            _add(says[field], column.weigh(codes), rows)
        if "url" in says and (domains := excluded_domains(policy, codes)):
            found = find_evidence(evidence["url"], domains, policy.neutral_hosts)
            _add(says["url"], np.where(found, np.int8(INSIDE), np.int8(NOTHING)), rows)
        if "gps" in says and (here := _places(evidence, policy, codes)) is not None:
            places = here if places is None else places
            _add(says["gps"], _OF_PLACE[here], rows)
    return Judgement(policy, says, columns, policy.excluded_on(days), places, len(evidence))


def _add(says: np.ndarray, more: np.ndarray, rows: np.ndarray | None) -> None:
    if rows is None:
        np.maximum(says, more, out=says)
    else:
        says[rows] = np.maximum(says[rows], more[rows])


def _layers(
    evidence: pa.Table, policy: Policy, days: tuple[date, ...]
) -> Iterator[tuple[frozenset[str], np.ndarray | None]]:
    """Yield the codes excluded for all rows, then those excluded for the rows that meet a condition."""
    yield policy.excluded_on(days), None
    for rule in policy.rules:
        if rule.when is not None:
            yield policy.excluded_on(days, (rule,)), np.flatnonzero(_meets(evidence, rule.when))


def _meets(evidence: pa.Table, condition: Condition) -> np.ndarray:
    if condition.field not in evidence.column_names:
        return np.full(len(evidence), condition.or_missing)
    encoded = evidence[condition.field].combine_chunks().dictionary_encode()
    # True, "true" and "True" are one value: sources spell them as they like.
    wanted = str(condition.equals).lower()
    meets = [str(value).strip().lower() == wanted for value in encoded.dictionary.to_pylist()]
    table = np.array([*meets, condition.or_missing], dtype=bool)
    return table[encoded.indices.fill_null(len(meets)).to_numpy(zero_copy_only=False)]


def _read_columns(evidence: pa.Table, policy: Policy) -> dict[str, Column]:
    reader = reader_of(policy)
    columns = {
        field: country_column(evidence[field], partial(reader.country, field=field))
        for field in COUNTRY_FIELDS
        if field in policy.fields
    }
    if "subdivision" in policy.fields:
        subdivision = country_column(evidence["subdivision"], reader.subdivision)
        owner = columns.get("owner_country")
        if owner is None:
            owner = country_column(evidence["owner_country"], partial(reader.country, field="owner_country"))
        owner, columns["subdivision"] = refine(owner, subdivision, reader)
        if "owner_country" in columns:
            columns["owner_country"] = owner
    return {field: columns[field] for field in FIELDS if field in columns}


def _places(evidence: pa.Table, policy: Policy, codes: frozenset[str]) -> np.ndarray | None:
    pin = policy.pins.mask
    if pin is None or all(evidence[axis].null_count == len(evidence) for axis in ("lat", "lon")):
        return None
    mask = load_mask(pin.file)
    known = codes & mask.codes
    if not known:
        return None
    placeholders = policy.placeholders
    return coordinates.read_coordinates(
        evidence["lat"], evidence["lon"], mask=mask, codes=known, placeholders=frozenset(placeholders)
    )
