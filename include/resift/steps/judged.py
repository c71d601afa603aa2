"""Hold what is to be published to what was judged: the verdict is the judge's own, and the bytes are those it saw."""

from __future__ import annotations

from collections.abc import Iterable

from resift.checks.judge import status_of
from resift.errors import KeyNotFound, StagingError, VerdictError
from resift.model.document import sha256_hex
from resift.model.keys import Staging
from resift.model.refresh import CutReceipt, Plan
from resift.model.verdict import Verdict
from resift.steps.measured import measured_digest
from resift.storage import Store
from resift.storage.together import AT_A_TIME

COPIED_BYTES = 192 << 20
"""Bytes of files that are read again and copied side by side; each is held whole."""


def require_judged(store: Store, staging: Staging, plan: Plan, cut: CutReceipt, verdict: Verdict) -> None:
    """Check that a verdict is the one the judge left, over these measurements, and follows from its own findings.

    Raises:
        VerdictError: None lies there, or another, or of other measurements, or it lets pass what its findings do not.
    """
    try:
        staged = Verdict.from_json(store.get(staging.verdict), what=f"{store.url}/{staging.verdict}")
    except KeyNotFound as error:
        raise VerdictError(
            f"{store.url}/{staging.verdict}: not found, expected the verdict of the judge with seal "
            f"{verdict.seal[:12]}…. Run the judge first."
        ) from error
    if staged != verdict:
        raise VerdictError(
            f"{store.url}/{staging.verdict}: its seal is {staged.seal[:12]}…, expected {verdict.seal[:12]}… as handed "
            "in. Publish with the verdict the judge staged."
        )
    if verdict.measured_digest != (found := measured_digest(store, staging, plan, cut)):
        raise VerdictError(
            f"verdict of {verdict.dataset} {verdict.version}: speaks of measurements with digest "
            f"{verdict.measured_digest[:12] or 'none'}…, those in {store.url}/{staging.prefix}metrics/ have "
            f"{found[:12]}…. They were altered or removed after judging; run audit and judge of this refresh again."
        )
    given = status_of(verdict.findings, evaluated=verdict.evaluated)
    if verdict.status != given:
        raise VerdictError(
            f"verdict of {verdict.dataset} {verdict.version}: says {verdict.status} after {verdict.evaluated} checks, "
            f"its {len(verdict.findings)} findings give {given}. The judge never says so; run `resift refresh` again."
        )


def copies_at_a_time(sizes: Iterable[int]) -> int:
    """Return how many files of these sizes in bytes may be copied side by side, were all as large as the largest."""
    return max(1, min(AT_A_TIME, COPIED_BYTES // max(sizes, default=1)))


def copy_judged(store: Store, key: str, prefix: str, *, path: str, sha256: str) -> None:
    """Copy a staged file that still has the digest it was judged with.

    It is looked at before it is copied: another publisher of the same content may own the target by now.

    Raises:
        StagingError: It is gone, or was altered.
    """
    try:
        found = sha256_hex(store.get(key))
    except KeyNotFound as error:
        raise StagingError(
            f"{path}: found nothing at {store.url}/{key}, expected the file that was judged, with sha256 {sha256}. "
            "Start the refresh again from `plan`."
        ) from error
    if found != sha256:
        raise StagingError(
            f"{path}: bytes are those that were judged: found sha256 {found} at {store.url}/{key}, expected {sha256}. "
            "It was altered after judging; start the refresh again from `plan`."
        )
    store.copy(key, prefix + path)
