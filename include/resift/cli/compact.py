"""``resift compact``, ``resift sweep``: few runs instead of many, and the disk space of those that were replaced."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from resift.cli.options import AsJson, Lake, open_lake, read_datasets

if TYPE_CHECKING:
    from resift.model.compaction import Compaction


def compact(
    pools: Annotated[list[str], typer.Argument(metavar="POOL…", help="The pools to compact.")],
    lake: Lake,
    workers: Annotated[int, typer.Option(min=1, help="Intervals merged at a time.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Merge the many small runs of a pool into few, leaving out what no answer needs. Repeating it changes nothing."""
    from resift.cli.render import print_json
    from resift.steps.compact import compact as run

    store, datasets = open_lake(lake), read_datasets()
    answers = []
    for pool in pools:
        found = run(store, pool=pool, datasets=datasets, now=datetime.now(UTC), workers=workers)
        answers.append(_answer(pool, found))
        if not as_json:
            typer.echo(_line(pool, found))
    if as_json:
        print_json(answers)


def _answer(pool: str, found: Compaction | None) -> dict[str, object]:
    if found is None:
        return {"pool": pool, "compacted": False}
    return {
        "pool": pool,
        "compacted": True,
        "number": found.number,
        "compaction_id": found.compaction_id,
        "runs_merged": len(found.inputs),
        "runs_written": len(found.layers[-1].all_runs) if found.kept else 0,
        "observations": found.observations,
        "kept": found.kept,
        "removed": found.removed,
        "dates": [str(day) for day in found.memory.dates],
    }


def _line(pool: str, found: Compaction | None) -> str:
    if found is None:
        return f"pool {pool}: nothing to compact, its runs are few enough"
    removed = "".join(f" + {count:,} {reason}" for reason, count in found.removed.items())
    written = len(found.layers[-1].all_runs) if found.kept else 0
    return (
        f"pool {pool}: compaction {found.number}: {len(found.inputs):,} runs merged into {written:,}: "
        f"{found.observations:,} observations = {found.kept:,} kept{removed or ' + 0 removed'}"
    )


def sweep(
    pool: Annotated[str, typer.Argument(help="The pool to sweep.")],
    lake: Lake,
    digest: Annotated[
        str | None, typer.Option(help="Delete what the sweep with this digest shows. Without it nothing is deleted.")
    ] = None,
    grace_days: Annotated[int, typer.Option(min=1, help="Days a replaced run stays at least.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Show which runs compaction has replaced and nobody needs any more; with --digest, delete them."""
    from resift.cli.render import print_json
    from resift.steps.sweep import sweep as run

    found = run(
        open_lake(lake),
        pool=pool,
        now=datetime.now(UTC),
        grace=timedelta(days=grace_days),
        dry_run=digest is None,
        digest=digest,
    )
    if as_json:
        print_json({"deleted": digest is not None, "digest": found.digest, **found.model_dump(mode="json")})
        return
    for key in found.keys:
        typer.echo(key)
    for plan, named in found.held.items():
        typer.echo(f"resift: {len(named):,} more are held by a refresh under way: {plan}", err=True)
    objects = f"{len(found.keys):,} object{'s' * (len(found.keys) != 1)}, {found.size_bytes:,} bytes"
    if digest is not None:
        typer.echo(f"pool {pool}: deleted {objects}")
    elif found.keys:
        typer.echo(f"pool {pool}: {objects} can be deleted: resift sweep {pool} --digest {found.digest}")
    else:
        typer.echo(f"pool {pool}: nothing can be deleted")
