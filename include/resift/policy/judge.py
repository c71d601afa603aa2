"""Judge evidence: evidence in, verdict with reason out. Fail closed."""

from __future__ import annotations

from datetime import date

import iso3166
import numpy as np
import pyarrow as pa

from resift.policy.policy import Policy

NO_EVIDENCE = "no_evidence"
UNREADABLE = "unreadable"
INSIDE = "inside"

# What one field says. The order is the order of weight when fields are combined.
_NOTHING, _OUTSIDE, _UNREADABLE, _INSIDE = range(4)


def judge_evidence(evidence: pa.Table, policy: Policy, *, days: tuple[date, ...]) -> np.ndarray:
    """Return, for each row, why the policy excludes it, or None where it does not.

    Any evidence of an excluded territory excludes; so does evidence that is present but cannot be read;
    so does having no sufficient evidence at all. The reason names the first field that led to it, such as
    ``inside.owner_country``. Values are read once per distinct value, not once per row.

    Args:
        evidence: The evidence columns of an observation, exactly as the source gave them.
        policy: The facts and the rule.
        days: Dates the policy is applied for; excluded on any of them is excluded.

    Returns:
        Objects: reasons, or None for "include"; one per row.
    """
    excluded = policy.excluded_on(days)
    readings = {name: _read(evidence[name], name, policy, excluded) for name in policy.fields}

    reasons = np.full(len(evidence), NO_EVIDENCE, dtype=object)
    sufficient = np.zeros(len(evidence), dtype=bool)
    for name in policy.sufficient:
        sufficient |= readings[name] == _OUTSIDE
    reasons[sufficient] = None
    for weight, word in ((_UNREADABLE, UNREADABLE), (_INSIDE, INSIDE)):
        for name in reversed(policy.fields):
            reasons[readings[name] == weight] = f"{word}.{name}"
    return reasons


def _read(column: pa.ChunkedArray, name: str, policy: Policy, excluded: frozenset[str]) -> np.ndarray:
    """Return what each value of one field says, as one of the four codes."""
    encoded = (
        column.combine_chunks().dictionary_encode()
        if isinstance(column, pa.ChunkedArray)
        else column.dictionary_encode()
    )
    read = read_subdivision if name == "subdivision" else read_country
    table = np.array(
        [_weigh(value, read(value), policy, excluded) for value in encoded.dictionary.to_pylist()] + [_NOTHING],
        dtype=np.int8,
    )
    codes = encoded.indices.fill_null(len(table) - 1).to_numpy()
    return table[codes]


def _weigh(value: str, country: str | None, policy: Policy, excluded: frozenset[str]) -> int:
    if value.strip().lower() in policy.placeholders:
        return _NOTHING
    if country is None:
        return _UNREADABLE
    return _INSIDE if country in excluded else _OUTSIDE


def read_country(value: str) -> str | None:
    """Return the ISO 3166-1 alpha-2 code of an alpha-2, alpha-3 or numeric code, or None. Never a guess."""
    code = value.strip()
    if not code.isascii():
        return None  # in capitals "ß" is "SS", and so South Sudan
    code = code.upper()
    country = (
        iso3166.countries_by_alpha2.get(code)
        or iso3166.countries_by_alpha3.get(code)
        or iso3166.countries_by_numeric.get(code)
    )
    return country.alpha2 if country else None


def read_subdivision(value: str) -> str | None:
    """Return the country of an ISO 3166-2 code such as ``FR-75``, or None. A bare suffix is unreadable."""
    country, dash, rest = value.strip().upper().partition("-")
    if (
        not value.strip().isascii()
        or not dash
        or not rest.isalnum()
        or len(rest) > 3
        or country not in iso3166.countries_by_alpha2
    ):
        return None
    return country
