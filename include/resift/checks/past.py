"""Decides whether more members left for a cause than is usual for this dataset, by its recent versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

from resift.checks.chance import jump_allowance
from resift.model.dataset import Limits
from resift.model.reasons import DELETED, EXCLUDED, PRIVATE, STALE
from resift.model.verdict import Finding

MOST_VERSIONS = 8
"""Recent versions to compare with: two years at four versions a year. What is older was another time."""

LEAST_VERSIONS = 3
"""With fewer, the median is a single version, or lies between two: no habit yet."""

CAUSES = (
    ("members deleted or private against recent versions", (DELETED, PRIVATE)),
    ("members gone stale against recent versions", (STALE,)),
    ("members newly excluded against recent versions", (EXCLUDED,)),
)
"""Each rule, and the causes it counts together."""


@dataclass(frozen=True, slots=True)
class PastExits:
    """Who left when a version was published."""

    version: date
    members: int
    """Rows of the version before it."""

    left: Mapping[str, int]
    """How many of them left, by cause."""


def count_exits(left: Mapping[str, int], causes: Sequence[str]) -> int:
    """Return how many left for one of the causes, whatever the reason behind it."""
    return sum(count for cause, count in left.items() if cause.partition(".")[0] in causes)


def find_unusual_exits(
    left: Mapping[str, int], past: Sequence[PastExits], limits: Limits, *, members: int, outages: int = 0
) -> Iterator[Finding]:
    """Compare the shares of exits with those of recent versions: one above floor and multiple of the median holds.

    Args:
        left: Exits by cause, over all members of the previous snapshot.
        past: The same of recent versions, newest first; those without members tell nothing.
        limits: The dataset's.
        members: Members of the previous snapshot, at least one.
        outages: Members gone stale in outages, which hold by a rule of their own and are not counted here.
    """
    told = [one for one in past if one.members > 0][:MOST_VERSIONS]
    names = ", ".join(str(one.version) for one in told) or "none"
    for rule, causes in CAUSES:
        aside = outages if STALE in causes else 0
        rest, exits = members - aside, max(0, count_exits(left, causes) - aside)
        if len(told) < LEAST_VERSIONS or rest <= 0:
            found = f"{len(told)} earlier versions to compare with ({names})" if rest > 0 else "no other members"
            yield not_compared(rule, limits, found=found)
            continue
        usual = median(count_exits(one.left, causes) / one.members for one in told)
        allowed = min(1.0, max(limits.jump_floor, limits.jump_factor * usual))
        room = jump_allowance(allowed, members=rest)
        yield Finding(
            rule=rule,
            status="hold" if exits > (allowed + room) * rest else "pass",
            found=f"{exits / rest:.1%} ({exits} of {rest} members), median {usual:.1%} of {names}",
            expected=f"{_limit(limits)}: {allowed:.1%} and {room:.1%} for chance",
        )


def not_compared(rule: str, limits: Limits, *, found: str) -> Finding:
    """Return the finding where there is too little to compare with: nothing passes."""
    expected = f"{_limit(limits)}, over at least {LEAST_VERSIONS} versions"
    return Finding(rule=rule, status="not_applicable", found=found, expected=expected)


def _limit(limits: Limits) -> str:
    factor, floor = f"jump_factor {limits.jump_factor:g}", f"jump_floor {limits.jump_floor:.1%}"
    return f"at most {factor} times the median, and no jump up to {floor}"
