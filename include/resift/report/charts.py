"""Draws bars, a histogram and the circle of PRNs as SVG: pure functions, equal bytes for equal numbers.

Each picture has a title and a description for who does not see it, and its colours follow light and dark. Drawn 380
wide, so that its words stay readable on a telephone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

WIDTH = 380
_ROW, _LINE = 40, 18
_LETTER, _DIGIT = 7.5, 9
"""Widths of a letter and of a bold digit, in the widest font a reader is likely to have."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a bar chart."""

    label: str
    value: float
    shown: str
    """The value as a person reads it."""

    tone: str = "now"
    """``now``, ``gone``, ``in``, ``kept`` or ``rest``: a colour of the style sheet."""

    start: float = 0.0
    """Where the bar begins, on the scale of the values."""

    before: float | None = None
    """The value in the previous version, drawn as a mark."""


@dataclass(frozen=True, slots=True)
class Arc:
    """An interval of PRNs: where it starts and how much it covers, as shares of the circle."""

    label: str
    start: float
    width: float
    tone: str


def bars(name: str, title: str, description: str, lines: Sequence[Bar]) -> str:
    """Draw one bar under each label, all on one scale that ends at the largest value."""
    most = max((max(bar.start + bar.value, bar.before or 0) for bar in lines), default=0) or 1
    drawn, top = [], 0
    for bar in lines:
        first, *more = in_lines(bar.label, beside=bar.shown)
        left, length = bar.start / most * WIDTH, max(bar.value / most * WIDTH, 1.5 if bar.value else 0)
        left = min(left, WIDTH - length)
        drawn.append(
            f"<g><title>{escape(bar.label)}: {escape(bar.shown)}</title>"
            f'<text x="0" y="{top + 15}">{escape(first)}</text>'
            f'<text class="value" x="{WIDTH}" y="{top + 15}" text-anchor="end">{escape(bar.shown)}</text>'
        )
        for line in more:
            top += _LINE
            drawn.append(f'<text x="0" y="{top + 15}">{escape(line)}</text>')
        drawn.append(
            f'<rect class="track" x="0" y="{top + 21}" width="{WIDTH}" height="9" rx="2"/>'
            f'<rect class="{bar.tone}" x="{left:.1f}" y="{top + 21}" width="{length:.1f}" height="9" rx="2"/>'
            + _mark(bar, most, top)
            + "</g>"
        )
        top += _ROW
    return _picture(name, title, description, "".join(drawn), height=top)


def _mark(bar: Bar, most: float, top: int) -> str:
    if bar.before is None:
        return ""
    at = min(max(bar.before / most * WIDTH, 1.5), WIDTH - 1.5)
    return f'<line class="before" x1="{at:.1f}" x2="{at:.1f}" y1="{top + 18}" y2="{top + 33}"/>'


def histogram(name: str, title: str, description: str, columns: Sequence[Bar], *, axis: str) -> str:
    """Draw one column per bar, from the left, with its label below; a mark shows the previous version."""
    most = max((max(bar.value, bar.before or 0) for bar in columns), default=0) or 1
    floor, step = 170, WIDTH / max(1, len(columns))
    drawn = [f'<line class="axis" x1="0" x2="{WIDTH}" y1="{floor}" y2="{floor}"/>']
    for number, bar in enumerate(columns):
        left, height = number * step + step * 0.12, bar.value / most * (floor - 26)
        drawn.append(
            f"<g><title>{escape(bar.label)} {escape(axis)}: {escape(bar.shown)}</title>"
            f'<rect class="{bar.tone}" x="{left:.1f}" y="{floor - height:.1f}" width="{step * 0.76:.1f}" '
            f'height="{height:.1f}" rx="2"/>'
        )
        if bar.before is not None:
            at = floor - bar.before / most * (floor - 26)
            drawn.append(
                f'<line class="before" x1="{left:.1f}" x2="{left + step * 0.76:.1f}" y1="{at:.1f}" y2="{at:.1f}"/>'
            )
        middle = left + step * 0.38
        top = floor - max(bar.value, bar.before or 0) / most * (floor - 26)
        if bar.value:
            drawn.append(
                f'<text class="small" x="{middle:.1f}" y="{top - 6:.1f}" text-anchor="middle">'
                f"{escape(bar.shown)}</text>"
            )
        drawn.append(
            f'<text class="small" x="{middle:.1f}" y="{floor + 17}" text-anchor="middle">{escape(bar.label)}</text></g>'
        )
    drawn.append(f'<text class="small" x="{WIDTH / 2}" y="{floor + 38}" text-anchor="middle">{escape(axis)}</text>')
    return _picture(name, title, description, "".join(drawn), height=floor + 46)


