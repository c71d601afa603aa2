"""Read one value of one field: which codes it may mean. Exact tables only, never a guess."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import iso3166

from resift.policy.names import load_names, load_zones
from resift.policy.policy import Policy
from resift.policy.text import clean, fold

Means = tuple[str, ...] | None
"""Codes a value may mean: none of them, it says nothing; several, any of them; None, it is not readable."""

_SUBDIVISION = re.compile("([A-Z]{2})-([A-Z0-9]{1,3})")
_LOCALE = re.compile("[A-Za-z]{2,3}(?:[-_][A-Za-z]{4})?[-_]([A-Za-z]{2}|[0-9]{3})(?:[-_.@]|$)")
BARE = re.compile("[A-Z0-9]{1,3}")
"""A subdivision without its country."""


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
    code = value.strip().upper()
    found = _SUBDIVISION.fullmatch(code) if value.strip().isascii() else None
    return found[1] if found and found[1] in iso3166.countries_by_alpha2 else None


@dataclass(frozen=True, slots=True)
class Reader:
    """The tables of one policy, folded once."""

    policy: Policy
    placeholders: frozenset[str]
    aliases: Mapping[str, tuple[str, ...]]
    names: Mapping[str, str]
    """Codes with a blank between them: thirty thousand names, of which few are ever looked up."""

    zones: Mapping[str, str]

    def country(self, value: str, field: str) -> Means:
        """Read a value of a country field: exact codes, then aliases, then names."""
        text = clean(value)
        if self.says_nothing(text):
            return ()
        system = self.policy.code_systems.get(field, "iso3166")
        code = text.upper() if text.isascii() else ""
        if system != "iso3166":
            if found := self.policy.code_tables[system].get(code):
                return found
            # Two letters of another system must not be read as those of ISO 3166-1.
            return None if len(code) in (2, 3) else self._name(text)
        known = read_country(text)
        if known is not None:
            return (known,)
        alias = self.aliases.get(fold(text))
        if alias is not None:
            return alias
        # Reserved codes that are classified: IC, EA, FX, EU.
        return (code,) if len(code) == 2 and code in self.policy.known else self._name(text)

    def subdivision(self, value: str) -> Means:
        """Read a code such as ``FR-974``: the place it counts as, else its own code, else its country."""
        text = clean(value)
        if self.says_nothing(text):
            return ()
        code = text.upper() if text.isascii() else ""
        if found := self.policy.subdivisions.get(code):
            return found
        country = read_subdivision(code)
        if country is None:
            return None
        return (code,) if code in self.policy.known else (country,)

    def time_zone(self, value: str) -> Means:
        """Read a name of the IANA database; what is none says nothing."""
        return tuple(self.zones.get(clean(value).lower(), "").split())

    def locale(self, value: str) -> Means:
        """Read the region of a tag such as ``de-AT`` or ``zh_Hant_TW.UTF-8``. A language is no place."""
        found = _LOCALE.match(clean(value))
        country = read_country(found[1]) if found else None
        return (country,) if country else ()

    def place_text(self, value: str) -> Means:
        """Read what stands behind the last comma, if it is a name: ``Holland, Michigan`` is not in the Netherlands."""
        last = clean(value).rpartition(",")[2]
        # VA is Virginia more often than the Vatican, so that codes are no names here.
        return () if len(fold(last)) <= 3 and last.isascii() else self._name(last) or ()

    def says_nothing(self, text: str) -> bool:
        """Whether a cleaned value is as good as none."""
        return text.lower() in self.placeholders

    def _name(self, text: str) -> Means:
        folded = fold(text)
        return self.aliases.get(folded) or tuple(self.names.get(folded, "").split()) or None


@lru_cache(maxsize=8)
def reader_of(policy: Policy) -> Reader:
    """Return the reader of a policy."""
    pin, zones = policy.pins.names, policy.pins.zones
    return Reader(
        policy=policy,
        placeholders=frozenset(policy.placeholders),
        aliases={fold(token): codes for token, codes in policy.aliases.items()},
        names=load_names(pin.file, pin.sha256) if pin else {},
        zones=load_zones(zones.file, zones.sha256) if zones else {},
    )
