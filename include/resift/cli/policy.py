"""``resift policy check``, ``explain``, ``judge``, ``audit``, ``diff``: look at the exclusion policy, and apply it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from resift.cli.exits import NO
from resift.cli.options import AsJson, DatasetName, Lake, choose_dataset, open_lake

policy = typer.Typer(help="Look at the exclusion policy, and apply it.", no_args_is_help=True)

PolicyName = Annotated[str, typer.Option("--policy", help="A policy by name, or the path of its file.")]
AsOf = Annotated[
    datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="Day to judge for. Today if not given.")
]


def _say(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(answer, default=str))
        return
    for key, value in answer.items():
        typer.echo(f"{key:20}{', '.join(map(str, value)) if isinstance(value, list) else value}")


@policy.command()
def check(
    name: Annotated[str, typer.Argument(metavar="POLICY")] = "eu", as_of: AsOf = None, as_json: AsJson = False
) -> None:
    """Load a policy with all its checks: schema, codes, intervals, pins, every case, and its date of review."""
    from resift.steps.policy import check_policy, today

    _say(asdict(check_policy(name, day=as_of.date() if as_of else today())), as_json=as_json)


@policy.command()
def explain(
    record: Annotated[str, typer.Argument(help='One record in JSON, such as \'{"owner_country": "FR"}\'.')],
    name: PolicyName = "eu",
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Tell what every field of one record says, the verdict and why. Exit code 1 if it is excluded."""
    from resift.errors import ConfigError
    from resift.steps.policy import explain_record, today

    try:
        content = json.loads(record)
    except json.JSONDecodeError as error:
        raise ConfigError(f"record: not JSON ({error}), expected an object of fields. Correct it.") from error
    if not isinstance(content, dict):
        raise ConfigError(f"record: found {type(content).__name__}, expected an object of fields. Correct it.")
    fields = {key: None if value is None else str(value) for key, value in content.items()}
    answer = explain_record(name, fields, days=(as_of.date() if as_of else today(),))
    _say(
        answer if as_json else {**{k: v for k, v in answer.items() if k != "fields"}, **answer["fields"]},
        as_json=as_json,
    )
    if answer["verdict"] == "exclude":
        raise typer.Exit(NO)


@policy.command("judge")
def judge_rows(
    source: Annotated[Path, typer.Option("--in", help="A .csv or .parquet file, columns named as in an observation.")],
    target: Annotated[Path, typer.Option("--out", help="Where to write; .csv or .parquet.")],
    name: PolicyName = "eu",
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Write the rows of a file in their order, with the columns verdict and reasons added."""
    from resift.steps.policy import judge_file, today

    _say(dict(judge_file(name, source, target, days=(as_of.date() if as_of else today(),))), as_json=as_json)


@policy.command()
def audit(
    version: Annotated[str, typer.Argument(help="A version such as 2026-09-28, or latest.")],
    lake: Lake,
    dataset: DatasetName = None,
    name: PolicyName = "eu",
    as_json: AsJson = False,
) -> None:
    """Judge a published version by the policy as it is now. Exit code 1 if something would be excluded."""
    from resift.client.snapshots import read_manifest
    from resift.steps.policy_audit import audit_version

    store = open_lake(lake)
    manifest = read_manifest(store, choose_dataset(store, dataset), version)
    found = audit_version(store, manifest, policy=name, known_at=datetime.now(UTC))
    _say({"version": manifest.version, "policy": name, "excluded": sum(found.values()), **found}, as_json=as_json)
    if found:
        raise typer.Exit(NO)


@policy.command()
def diff(older: str, newer: str, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Tell which codes and cases two policies decide differently. Exit code 1 if there are any."""
    from resift.steps.policy import compare_policies, today

    answer = compare_policies(older, newer, day=as_of.date() if as_of else today())
    _say(answer, as_json=as_json)
    if any(value for value in answer.values() if isinstance(value, list)):
        raise typer.Exit(NO)
