"""The command ``resift``: ``resift VERB THING``.

Answers go to stdout, everything else to stderr. Exit codes: 0 done, 1 the answer is no, 2 wrong use,
3 could not find out.
"""

from __future__ import annotations

import atexit
import gc
import sys
from typing import Annotated

import typer

from resift import __version__
from resift.cli.approve import approve
from resift.cli.cite import cite
from resift.cli.compact import compact, sweep
from resift.cli.end import retire, withdraw
from resift.cli.erase import erase
from resift.cli.exits import exit_code
from resift.cli.history import history
from resift.cli.ingest import ingest
from resift.cli.pins import check, pin, update
from resift.cli.policy import policy
from resift.cli.pull import pull
from resift.cli.read import diff, show, snapshots, verify
from resift.cli.refresh import refresh
from resift.cli.suppress import suppress
from resift.errors import ResiftError

app = typer.Typer(
    name="resift",
    help="A rolling, validated random sample of a public image pool.",
    epilog="Exit codes: 0 done, 1 the answer is no, 2 wrong use, 3 could not find out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    ingest,
    refresh,
    approve,
    snapshots,
    show,
    diff,
    history,
    verify,
    pull,
    pin,
    check,
    update,
    cite,
    suppress,
    erase,
    withdraw,
    retire,
    compact,
    sweep,
):
    app.command()(command)
app.add_typer(policy, name="policy")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"resift {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version of resift.")
    ] = False,
) -> None:
    """Take what is asked of no command."""


_FEW_COLLECTIONS = 50_000
"""How many objects are made before garbage is looked for, instead of 700."""


def main() -> None:
    """Run the command line; errors of resift become one message and an exit code."""
    # What a program loads to start is no garbage, and what it holds at its end need not be searched for any:
    # looking for it all the same takes a third of what a small command takes.
    gc.set_threshold(_FEW_COLLECTIONS)
    atexit.register(gc.freeze)
    try:
        app(prog_name="resift")
    except ResiftError as error:
        typer.echo(f"resift: {error}", err=True)
        sys.exit(exit_code(error))
    except BrokenPipeError:
        sys.exit(0)
