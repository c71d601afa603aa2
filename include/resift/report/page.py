"""Puts a snapshot's manifest and verdict on one page that opens anywhere: no script, nothing loaded, equal bytes."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from resift.model.manifest import Manifest
from resift.model.mixes import WHOLE, Mixes
from resift.model.verdict import Finding, Verdict
from resift.report.charts import alone
from resift.report.pictures import pictures

_DRIFT = {
    "fail": "stopped",
    "warn": "worth a look",
    "hold": "held",
    "pass": "as before",
    "not_applicable": "nothing to compare",
}

_HELD = ("churn", "country_drift", "license_drift", "host_drift", "age_drift", "null_drift")
"""Limits of drift that hold."""

_FIELDS = (
    ("owner_country", "upload_country", "owner's country", "country of the upload"),
    ("owner_country", "gps", "owner's country", "coordinates"),
    ("upload_country", "gps", "country of the upload", "coordinates"),
)
"""Pairs of evidence that are compared, and their names."""

_DECISIVE = ("inside", "outside")


@dataclass(frozen=True, slots=True)
class Report:
    """The page, and its pictures as files of their own, by name."""

    page: bytes
    pictures: dict[str, bytes]


def report(manifest: Manifest, verdict: Verdict, *, previous: Mixes | None) -> Report:
    """Return the page of a snapshot.

    Nothing on it depends on the clock or on rows that are not in the snapshot, but for counts that the manifest
    publishes too.

    Args:
        manifest: What is published.
        verdict: What it was published with.
        previous: The mixes of the previous version, if it has any.
    """
    # Readers of snapshots install neither this library nor Great Expectations.
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    drawn = pictures(manifest, verdict.mixes, previous)
    folder = files("resift.report")
    styles = [folder.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "charts.css")]
    environment = Environment(
        loader=PackageLoader("resift", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("page.html.j2").render(
        m=manifest,
        verdict=verdict,
        style=Markup("\n".join(styles)),
        pictures={name: Markup(picture.svg) for name, picture in drawn.items()},
        tables={name: picture.table for name, picture in drawn.items()},
        banner=_banner(verdict),
        drift=[_measure(one) for one in verdict.findings if _is_measure(one)],
        evidence=_evidence(manifest),
        whole=WHOLE,
    )
    return Report(page.encode(), {f"{name}.svg": alone(picture.svg).encode() for name, picture in drawn.items()})


def _banner(verdict: Verdict) -> dict[str, Any]:
    counts = dict.fromkeys(("pass", "warn", "hold", "fail", "not_applicable"), 0)
    for finding in verdict.findings:
        counts[finding.status] += 1
    shown = [*verdict.failures(), *verdict.warnings()]
    # A version that exists was let pass: what was held and approved is worth a look, and not wrong.
    return {"counts": counts, "shown": shown, "tone": "warn" if shown else "good"}


def _is_measure(finding: Finding) -> bool:
    """Tell measures of drift from other rules, by the limit they are held against; the breaker's are not among them."""
    key = finding.expected.split(" ")[0]
    return key.endswith(("_warn", "_stop")) or key in _HELD


def _measure(finding: Finding) -> dict[str, str]:
    return {
        "rule": finding.rule,
        "found": finding.found,
        "limit": finding.expected,
        "status": finding.status,
        "says": _DRIFT.get(finding.status, finding.status),
    }


def _evidence(manifest: Manifest) -> dict[str, Any] | None:
    counts = manifest.evidence
    if counts is None or not counts.items:
        return None
    pairs = []
    for one, other, name, other_name in _FIELDS:
        both = {pair: items for pair, items in counts.compare(one, other).items() if set(pair) <= {*_DECISIVE}}
        total = sum(both.values())
        against = sum(items for (first, second), items in both.items() if first != second)
        pairs.append({"one": name, "other": other_name, "both": total, "against": against})
    countries = [
        {"code": code, "judged": country.items, "lost": country.buffer_only}
        for code, country in sorted(counts.countries.items(), key=lambda one: (-one[1].buffer_only, one[0]))
        if country.buffer_only
    ]
    return {"judged": counts.items, "pairs": pairs, "countries": countries[:12], "lost": counts.buffer_only}
