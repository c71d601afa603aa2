"""Judge evidence: evidence in, verdict with reasons out. Fail closed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
import pyarrow as pa

from resift.model.observation import EVIDENCE
from resift.policy import coordinates
from resift.policy.fields import Column, country_column, refine
from resift.policy.mask import load_mask
from resift.policy.policy import CARRIED_FIELDS, COUNTRY_FIELDS, FIELDS, Condition, Policy
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
    """All that is excluded of any row."""

    places: np.ndarray | None
    """Where each row is, a :class:`~resift.policy.coordinates.Place`; None where no coordinates were given."""

    combination: np.ndarray
    """For each row the number of the combination of what its fields say."""

    combinations: dict[int, dict[str, int]]
    """Those that occur: few, whatever the number of rows, so that each is decided once."""

    def first_reasons(self) -> np.ndarray:
        """Return for each row the weightiest reason to exclude it, such as ``inside.owner_country``, or None."""
        codes, words = self.first_codes()
        return np.array([None, *words], dtype=object)[codes]

    def first_codes(self) -> tuple[np.ndarray, tuple[str, ...]]:
        """Return the same as numbers, 0 for None and ``n`` for the ``n``-th of the words."""
        first = self._decide(lambda reasons: reasons[0] if reasons else None, object)
        words = sorted({word for word in first if word})
        codes = np.zeros(len(first), dtype=np.int16)
        for code, word in enumerate(words, start=1):
            codes[first == word] = code
        return codes[self.combination], tuple(words)

    def all_reasons(self) -> np.ndarray:
        """Return for each row every reason to exclude it, joined by ``;``; empty where it is included."""
        return self._decide(";".join, object)[self.combination]

    def included(self) -> np.ndarray:
        """Return for each row whether it is included."""
        return self._decide(lambda reasons: not reasons, bool)[self.combination]

    def excluded_only_by(self, field: str) -> np.ndarray:
        """Return the rows that are excluded, and would be included if this field said nothing."""
        alone = self._decide(lambda reasons: not reasons, bool, without=field)
        return np.flatnonzero((alone & ~self._decide(lambda reasons: not reasons, bool))[self.combination])

    def _decide(
        self, of_reasons: Callable[[list[str]], object], kind: type, *, without: str | None = None
    ) -> np.ndarray:
        table = np.zeros((INSIDE + 1) ** len(self.says), dtype=kind)
        for number, says in self.combinations.items():
            table[number] = of_reasons(reasons_of({**says, without: NOTHING} if without else says, self.policy))
        return table


def _combine(says: dict[str, np.ndarray], rows: int) -> tuple[np.ndarray, dict[int, dict[str, int]]]:
    """Number the combinations of what the fields of each row say, and list those that occur."""
    base = INSIDE + 1
    number = np.zeros(rows, dtype=np.int16 if base ** len(says) < 2**15 else np.int32)
    for column in says.values():
        np.multiply(number, base, out=number)
        np.add(number, column, out=number)
    places = [base**power for power in reversed(range(len(says)))]
    found = np.flatnonzero(np.bincount(number, minlength=1)).tolist()
    return number, {
        one: {field: one // place % base for field, place in zip(says, places, strict=True)} for one in found
    }


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
        if says.get(field) == weight and not (weight == UNREADABLE and _may_be_unreadable(field, policy))
    ]
    enough = sum(says.get(field) == OUTSIDE for field in policy.sufficient) >= policy.evidence.minimum
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
    return _judge(evidence, policy, [(days, None)])


def judge_each(evidence: pa.Table, policy: Policy, *, days: Sequence[date]) -> Judgement:
    """Return what every field of every row says on a day of its own."""
    rows: dict[date, list[int]] = {}
    for row, day in enumerate(days):
        rows.setdefault(day, []).append(row)
    return _judge(evidence, policy, [((day,), np.array(some)) for day, some in rows.items()])


def _judge(
    evidence: pa.Table, policy: Policy, dated: Iterable[tuple[tuple[date, ...], np.ndarray | None]]
) -> Judgement:
    columns = _read_columns(evidence, policy)
    # A weak field that is not carried is left out altogether, and costs nothing.
    given = [field for field in policy.fields if field not in CARRIED_FIELDS or field in columns]
    says = {field: np.zeros(len(evidence), dtype=np.int8) for field in given}
    places: np.ndarray | None = None
    excluded: frozenset[str] = frozenset()
    for codes, rows in _layers(evidence, policy, dated):
        excluded = excluded | codes
        some = evidence if rows is None else evidence.select(["url", "lat", "lon"]).take(rows)
        for field, column in columns.items():
            _add(says[field], column.weigh(codes, rows), rows)
        if "url" in says and (domains := excluded_domains(policy, codes)):
            found = find_evidence(some["url"], domains, policy.neutral_hosts)
            _add(says["url"], found.view(np.int8) * np.int8(INSIDE), rows)
        if "gps" in says and (here := _places(some, policy, codes)) is not None:
            if places is None:
                places = np.zeros(len(evidence), dtype=np.int8) if rows is not None else here
            _add(says["gps"], _OF_PLACE[here], rows)
            _add(places, here, rows)
    return Judgement(policy, says, columns, excluded, places, *_combine(says, len(evidence)))


def _add(says: np.ndarray, more: np.ndarray, rows: np.ndarray | None) -> None:
    if rows is None:
        np.maximum(says, more, out=says)
    else:
        says[rows] = np.maximum(says[rows], more)


def _layers(
    evidence: pa.Table, policy: Policy, dated: Iterable[tuple[tuple[date, ...], np.ndarray | None]]
) -> Iterator[tuple[frozenset[str], np.ndarray | None]]:
    """Yield the codes excluded for the rows of some days, then those excluded for the rows that meet a condition."""
    for days, rows in dated:
        yield policy.excluded_on(days), rows
        for rule in policy.rules:
            if rule.when is not None:
                meets = _meets(evidence, rule.when)
                yield policy.excluded_on(days, (rule,)), np.flatnonzero(meets) if rows is None else rows[meets[rows]]


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
    for field, read in (("time_zone", reader.time_zone), ("locale", reader.locale), ("place_text", reader.place_text)):
        name = policy.carried.get(field)
        if name in evidence.column_names:
            columns[field] = country_column(evidence[name].cast(pa.string()), read)
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
