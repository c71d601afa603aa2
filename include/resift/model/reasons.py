"""Why an item is not in a snapshot, and why it entered or left: every word is written here once."""

from __future__ import annotations

# Reasons of the frame, in the order in which they are tried: a removed item has the first that holds.
UNBORN = "unborn"
"""First observed after as_of."""

DELETED = "deleted"
PRIVATE = "private"
STALE = "stale"
"""Last observed longer than max_age before as_of."""

SUPPRESSED = "suppressed"
"""Removal was requested; never again."""

EXCLUDED = "excluded"
"""By policy; counted as ``excluded.<reason of the policy>``."""

NOT_DRAWN = "not_drawn"
"""Eligible, but beyond the cut."""

FRAME_REASONS = (UNBORN, DELETED, PRIVATE, STALE, SUPPRESSED, EXCLUDED)

# Changes against the previous snapshot.
ENTERED = "entered"
LEFT = "left"

BORN = "born"
"""Entered: first observed after the previous as_of."""

DRAWN = "drawn"
"""Entered: known before, and in the sample only now."""

ROTATED = "rotated"
"""Left: still eligible, but outside the interval of PRNs the snapshot covers."""

UNRECORDED = "unrecorded"
"""Entered or left: nobody compared the versions between which an item came or went, or the record is gone."""

LEFT_CAUSES = (ROTATED, STALE, DELETED, PRIVATE, EXCLUDED, SUPPRESSED)
ENTERED_CAUSES = (BORN, DRAWN)

MEANINGS = {
    BORN: "first observed since",
    DELETED: "no longer there",
    DRAWN: "known before, in the sample only now",
    EXCLUDED: "by policy",
    NOT_DRAWN: "eligible, but the sample was full",
    PRIVATE: "no longer public",
    ROTATED: "eligible, but outside the PRNs covered now",
    STALE: "not observed within max_age",
    SUPPRESSED: "removal was asked for",
    UNBORN: "first observed after as_of",
}
"""What each means, for people."""


def spell(reason: str) -> str:
    """Return a reason as a person reads it: ``excluded.inside.owner_country`` is excluded: inside (owner_country)."""
    word, *policy = reason.split(".")
    if not policy:
        return f"{word.replace('_', ' ')}: {MEANINGS[word]}" if word in MEANINGS else word
    return f"{word}: {policy[0].replace('_', ' ')}" + (f" ({'.'.join(policy[1:])})" if policy[1:] else "")


def place(reason: str, order: tuple[str, ...]) -> tuple[int, str]:
    """Return where a reason stands in an order of words; unknown ones come last."""
    word = reason.split(".")[0]
    return (order.index(word) if word in order else len(order), reason)
