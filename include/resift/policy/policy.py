"""The exclusion policy as a document, and where it is found."""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib import resources

from pydantic import Field, model_validator

from resift.errors import ConfigError
from resift.model.document import Document, Name
from resift.model.observation import EVIDENCE
from resift.model.refresh import PolicyRef


class Territory(Document):
    """A country code whose evidence excludes, during a half-open interval of dates."""

    code: str = Field(pattern="^[A-Z]{2}$")
    since: date = Field(alias="from")
    until: date | None = Field(default=None, alias="to")

    def covers(self, day: date) -> bool:
        """Whether the code excludes on that day."""
        return self.since <= day and (self.until is None or day < self.until)


class Policy(Document):
    """Which evidence excludes, which may keep an item in, and what says nothing."""

    policy: Name
    version: str
    sufficient: tuple[str, ...]
    """Fields of which one must name a country that is not excluded."""

    only_excludes: tuple[str, ...]
    """Fields that may exclude and never keep an item in."""

    placeholders: tuple[str, ...]
    """Values that are as good as none, in lower case."""

    excluded: tuple[Territory, ...]

    @model_validator(mode="after")
    def _check(self) -> Policy:
        if strange := set(self.fields) - set(EVIDENCE.names):
            raise ValueError(f"evidence fields of an observation; {', '.join(sorted(strange))} is none")
        if not self.sufficient:
            raise ValueError("at least one sufficient field")
        return self

    @property
    def fields(self) -> tuple[str, ...]:
        """All evidence fields the policy reads."""
        return self.sufficient + self.only_excludes

    def excluded_on(self, days: tuple[date, ...]) -> frozenset[str]:
        """Return the codes excluded on any of the days: what once was excluded never comes back by a later date."""
        return frozenset(t.code for t in self.excluded for day in days if t.covers(day))

    def ref(self) -> PolicyRef:
        """Return what manifests record of this policy."""
        return PolicyRef(policy=self.policy, version=self.version, digest=self.document_digest())


@cache
def load_policy(name: str) -> Policy:
    """Return the policy of that name from the files shipped beside this module.

    Raises:
        ConfigError: There is none, or it breaks a rule.
    """
    folder = resources.files("resift.policy")
    known = sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))
    if name not in known:
        raise ConfigError(
            f"policy {name}: not found, expected one of {', '.join(known)}. Correct `policy:` of the dataset."
        )
    text = folder.joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    return Policy.from_yaml(text, what=f"policy {name}")
