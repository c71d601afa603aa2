"""How the evidence of a version looks for people: where fields disagree, and what the buffer costs."""

from __future__ import annotations

import typer
from rich.table import Table

from resift.cli.render import console, print_json
from resift.model.evidence import OTHER, EvidenceCounts
from resift.model.manifest import Manifest

_PAIRS = (("owner_country", "upload_country"), ("owner_country", "gps"), ("upload_country", "gps"))
_TOLD = 5


def render_evidence(manifest: Manifest, *, as_json: bool) -> None:
    """Print how often two fields say the same of an item, and the countries that lose most to the buffer."""
    evidence = manifest.evidence
    if as_json:
        print_json(evidence.model_dump(mode="json") if evidence else None)
        return
    if evidence is None:
        typer.echo(f"{manifest.dataset} {manifest.version}.{manifest.revision}: its evidence was not counted")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(f"evidence of {evidence.items:,} items", no_wrap=True)
    for column in ("both outside", "both inside", "they disagree", "other"):
        table.add_column(column, justify="right", no_wrap=True)
    for one, other in _PAIRS:
        pairs = evidence.compare(one, other)
        outside, inside = (pairs.get((word, word), 0) for word in ("outside", "inside"))
        against = pairs.get(("inside", "outside"), 0) + pairs.get(("outside", "inside"), 0)
        counts = (outside, inside, against, evidence.items - outside - inside - against)
        table.add_row(f"{one} and {other}", *(f"{count:,}" for count in counts))
    console().print(table)
    typer.echo(f"lost to nothing but the buffer of coordinates: {evidence.buffer_only:,}{_most(evidence)}")


def _most(evidence: EvidenceCounts) -> str:
    lost = [(one.buffer_only, one.items, code) for code, one in evidence.countries.items() if one.buffer_only]
    lost = sorted((one for one in lost if one[2] != OTHER), key=lambda one: (-one[0], one[2]))[:_TOLD]
    return f" ({', '.join(f'{code} {few:,} of {items:,}' for few, items, code in lost)})" if lost else ""
