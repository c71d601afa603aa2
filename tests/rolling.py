"""A pool that rolls: births, silence, deletions, un-deletions, owners that move, messy evidence; always the same."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from builders import cycle, instant, observation

CYCLES = 3
SIZE = 150
STATES = ["public"] * 46 + ["private", "deleted"]
COUNTRIES = ["US"] * 16 + ["JP", "FR", "Atlantis", None]


def rolling_drops(*, items: int = 400, births: int = 40, seed: int = 7) -> list[list[dict[str, Any]]]:
    """One drop before each of three cycles."""
    chance = random.Random(seed)
    drops = []
    for k in range(CYCLES):
        seen = [number for number in range(items + births * k) if chance.random() < 0.95]
        drops.append([_observe(chance, number, k) for number in seen])
    return drops


def _observe(chance: random.Random, number: int, k: int) -> dict[str, Any]:
    return observation(
        f"item-{number}",
        instant(cycle(k)) - timedelta(hours=chance.randrange(60 * 24)),
        state=chance.choice(STATES),
        url=f"https://host-{number % 3}.example/{number}.jpg",
        owner_id=f"owner-{chance.choice([number, number + 1]) % 7}",
        owner_country=chance.choice(COUNTRIES),
    )
