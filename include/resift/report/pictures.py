"""Says which pictures a snapshot has, and what each shows: the same numbers as its table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

from resift.model.manifest import Changes, Manifest
from resift.model.mixes import NONE, OTHER, WHOLE, Mixes
from resift.model.reasons import ENTERED_CAUSES, FRAME_REASONS, LEFT_CAUSES, NOT_DRAWN, place, spell
from resift.report.charts import Arc, Bar, bars, circle, histogram

_CIRCLE = 2**63
_MOST_BARS = 12
_BIN_DAYS = 10


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, and the same as a table for who does not see it."""

    svg: str
    table: tuple[tuple[str, ...], ...]
    """Rows; the first is the heading."""


def pictures(manifest: Manifest, mixes: Mixes | None, previous: Mixes | None) -> dict[str, Picture]:
    """Return the pictures of a snapshot, by name."""
    drawn = {"funnel": _funnel(manifest), "circle": _circle(manifest)}
    if manifest.changes is not None:
        drawn["changes"] = _changes(manifest.changes)
    if mixes is None:
        return drawn
    before = previous or Mixes(country={}, host={}, license={}, age_days={}, nulls={})
    for name, title in (("country", "Country"), ("host", "Host"), ("license", "Licence")):
        if mix := getattr(mixes, name):
            drawn[name] = _mix(name, title, mix, getattr(before, name))
    if mixes.age_days:
        drawn["age"] = _ages(mixes.age_days, before.age_days)
    return drawn


def _funnel(manifest: Manifest) -> Picture:
    """Show each removal where it begins and ends, so that the bars step down from all that was read to what is left."""
    funnel = manifest.funnel
    reasons = sorted(funnel.removed.items(), key=lambda one: place(one[0], (*FRAME_REASONS, NOT_DRAWN)))
    losses = [("superseded by another of the same item", funnel.superseded), *((spell(r), n) for r, n in reasons)]
    left = list(accumulate((-count for _, count in losses), initial=funnel.observations))
    lines = [Bar("observations read", funnel.observations, f"{funnel.observations:,}", tone="now")]
    for (label, count), rest in zip(losses, left[1:], strict=True):
        lines.append(Bar(label, count, f"−{count:,}", tone="gone", start=rest))
    lines.append(Bar("in the snapshot", funnel.kept, f"{funnel.kept:,}", tone="kept"))
    words = f"Of {funnel.observations:,} observations read, {funnel.kept:,} are in the snapshot."
    return Picture(
        bars("funnel", "From what was read to the snapshot", words, lines), _table(lines, "", "observations")
    )


def _circle(manifest: Manifest) -> Picture:
    draw, changes = manifest.draw, manifest.changes
    arcs = [Arc(f"{manifest.version}: {_share(draw.width)} of it", draw.start / _CIRCLE, draw.width / _CIRCLE, "now")]
    if changes is not None:
        earlier = changes.previous
        label = f"{earlier.version}: {_share(earlier.width)} of it"
        arcs.append(Arc(label, earlier.start / _CIRCLE, earlier.width / _CIRCLE, "rest"))
    words = "The stretch of permanent random numbers each version covers, clockwise from 0 at the top."
    table = (("version", "from", "width"), *((a.label.split(":")[0], f"{a.start:.4f}", f"{a.width:.4f}") for a in arcs))
    return Picture(circle("circle", "Where on the circle the sample was drawn", words, arcs), table)


def _share(width: int) -> str:
    return f"{width / _CIRCLE:.1%}"


def _changes(changes: Changes) -> Picture:
    entered = sorted(changes.entered.items(), key=lambda one: place(one[0], ENTERED_CAUSES))
    left = sorted(changes.left.items(), key=lambda one: place(one[0], LEFT_CAUSES))
    lines = [Bar(spell(cause), count, f"+{count:,}", tone="in") for cause, count in entered]
    lines += [Bar(spell(cause), count, f"−{count:,}", tone="gone") for cause, count in left]
    words = f"Since {changes.previous.version}, {sum(changes.entered.values()):,} entered and "
    words += f"{sum(changes.left.values()):,} left, by cause."
    return Picture(bars("changes", "What entered and left, and why", words, lines), _table(lines, "change", "items"))


def _mix(name: str, title: str, mix: Mapping[str, int], before: Mapping[str, int]) -> Picture:
    """Show the largest shares; what lies beyond them is one bar with the others."""
    named = sorted((word for word in mix if word != OTHER), key=lambda word: (-mix[word], word))[:_MOST_BARS]
    lines = [
        Bar(_word(name, word), mix[word], _thousandths(mix[word]), before=before.get(word, 0) if before else None)
        for word in named
    ]
    if (rest := WHOLE - sum(mix[word] for word in named)) > 0:
        earlier = WHOLE - sum(before.get(word, 0) for word in named) if before else None
        lines.append(Bar("all others", rest, _thousandths(rest), tone="rest", before=earlier))
    words = f"Share of the snapshot by {title.lower()}" + ("; the mark is the previous version." if before else ".")
    return Picture(bars(name, title, words, lines), _table(lines, title.lower(), "share"))


def _ages(mix: Mapping[str, int], before: Mapping[str, int]) -> Picture:
    bins = sorted({int(word) for word in (*mix, *before) if word.isdigit()})
    columns = [
        Bar(
            str(age),
            mix.get(str(age), 0),
            _thousandths(mix.get(str(age), 0)),
            before=before.get(str(age), 0) if before else None,
        )
        for age in range(0, (bins[-1] if bins else 0) + 1, _BIN_DAYS)
    ]
    words = "Share of the snapshot by days between its date and when the item was last observed, in tens of days."
    axis = "days since last observed"
    return Picture(histogram("age", "Age", words, columns, axis=axis), _table(columns, axis, "share"))


def _word(name: str, word: str) -> str:
    if word != NONE:
        return word
    return {"country": "no country told", "license": "no licence told"}.get(name, "none told")


def _thousandths(share: float) -> str:
    return f"{share / WHOLE:.1%}"


def _table(lines: list[Bar], what: str, value: str) -> tuple[tuple[str, ...], ...]:
    if all(line.before is None for line in lines):
        return ((what, value), *((line.label, line.shown) for line in lines))
    earlier = ((line.label, line.shown, _thousandths(line.before or 0)) for line in lines)
    return ((what, value, "previous"), *earlier)
