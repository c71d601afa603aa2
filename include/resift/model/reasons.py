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

LEFT_CAUSES = (ROTATED, STALE, DELETED, PRIVATE, EXCLUDED, SUPPRESSED)
ENTERED_CAUSES = (BORN, DRAWN)
