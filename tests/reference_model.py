"""The rules of a snapshot once more, item by item, in plain Python: what the product is checked against."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from pandas.util import hash_array

RESTRICTIVE = ["public", "private", "deleted"]
EU = {"FR", "DE"}
READABLE = EU | {"US", "JP"}


def prn(image_id, salt):
    return int(hash_array(np.array([image_id], dtype=object), hash_key=salt, categorize=False)[0]) >> 1


def excluded(observation):
    countries = [observation.get("owner_country"), observation.get("upload_country")]
    given = [country for country in countries if country]
    return not given or any(country in EU or country not in READABLE for country in given)


def reason_out(observations, as_of, known_at, max_age, suppressed):
    """Why an item is not in the frame, or None."""
    then = [o for o in observations if o["observed_at"] <= as_of]
    if not then:
        return "unborn"
    speaking = [o for o in then if o["observed_at"] == max(p["observed_at"] for p in then)]
    end_of_day = known_at.replace(hour=23, minute=59, second=59, microsecond=999_999)
    for limit in (end_of_day, max(o["observed_at"] for o in observations)):
        now = [o for o in observations if o["observed_at"] <= limit]
        speaking += [o for o in now if o["observed_at"] == max(p["observed_at"] for p in now)]
    worst = max(RESTRICTIVE.index(o["state"]) for o in speaking)
    if worst:
        return RESTRICTIVE[worst]
    if max(o["observed_at"] for o in then) < as_of - max_age:
        return "stale"
    if observations[0]["image_id"] in suppressed or any(o.get("owner_id") in suppressed for o in observations):
        return "suppressed"
    return "excluded" if any(excluded(o) for o in speaking) else None


def erased_items(history, identifier):
    """The items an erasure takes out: the one named, or all that ever named the owner."""
    return {o["image_id"] for o in history if identifier == o.get("owner_id")} | {identifier}


def draw(history, *, as_of, known_at, start, size, salt, max_age=timedelta(days=90), suppressed=frozenset()):
    """The ids of a snapshot in order, and the reason for every other item."""
    items = {}
    for observation in history:
        items.setdefault(observation["image_id"], []).append(observation)
    reasons = {name: reason_out(seen, as_of, known_at, max_age, suppressed) for name, seen in items.items()}
    frame = [name for name, reason in reasons.items() if reason is None]
    frame.sort(key=lambda name: ((prn(name, salt) - start) % 2**63, name))
    return frame[:size], reasons
