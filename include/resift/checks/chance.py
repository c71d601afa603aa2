"""How far chance alone may move what the judge measures: a sound snapshot is stopped once in 1.7 million refreshes."""

from __future__ import annotations

import math
from statistics import NormalDist

CHANCE = 2 * (1 - NormalDist().cdf(5))
"""How often chance alone may stop a sound snapshot, for each law of chance: 5 sigma, once in 1.7 million refreshes."""


def sigma_limit(looks: int) -> float:
    """Return the bound, in standard errors, that chance passes with 5 sigma's probability in any of so many looks.

    5.0 for one part and 6.2 for a thousand (Bonferroni): with 5 for each, a thousand parts would stop one sound
    snapshot in 1,700, and no second run could mend it.
    """
    return round(-NormalDist().inv_cdf(CHANCE / 2 / max(1, looks)), 2)


def hole_limit(rows: int) -> float:
    """Return how many rows the widest stretch without any may be expected to hold.

    The widest of ``n`` uniform spacings exceeds ``ln n + x`` mean spacings with probability ``exp(-x)``.
    """
    return round(math.log(max(1, rows)) - math.log(CHANCE), 2)


def uniform_limit(rows: int) -> float:
    """Return the largest distance allowed between the places of ``rows`` sampled rows and the uniform law.

    It exceeds ``d`` with probability ``2 exp(-2 n d²)`` at most (Massart 1990).
    """
    return round(math.sqrt(math.log(2 / CHANCE) / 2 / max(1, rows)), 4)


def mix_allowance(values: int, *, rows: int, before: int) -> float:
    """Return the distance between mixes that two samples of one population may show.

    Expected are at most √(k (1/n + 1/m) / 2π) for ``k`` values (Cauchy and Schwarz over normal deviations), and more
    than t above that with probability exp(-2 t² / (1/n + 1/m)) (McDiarmid 1989). Members in common only lessen it.
    """
    spread = 1 / max(1, rows) + 1 / max(1, before)
    return math.sqrt(values * spread / (2 * math.pi)) + math.sqrt(-math.log(CHANCE) * spread / 2)


def jump_allowance(share: float, *, members: int) -> float:
    """Return how far the share of exits may exceed its limit by chance, where members leave one by one: 5 sigma."""
    return 5 * math.sqrt(share * (1 - share) / max(1, members))


def share_allowance(*, rows: int, before: int) -> float:
    """Return how far two shares in samples of one population may differ: 5 sigma, at the widest."""
    return 5 * math.sqrt((1 / max(1, rows) + 1 / max(1, before)) / 4)
