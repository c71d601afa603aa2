"""The verdict: what the judge found, sealed with a digest that publishing checks."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field

from resift.errors import VerdictError
from resift.model.document import Document, Name, canonical_json, sha256_hex
from resift.model.mixes import Mixes

Status = Literal["proceed", "hold", "stop"]
FindingStatus = Literal["pass", "warn", "hold", "fail", "not_applicable"]


class Finding(Document):
    """One rule the judge looked at."""

    rule: str
    """Short name, such as ``ids are unique``."""

    status: FindingStatus
    """``warn`` is shown and holds nothing."""

    found: str
    """The value that was measured."""

    expected: str
    """The limit it was held against."""

    about: str = ""
    """Part, owner or host it is about; empty for the whole snapshot. Owners appear as a keyed hash, never as an id."""

    def message(self) -> str:
        """Return the finding as one sentence: what it is about, the rule, the value and the limit."""
        about = f"{self.about}: " if self.about else ""
        return f"{about}{self.rule}: found {self.found}, expected {self.expected}."


class Verdict(Document):
    """Proceed, hold or stop, for exactly one staged content."""

    dataset: Name
    version: date
    plan_id: str
    content_digest: str
    cut_digest: str = ""
    """Digest of the whole receipt of the cut: its counts are published too, and where its parts lie."""

    measured_digest: Annotated[str, Field(exclude_if=lambda digest: not digest)] = ""
    """One digest over all measurements that were judged, each of which names the rows that were sampled.

    Absent in verdicts of older versions of resift, whose seals are without it.
    """

    status: Status
    findings: tuple[Finding, ...]
    evaluated: int
    """How many Great Expectations checks were run."""

    mixes: Mixes | None = None
    """What the next version's drift is measured against; None in verdicts of older versions of resift."""

    seal: str
    """SHA-256 over all other fields."""

    @classmethod
    def sealed(cls, **fields: object) -> Self:
        """Make a verdict and seal it."""
        draft = cls.model_validate({**fields, "seal": ""})
        return draft.model_copy(update={"seal": draft.expected_seal()})

    def expected_seal(self) -> str:
        """Return the seal this verdict must carry."""
        content = self.model_dump(mode="json")
        del content["seal"]
        return sha256_hex(canonical_json(content))

    def require(self, *, dataset: str, version: date, plan_id: str, content_digest: str, cut_digest: str) -> None:
        """Check that this verdict was sealed for exactly this content, and for what the cut tells of it.

        Raises:
            VerdictError: It was altered, or speaks of another dataset, version, plan or content, or of another cut.
        """
        if self.seal != self.expected_seal():
            raise VerdictError(
                f"verdict of {self.dataset} {self.version}: its seal is {self.seal[:12]}…, its content gives "
                f"{self.expected_seal()[:12]}…. It was altered after judging; run `resift refresh` again."
            )
        found = (self.dataset, self.version, self.plan_id, self.content_digest)
        if found != (dataset, version, plan_id, content_digest):
            raise VerdictError(
                f"verdict: speaks of {self.dataset} {self.version} of plan {self.plan_id} with content "
                f"{self.content_digest[:12]}…, expected {dataset} {version} of plan {plan_id} with content "
                f"{content_digest[:12]}…. Judge the staged snapshot you publish."
            )
        if self.cut_digest != cut_digest:
            raise VerdictError(
                f"verdict of {self.dataset} {self.version}: speaks of a cut with digest {self.cut_digest[:12]}…, "
                f"expected {cut_digest[:12]}…. The cut was altered after judging; start the refresh again from `plan`."
            )

    def failures(self) -> tuple[Finding, ...]:
        """Return the findings that keep the snapshot from being published."""
        return tuple(finding for finding in self.findings if finding.status in ("hold", "fail"))

    def warnings(self) -> tuple[Finding, ...]:
        """Return the findings that are to be shown, and keep nothing from being published."""
        return tuple(finding for finding in self.findings if finding.status == "warn")
