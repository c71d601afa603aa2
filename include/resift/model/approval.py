"""The approval: who let a held snapshot pass, when and why, for exactly one verdict."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, StringConstraints

from resift.errors import VerdictError
from resift.model.document import Document, Name, canonical_json, sha256_hex
from resift.model.verdict import Verdict

_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class Approval(Document):
    """A person's word that the jumps one verdict names are real."""

    dataset: Name
    version: date
    content_digest: str
    verdict_seal: str
    """Seal of the verdict that was read; it names findings and content."""

    by: _Words
    """Who approved, as they are known to those who read the manifest."""

    why: _Words
    at: AwareDatetime
    seal: str
    """SHA-256 over all other fields."""

    @classmethod
    def of(cls, verdict: Verdict, *, by: str, why: str, at: datetime) -> Self:
        """Approve a verdict.

        Raises:
            VerdictError: The verdict is not one that a person may let pass, or name or reason is missing.
        """
        require_approvable(verdict)
        for name, text in (("--by", by), ("--why", why)):
            if not text.strip() or len(text) > 1000:
                raise VerdictError(
                    f"approval of {verdict.dataset} {verdict.version}: {name} has {len(text.strip())} characters, "
                    "expected 1 to 1000. Say who approves and why; both are published."
                )
        draft = cls(
            dataset=verdict.dataset,
            version=verdict.version,
            content_digest=verdict.content_digest,
            verdict_seal=verdict.seal,
            by=by,
            why=why,
            at=at,
            seal="",
        )
        return draft.model_copy(update={"seal": draft.expected_seal()})

    def expected_seal(self) -> str:
        """Return the seal this approval must carry."""
        return sha256_hex(canonical_json(self.model_dump(mode="json", exclude={"seal"})))

    def require(self, verdict: Verdict) -> None:
        """Check that this approval is for exactly this verdict.

        Raises:
            VerdictError: It was altered, or is of another verdict, or of one that nobody may approve.
        """
        require_approvable(verdict)
        what = f"approval of {self.dataset} {self.version}"
        if self.seal != self.expected_seal():
            raise VerdictError(
                f"{what}: its seal is {self.seal[:12]}…, its content gives {self.expected_seal()[:12]}…. It was "
                f"altered after {self.by} gave it; delete it and run `resift approve` again."
            )
        found = (self.dataset, self.version, self.content_digest, self.verdict_seal)
        if found != (verdict.dataset, verdict.version, verdict.content_digest, verdict.seal):
            raise VerdictError(
                f"{what}: is for the verdict {self.verdict_seal[:12]}…, expected {verdict.seal[:12]}… of "
                f"{verdict.dataset} {verdict.version}. Run `resift approve` for the verdict that lies there now."
            )


def require_approvable(verdict: Verdict) -> None:
    """Check that a verdict is unaltered and holds: a stop is never a person's to lift.

    Raises:
        VerdictError: It is not.
    """
    what = f"verdict of {verdict.dataset} {verdict.version}"
    if verdict.seal != verdict.expected_seal():
        raise VerdictError(f"{what}: was altered after judging, expected it as sealed. Run `resift refresh` again.")
    failed = sum(finding.status == "fail" for finding in verdict.findings)
    if verdict.status != "hold" or failed:
        raise VerdictError(
            f"{what}: says {verdict.status} with {failed} failed checks, expected hold with none. A hold may be "
            "approved; a stop means that the data is wrong, and proceed needs nobody."
        )