def circle(name: str, title: str, description: str, arcs: Sequence[Arc]) -> str:
    """Draw the circle of PRNs, and on it each interval as an arc, the first outermost; 0 is at the top."""
    middle, radius = WIDTH / 2, 112.0
    drawn = []
    for number, arc in enumerate(arcs):
        r = radius - number * 26
        drawn.append(f'<circle class="ring" cx="{middle}" cy="136" r="{r}"/>')
        drawn.append(f"<g><title>{escape(arc.label)}</title>{_arc(middle, 136, r, arc)}</g>")
        drawn.append(f'<rect class="{arc.tone}" x="8" y="{270 + number * 24}" width="14" height="14" rx="2"/>')
        drawn.append(f'<text x="30" y="{282 + number * 24}">{escape(arc.label)}</text>')
    drawn.append(f'<text class="small" x="{middle}" y="11" text-anchor="middle">0</text>')
    return _picture(name, title, description, "".join(drawn), height=272 + 24 * len(arcs))


def _arc(x: float, y: float, radius: float, arc: Arc) -> str:
    if arc.width >= 0.9999:
        return f'<circle class="arc {arc.tone}" cx="{x}" cy="{y}" r="{radius}"/>'
    begin, end = (2 * math.pi * at - math.pi / 2 for at in (arc.start, arc.start + arc.width))
    points = [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in (begin, end)]
    (x1, y1), (x2, y2) = points
    large = int(arc.width > 0.5)
    return f'<path class="arc {arc.tone}" d="M{x1:.2f} {y1:.2f}A{radius:g} {radius:g} 0 {large} 1 {x2:.2f} {y2:.2f}"/>'


def in_lines(label: str, *, beside: str) -> list[str]:
    """Return a label in lines of whole words; the first leaves room for the value. A word too long is shortened."""
    lines, rest, shown = list[str](), label.split(), beside
    while rest:
        longest = int((WIDTH - _DIGIT * (len(shown) + 1)) / _LETTER)
        fitting = next((n for n in range(len(rest), 1, -1) if len(" ".join(rest[:n])) <= longest), 1)
        lines.append(shortened(" ".join(rest[:fitting]), beside=shown))
        rest, shown = rest[fitting:], ""
    return lines or [""]


def shortened(label: str, *, beside: str) -> str:
    """Return a label that fits beside its value: the middle of a long one is left out."""
    longest = int((WIDTH - _DIGIT * (len(beside) + 1)) / _LETTER)
    if len(label) <= longest:
        return label
    half = (longest - 1) // 2
    return f"{label[:half]}…{label[-half:]}"


def alone(picture: str) -> str:
    """Return a picture as a file of its own, with the colours that the page gives it inline."""
    style = files("resift.report").joinpath("charts.css").read_text(encoding="utf-8")
    head, _, rest = picture.partition(">")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head} xmlns="http://www.w3.org/2000/svg"><style>{style}</style>{rest}\n'


def _picture(name: str, title: str, description: str, drawn: str, *, height: int) -> str:
    return (
        f'<svg class="chart" viewBox="-2 0 {WIDTH + 4} {height}" role="img" aria-labelledby="{name}-t {name}-d">'
        f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(description)}</desc>{drawn}</svg>'
    )
