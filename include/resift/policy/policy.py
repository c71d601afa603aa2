"""The exclusion policy as a document: facts with dates, rules over them, and what follows from both on a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, StringConstraints, model_validator

from resift.errors import ConfigError
from resift.model.document import Document, Name
from resift.model.refresh import PolicyRef

Class = Literal["inside", "eea", "disputed", "ms_statute", "outside_equiv", "outside"]
"""How a territory stands to a law; see docs/policy.md."""

Code = Annotated[str, StringConstraints(pattern="^[A-Z]{2}(-[A-Z0-9]{1,4})?$")]
"""ISO 3166-1 alpha-2, a reserved code, or a code with a second part."""

Codes = Annotated[tuple[Code, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]
"""One code, or several of which any may be meant."""

Verdict = Literal["exclude", "include"]
System = Literal["iso3166", "fips", "ioc", "wipo"]

COUNTRY_FIELDS = ("owner_country", "upload_country")
CARRIED_FIELDS = ("time_zone", "locale", "place_text")
"""Weak fields, read where a pool carries them. They may only exclude, and what cannot be read of them says nothing."""

FIELDS = (*COUNTRY_FIELDS, "subdivision", "gps", "url", *CARRIED_FIELDS)
"""What a policy can read, in the order in which fields give an item its one reason."""


class Territory(Document):
    """What a place is to a jurisdiction, during a half-open interval of dates."""

    code: Code
    group: Name
    """The jurisdiction this speaks of."""

    class_: Class = Field(alias="class")
    since: date | None = Field(default=None, alias="from")
    until: date | None = Field(default=None, alias="to")
    source: str = ""

    @model_validator(mode="after")
    def _check(self) -> Territory:
        if self.since and self.until and self.since >= self.until:
            raise ValueError(f"`from` before `to`; {self.since} is not before {self.until}")
        return self

    def covers(self, day: date) -> bool:
        """Whether this holds on that day."""
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)


class Condition(Document):
    """A test of one carried column. A value that is missing is tested by itself."""

    field: Name
    equals: bool | str | int
    or_missing: bool
    """Whether a row without a value meets the condition: then the rule fails closed."""


class Rule(Document):
    """Which territories exclude, and which rows it is applied to."""

    id: Name
    jurisdictions: tuple[Name, ...] = Field(min_length=1)
    classes: tuple[Class, ...] = Field(min_length=1)
    action: Literal["exclude"]
    when: Condition | None = None
    """Rows the rule is for; all of them if not given."""


class Evidence(Document):
    """Which fields are read, and what each may do."""

    sufficient: tuple[str, ...] = Field(min_length=1)
    exclude_only: tuple[str, ...]
    minimum: int = Field(default=1, ge=1)
    """How many sufficient fields must name a place that is not excluded."""

    @model_validator(mode="after")
    def _check(self) -> Evidence:
        named = self.sufficient + self.exclude_only
        if strange := set(named) - set(FIELDS):
            raise ValueError(f"fields among {', '.join(FIELDS)}; {', '.join(sorted(strange))} is none")
        if twice := sorted({name for name in named if named.count(name) > 1}):
            raise ValueError(f"each field once; {', '.join(twice)} stands twice")
        if self.minimum > len(self.sufficient):
            raise ValueError(f"minimum at most {len(self.sufficient)}, the number of sufficient fields")
        return self


class Coordinates(Document):
    """How coordinates are read."""

    buffer_km: float
    """The safety buffer; the pinned mask must have been built with it."""

    on_unreadable: Verdict = "exclude"


class Pin(Document):
    """A data file the policy was made with."""

    file: str
    sha256: str


class Pins(Document):
    """The data files the policy was made with: it does not load with others."""

    names: Pin | None = None
    mask: Pin | None = None
    zones: Pin | None = None


class Relaxation(Document):
    """A case an earlier policy excludes and this one includes, on purpose."""

    case: str
    """Its id, or a prefix that ends in ``*``."""

    reason: str = Field(min_length=10)


class Superseded(Document):
    """The version this one replaces, and the case file it had."""

    version: str
    digest: str
    cases: str


class Policy(Document):
    """Facts, rules, and how evidence is read."""

    form: Literal["exclusion-policy/1"] = Field(alias="schema")
    policy: Name
    version: str
    issued: date
    review_by: date
    extends: Name | None = None
    """The policy whose keys this one adds to; written out when it is loaded."""

    supersedes: Superseded | None = None
    relaxes: tuple[Relaxation, ...] = ()
    pins: Pins
    cases: str
    """File in ``cases/`` of which every case must come out as it says."""

    rules: tuple[Rule, ...] = Field(min_length=1)
    evidence: Evidence
    on_no_evidence: Verdict
    on_ambiguous: Verdict
    on_unresolved: Verdict
    gps: Coordinates
    code_systems: dict[str, System]
    carried: dict[str, Name] = Field(default_factory=dict)
    """Which carried column has a weak field."""

    placeholders: tuple[str, ...]
    """Values that are as good as none, in lower case."""

    territories: tuple[Territory, ...]
    outside: tuple[Code, ...]
    """Codes of which no interval speaks: outside of every jurisdiction, on every day."""

    aliases: dict[str, Codes]
    subdivisions: dict[str, Codes]
    tlds: dict[str, Code]
    neutral_hosts: tuple[str, ...]
    code_tables: dict[System, dict[str, Codes]]

    _place: str = PrivateAttr(default="")

    @model_validator(mode="after")
    def _check(self) -> Policy:
        for problem in self._problems():
            raise ValueError(problem)
        return self

    def _problems(self) -> Iterator[str]:
        groups = {territory.group for territory in self.territories}
        for rule in self.rules:
            if strange := sorted(set(rule.jurisdictions) - groups):
                yield f"rule {rule.id}: jurisdictions among {', '.join(sorted(groups))}; {', '.join(strange)} is none"
        ids = [rule.id for rule in self.rules]
        if len(set(ids)) < len(ids):
            yield f"rules: each id once, found {', '.join(ids)}"
        if strange := sorted(set(self.code_systems) - set(COUNTRY_FIELDS)):
            yield f"code_systems: fields among {', '.join(COUNTRY_FIELDS)}; {', '.join(strange)} is none"
        for field, system in self.code_systems.items():
            if system != "iso3166" and system not in self.code_tables:
                yield f"code_systems: {field} is declared as {system}, which code_tables does not have"
        if "gps" in self.fields and self.pins.mask is None:
            yield "pins: a mask, because gps is among the evidence"
        weak = [field for field in CARRIED_FIELDS if field in self.fields]
        if set(weak) != set(self.carried):
            yield f"carried: a column for each of {', '.join(weak)}; found {', '.join(self.carried) or 'none'}"
        if strong := sorted(set(weak) & set(self.sufficient)):
            yield f"evidence: {', '.join(strong)} under exclude_only; a weak field keeps nothing in"
        if "time_zone" in self.fields and self.pins.zones is None:
            yield "pins: a table of zones, because time_zone is among the evidence"
        if self.review_by <= self.issued:
            yield f"review_by later than issued {self.issued}"
        if both := sorted({t.code for t in self.territories} & set(self.outside)):
            yield f"outside: no code that territories has too, found {', '.join(both)}"
        targets = [*self.aliases.items(), *self.subdivisions.items(), *((k, (v,)) for k, v in self.tlds.items())]
        for table in self.code_tables.values():
            targets += table.items()
        for token, codes in targets:
            if strange := sorted(set(codes) - self.known):
                yield f"{token}: classified codes; {', '.join(strange)} is neither in territories nor in outside"

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """All fields the policy reads, in the order in which they give reasons."""
        named = self.evidence.sufficient + self.evidence.exclude_only
        return tuple(field for field in FIELDS if field in named)

    @property
    def sufficient(self) -> tuple[str, ...]:
        """Fields that may keep an item in."""
        return self.evidence.sufficient

    @property
    def conditions(self) -> tuple[str, ...]:
        """Carried columns the policy looks at: those rules test, and those that have weak fields."""
        return tuple(dict.fromkeys([*(rule.when.field for rule in self.rules if rule.when), *self.carried.values()]))

    @cached_property
    def known(self) -> frozenset[str]:
        """Every classified code."""
        return frozenset(t.code for t in self.territories) | frozenset(self.outside)

    def excluded_on(self, days: tuple[date, ...], rules: tuple[Rule, ...] | None = None) -> frozenset[str]:
        """Return the codes excluded on any of the days: what once was excluded never comes back by a later date.

        Args:
            days: Dates the policy is applied for.
            rules: Those to apply; if not given, those that are for all rows.
        """
        chosen = tuple(rule for rule in self.rules if rule.when is None) if rules is None else rules
        pairs = {(group, name) for rule in chosen for group in rule.jurisdictions for name in rule.classes}
        found = {
            t.code for t in self.territories if (t.group, t.class_) in pairs and any(t.covers(day) for day in days)
        }
        # A part of an excluded country is excluded with it.
        return frozenset(found | {code for code in self.known if code[2:] and code[:2] in found})

    def came_from(self, place: str) -> None:
        """Remember the file, and the line of `review_by` in it, for the message that tells to mend it."""
        self._place = place

    def require_current(self, day: date) -> None:
        """Refuse to judge past the day the facts are to be reviewed.

        Raises:
            ConfigError: ``day`` is later than ``review_by``.
        """
        if day > self.review_by:
            raise ConfigError(
                f"policy {self.policy} {self.version} ({self._place}): was to be reviewed by {self.review_by}, and "
                f"known_at is {day}; expected facts that are not stale. Check members, dates and codes, then set "
                "`review_by` and `version`."
            )

    def ref(self) -> PolicyRef:
        """Return what manifests record of this policy."""
        return _ref(self)

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


@lru_cache(maxsize=32)
def _ref(policy: Policy) -> PolicyRef:
    return PolicyRef(policy=policy.policy, version=policy.version, digest=policy.document_digest())


def find_overlap(territories: tuple[Territory, ...]) -> tuple[int, int] | None:
    """Return the positions of two intervals of one code and group that have a day in common, or None."""
    seen: dict[tuple[str, str], list[tuple[int, Any]]] = {}
    for position, one in enumerate(territories):
        for earlier, other in seen.setdefault((one.code, one.group), []):
            starts_before = other.until is None or one.since is None or one.since < other.until
            ends_after = one.until is None or other.since is None or other.since < one.until
            if starts_before and ends_after:
                return earlier, position
        seen[one.code, one.group].append((position, one))
    return None
