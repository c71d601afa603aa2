"""Renders Data Docs, the pages Great Expectations makes of suites and results, for publishing beside the data."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_PAGES = {".html", ".css"}


def data_docs(context: Any) -> Iterator[tuple[str, bytes]]:
    """Build the pages of everything validated in a context and yield name and content of each file.

    Names are relative, with ``/``. Pictures and fonts that no page refers to are left out: they are 3 MB.
    """
    with tempfile.TemporaryDirectory(prefix="resift-docs-") as folder:
        backend = {"class_name": "TupleFilesystemStoreBackend", "base_directory": folder}
        index = {"class_name": "DefaultSiteIndexBuilder"}
        site = {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": backend,
            "site_index_builder": index,
        }
        context.add_data_docs_site("quality", site)
        context.build_data_docs(site_names=["quality"])
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        referring = b"\n".join(path.read_bytes() for path in files if path.suffix in _PAGES)
        for path in files:
            if path.suffix in _PAGES or path.name.encode() in referring:
                yield path.relative_to(folder).as_posix(), path.read_bytes()
