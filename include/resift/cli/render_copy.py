"""How the answer of a pull looks."""

from __future__ import annotations

from pathlib import Path

import typer

from resift.client.pull import Pulled
from resift.model.manifest import Manifest


def render_pulled(manifest: Manifest, pulled: Pulled, place: Path, *, as_json: bool) -> None:
    """Print what lies where, and how much of it was fetched."""
    target = pulled.copy.target
    rows = manifest.rows if target.rows is None else min(target.rows, manifest.rows)
    if as_json:
        from resift.cli.render import print_json  # tables take a while to load

        print_json(
            {
                "place": str(place),
                **target.model_dump(mode="json"),
                "rows": rows,
                "files": len(pulled.copy.files),
                "fetched": pulled.fetched,
                "fetched_bytes": pulled.fetched_bytes,
            }
        )
        return
    size = sum(file.size_bytes for file in pulled.copy.files)
    count = len(pulled.copy.files)
    fetched = f"{pulled.fetched} fetched" if pulled.fetched else "all there already"
    typer.echo(
        f"{manifest.dataset} {manifest.version}.{manifest.revision}: {count} file{'s' * (count > 1)}, {rows:,} rows, "
        f"{size:,} bytes in {place}, each verified; {fetched}"
    )
