"""``resift cite``: how a version is cited."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from resift.cli.options import AsJson, DatasetName, Lake, choose_dataset, open_lake
from resift.cli.read import Version


class Form(StrEnum):
    """In which form a citation is printed."""

    TEXT = "text"
    BIBTEX = "bibtex"
    CFF = "cff"


def cite(
    version: Version,
    lake: Lake,
    dataset: DatasetName = None,
    form: Annotated[Form, typer.Option("--form", help="A sentence, a BibTeX entry, or a CITATION.cff.")] = Form.TEXT,
    as_json: AsJson = False,
) -> None:
    """Print how a version is cited: its exact revision, and the digest by which its bytes are checked."""
    from resift.client.citation import cite_bibtex, cite_cff, cite_text
    from resift.client.resolve import resolve

    store = open_lake(lake)
    manifest = resolve(store, choose_dataset(store, dataset), version)
    forms = {Form.TEXT: cite_text, Form.BIBTEX: cite_bibtex, Form.CFF: cite_cff}
    if as_json:
        from resift.cli.render import print_json

        print_json({one.value: spell(manifest) for one, spell in forms.items()})
    else:
        typer.echo(forms[form](manifest).rstrip())
