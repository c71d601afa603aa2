"""Whether a manifest agrees with itself."""

from __future__ import annotations

from collections.abc import Iterator

from resift.core.cut import content_digest
from resift.model.manifest import Manifest


def check_totals(manifest: Manifest) -> Iterator[str]:
    """Yield where a manifest contradicts itself; nothing is read."""
    what = f"snapshot {manifest.dataset} {manifest.version}.{manifest.revision}"
    rows = sum(part.rows for part in manifest.parts)
    if rows != manifest.rows:
        yield f"{what}: its parts have {rows} rows, the manifest says {manifest.rows}."
    funnel = manifest.funnel
    accounted = funnel.superseded + sum(funnel.removed.values()) + funnel.kept
    if accounted != funnel.observations or funnel.kept != manifest.rows + manifest.erased:
        yield (
            f"{what}: the funnel accounts for {accounted} of {funnel.observations} and keeps {funnel.kept} of them, "
            f"{manifest.erased} were erased since."
        )
    digest = content_digest(
        columns=[(column.name, column.type) for column in manifest.columns],
        start=manifest.draw.start,
        width=manifest.draw.width,
        parts=manifest.parts,
    )
    if digest != manifest.content_digest:
        yield f"{what}: its entries give content digest {digest}, the manifest says {manifest.content_digest}."
