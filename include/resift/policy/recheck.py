"""Look for excluded evidence a second way: over lists of all spellings, and over the runs of the mask.

Shares with the judge the policy's facts and nothing of how they are applied: what it finds, the sift let through.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache

import iso3166
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from resift.policy.mask import COLUMNS, PER_DEGREE, ROWS, Mask, load_mask
from resift.policy.names import load_names
from resift.policy.policy import COUNTRY_FIELDS, Policy

Spellings = dict[str, frozenset[str]]
"""The codes every squeezed spelling may mean."""

_NUMBER, _NOTHING, _NEITHER = range(3)
_PLAIN_NUMBER = r"^[+-]?[0-9]{1,9}(?:[.,][0-9]*)?$"


@dataclass(frozen=True, slots=True)
class Recheck:
    """All spellings of places, and which of these are excluded on some days."""

    policy: Policy
    excluded: frozenset[str]
    spelled: dict[str, Spellings]
    """For each country field, since fields may be of different systems of codes."""

    bad_domains: tuple[str, ...]
    mask: Mask | None

    def count(self, evidence: pa.Table) -> int:
        """Count rows of staged evidence that show an excluded place, then or newest, or none that is not excluded."""
        found = self.words(evidence)
        for prefix in ("", "newest_"):
            texts = evidence[f"{prefix}lat"], evidence[f"{prefix}lon"]
            lat, lon = (_numbers(text) for text in texts)
            told = np.isfinite(lat) & np.isfinite(lon)
            found |= self.points(lat, lon)
            found[~told] |= self.halves(*(text.filter(pa.array(~told)) for text in texts))
        return int(found.sum())

    def words(self, evidence: pa.Table) -> np.ndarray:
        """Return which rows show an excluded place in words, then or newest, or no place that is not excluded."""
        found = np.zeros(len(evidence), dtype=bool)
        says = np.zeros(len(evidence), dtype=bool)
        for prefix in ("", "newest_"):
            bad, good = self._countries(evidence, prefix)
            found |= bad
            says |= good
            if "url" in self.policy.fields:
                found |= self._hosts(evidence[f"{prefix}host"])
        if self.policy.on_no_evidence == "exclude":
            found |= ~says
        return found

    def points(self, lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
        """Return which coordinates, in degrees, lie in an excluded place; NaN lies nowhere."""
        if self.mask is None or "gps" not in self.policy.fields:
            return np.zeros(len(lat), dtype=bool)
        return self._points(lat, lon, self.mask)

    def halves(self, lat: pa.ChunkedArray, lon: pa.ChunkedArray) -> np.ndarray:
        """Return which texts are one coordinate without the other, where that excludes."""
        if self.mask is None or "gps" not in self.policy.fields or self.policy.gps.on_unreadable != "exclude":
            return np.zeros(len(lat), dtype=bool)
        north, east = self._kinds(lat), self._kinds(lon)
        return ((north == _NUMBER) & (east == _NOTHING)) | ((north == _NOTHING) & (east == _NUMBER))

    def _kinds(self, texts: pa.ChunkedArray) -> np.ndarray:
        """Return what each text is: plain numbers, of which hardly two are equal, all at once, others by value."""
        plain = pc.and_(
            pc.match_substring_regex(texts, _PLAIN_NUMBER),
            pc.invert(pc.is_in(texts, value_set=pa.array(self.policy.placeholders, pa.string()))),
        )
        plain = pc.fill_null(plain, False)
        kinds = np.full(len(texts), _NUMBER, dtype=np.int8)
        words, index = _distinct(texts.filter(pc.invert(plain)))
        kinds[~plain.to_numpy()] = np.array([self._kind(word) for word in words], dtype=np.int8)[index]
        return kinds

    def _kind(self, text: str) -> int:
        """Return whether a text is a number, as good as nothing, or neither."""
        word = _seen(text).strip().lower()
        if not word or word in self.policy.placeholders:
            return _NOTHING
        try:
            return _NUMBER if math.isfinite(float(word.replace(",", "."))) else _NOTHING
        except ValueError:
            return _NEITHER

    def _countries(self, evidence: pa.Table, prefix: str) -> tuple[np.ndarray, np.ndarray]:
        parts, index = _distinct(evidence[f"{prefix}subdivision"])
        codes = [_seen(part).strip().upper() for part in parts]
        counts_as = [self.policy.subdivisions.get(code) for code in codes]
        part_bad = [
            bool(self.excluded.intersection(own if own else (code, code[:2]) if "-" in code else ()))
            for own, code in zip(counts_as, codes, strict=True)
        ]
        # A part that counts as a place of its own says where in the owner's country: DK with DK-FO.
        lifts = [code[:2] if own and not bad else "" for own, code, bad in zip(counts_as, codes, part_bad, strict=True)]
        found = np.array(part_bad, dtype=bool)[index]
        numbers = {code: number for number, code in enumerate(dict.fromkeys(lifts))}
        lifted = np.array([numbers[code] for code in lifts], dtype=np.int32)[index]
        good = np.zeros(len(evidence), dtype=bool)
        for name, spelled in self.spelled.items():
            words, index = _distinct(evidence[f"{prefix}{name}"])
            means = [spelled.get(_squeeze(word), frozenset()) for word in words]
            bad = np.array([bool(self.excluded & codes) for codes in means], dtype=bool)[index]
            known = np.array([bool(codes) for codes in means], dtype=bool)[index] & ~bad
            if name == "owner_country":
                only = [numbers.get(min(codes), -1) if len(codes) == 1 else -1 for codes in means]
                moved = bad & (np.array(only, dtype=np.int32)[index] == lifted)
                bad, known = bad & ~moved, known | moved
            found |= bad
            good |= known if name in self.policy.sufficient else False
        return found, good

    def _hosts(self, hosts: pa.ChunkedArray) -> np.ndarray:
        words, index = _distinct(hosts)
        neutral = tuple(f".{host}" for host in self.policy.neutral_hosts)
        bad = [
            any(name.endswith(self.bad_domains) and not f".{name}".endswith(neutral) for name in _names_in(word))
            for word in words
        ]
        return np.array(bad, dtype=bool)[index]

    def _points(self, north: np.ndarray, east: np.ndarray, mask: Mask) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            there = (np.abs(north) <= 90) & (np.abs(east) <= 180) & ((np.abs(north) >= 0.01) | (np.abs(east) >= 0.01))
        # What is nowhere is looked up at a pole, and left out.
        line = np.minimum((np.where(there, north, -90) + 90) * PER_DEGREE, ROWS - 1).astype(np.int32)
        cell = line * COLUMNS + ((np.where(there, east, 0) + 180) * PER_DEGREE).astype(np.int32) % COLUMNS
        return there & _cells_inside(mask, self.excluded)[cell]


def prepare(policy: Policy, *, days: tuple[date, ...]) -> Recheck:
    """List all spellings. Rules with a condition are not looked at: what is staged does not have their columns."""
    excluded = policy.excluded_on(days)
    domains = {name for name, code in policy.tlds.items() if code in excluded}
    domains |= {code.lower() for code in excluded if len(code) == 2 and code.lower() not in policy.tlds}
    return Recheck(
        policy=policy,
        excluded=excluded,
        spelled={name: _spellings(policy, name) for name in COUNTRY_FIELDS if name in policy.fields},
        bad_domains=tuple(f".{name}" for name in sorted(domains)),
        mask=load_mask(policy.pins.mask.file) if policy.pins.mask else None,
    )


def _spellings(policy: Policy, field: str) -> Spellings:
    """Return every spelling, what counts more written over what counts less."""
    names = policy.pins.names
    found = dict(_squeezed_names(names.file, names.sha256)) if names is not None else {}
    system = policy.code_systems.get(field, "iso3166")
    if system == "iso3166":
        found |= {_squeeze(code): frozenset([code]) for code in policy.known if len(code) == 2}
    found |= {_squeeze(token): frozenset(codes) for token, codes in policy.aliases.items()}
    if system == "iso3166":
        for country in iso3166.countries:
            for code in (country.alpha2, country.alpha3, country.numeric):
                found[_squeeze(code)] = frozenset([country.alpha2])
    else:
        found = {word: codes for word, codes in found.items() if len(word) > 3}
        found |= {_squeeze(code): frozenset(codes) for code, codes in policy.code_tables[system].items()}
    for word in policy.placeholders:
        found.pop(_squeeze(word), None)
    return found


@cache
def _squeezed_names(file: str, sha256: str) -> Spellings:
    """Return the table of names as spellings: 34,209 of them, and every group asks for them."""
    names = load_names(file, sha256)
    each = {codes: frozenset(codes.split()) for codes in set(names.values())}
    return {name: each[codes] for name, codes in zip(_squeeze_all(names), names.values(), strict=True)}


@lru_cache(maxsize=2)
def _cells_inside(mask: Mask, excluded: frozenset[str]) -> np.ndarray:
    """Return for every cell of the globe whether an excluded place is within the buffer. 26 MB, in 5 ms."""
    inside = np.array([bool(members & excluded) for members in mask.sets])[mask.number]
    # Most runs differ from the next by who is near, not by whether anybody excluded is: so few are left.
    begins = np.flatnonzero(np.append(True, inside[1:] != inside[:-1]))
    return np.repeat(inside[begins], np.diff(mask.first[np.append(begins, len(inside))]))


def _numbers(degrees: pa.ChunkedArray) -> np.ndarray:
    """Return degrees as numbers, NaN where there is none."""
    try:
        return degrees.cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        return pd.to_numeric(degrees.to_pandas(), errors="coerce").to_numpy(np.float64)


def _distinct(values: pa.ChunkedArray) -> tuple[list[str], np.ndarray]:
    encoded = pc.fill_null(values, "").combine_chunks().dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy(zero_copy_only=False)


def _seen(word: str) -> str:
    """Return a word without what cannot be seen, its flags as letters."""
    if word.isascii():
        return word
    word = unicodedata.normalize("NFKC", word)
    flags = {c: chr(ord(c) - 0x1F1E6 + 65) for c in set(word) if 0x1F1E6 <= ord(c) <= 0x1F1FF}
    return _replace(word, {**flags, **{c: "" for c in set(word) if unicodedata.category(c) == "Cf"}})


def _names_in(host: str) -> list[str]:
    """Return the names of a host: one, unless a mark that is in no name stands in it."""
    return [name.rstrip(".") for name in re.split(r"[!\"#$&'()*+,;<=>\[\]^`{|}]", _seen(host).lower())]


def _squeeze(word: str) -> str:
    """Return a word without case, and with one blank for whatever is neither letter, mark nor digit."""
    return _squeeze_all([word])[0]


def _squeeze_all(words: Collection[str]) -> list[str]:
    """Squeeze words as one text, each a line of it: one by one, the table of names would take five times as long."""
    text = "\n".join(word.replace("\n", " ") for word in words)
    shown = unicodedata.normalize("NFC", _seen(text).casefold())
    blank = {c: " " for c in set(shown) - set("\n ") if not c.isalnum() and unicodedata.category(c)[0] != "M"}
    return [" ".join(line.split()) for line in _replace(shown, blank).split("\n")]


def _replace(text: str, letters: dict[str, str]) -> str:
    """Replace a few letters. `str.translate` looks up each of a million, those it leaves alone too."""
    for letter, other in letters.items():
        text = text.replace(letter, other)
    return text
