"""What a scheduler needs of a hold: whether to ask a person, what to show, and what the answer means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from resift.errors import RefreshHeld
from resift.model.approval import Approval
from resift.model.verdict import Verdict
from resift.steps.approve import approve
from resift.storage import Store

APPROVE = "Approve"
"""The option of Airflow's approval that lets a snapshot pass."""

ASK, GO_ON = "approve", "publish"
"""The tasks a run goes on with: to ask a person first, or not."""

_MOST_BYTES = 2_500
"""Of the reasons: what is handed on from task to task stays below four kilobytes."""


_ADVICE = (
    "Approve only what you can explain. Name, time and reason are published. If drops that came since it was planned "
    "take items out, publishing refuses, and it is to be refreshed and approved anew."
)


def next_task(status: str, *, unattended: bool) -> str:
    """Return the task that follows a verdict: a person is asked only where it holds and somebody may answer.

    An unattended run goes on to ``publish``, which refuses what is held and not approved.
    """
    return ASK if status == "hold" and not unattended else GO_ON


def reasons(verdict: Verdict) -> str:
    """Return why a verdict holds, in Markdown: as many findings as have room, and how many more there are."""
    lines = [f"**{verdict.dataset} {verdict.version}** is held, seal `{verdict.seal[:12]}`.", ""]
    failures = verdict.failures()
    for place, finding in enumerate(failures):
        # Hosts and parts are words of other people: they must not become links or markup.
        line = "- " + re.sub(r"([\\`*_\[\]<>#|!])", r"\\\1", finding.message())[:500]
        if len("\n".join([*lines, line]).encode()) > _MOST_BYTES:
            lines.append(
                f"- and {len(failures) - place} more: see `resift approve {verdict.dataset} {verdict.version}`"
            )
            break
        lines.append(line)
    return "\n".join([*lines, "", _ADVICE])


def approve_as_answered(store: Store, verdict: Verdict, response: Mapping[str, Any], *, judged_at: str) -> Approval:
    """Write the approval a person gave in Airflow: who, when and why are those of the response.

    Raises:
        RefreshHeld: The answer is not yes, nobody gave it, or it was given before the snapshot was judged.
        VerdictError: The verdict may not be approved, or no reason was given.
    """
    user, chosen = response.get("responded_by_user"), list(response.get("chosen_options") or [])
    if chosen != [APPROVE] or not user:
        raise RefreshHeld(
            f"refresh {verdict.dataset} {verdict.version}: not published. The answer is {chosen or 'missing'} by "
            f"{user or 'nobody'}, expected {APPROVE} by a person. Clear `approve` of this run to ask again."
        )
    given = response["responded_at"]
    at = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    if at < datetime.fromisoformat(judged_at):
        raise RefreshHeld(
            f"refresh {verdict.dataset} {verdict.version}: not published. The answer is of {at:%Y-%m-%d %H:%M:%S} UTC, "
            f"expected one after {judged_at}, when the snapshot was judged: it was for another verdict. "
            "Clear `approve` of this run to ask again."
        )
    return approve(
        store,
        verdict,
        by=str(user.get("name") or user["id"]),
        why=str((response.get("params_input") or {}).get("why") or ""),
        at=at,
    )
