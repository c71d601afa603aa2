"""Say how a version is cited: exactly, so that whoever reads the paper can check the bytes."""

from __future__ import annotations

import json

from resift.model.manifest import Manifest


def cite_text(manifest: Manifest) -> str:
    """Return a reference in one sentence, to the revision and its content."""
    m = manifest
    return (
        f"{_title(m)}, version {m.version}.{m.revision} ({m.rows:,} records), published on {m.published_at:%Y-%m-%d}, "
        f"content digest sha256:{m.content_digest}."
    )


def cite_bibtex(manifest: Manifest) -> str:
    """Return an entry for BibTeX and BibLaTeX."""
    m = manifest
    lines = (
        f"@dataset{{{m.dataset}-{m.version}-r{m.revision},",
        f"  title = {{{_title(m)}}},",
        f"  version = {{{m.version}.{m.revision}}},",
        f"  year = {{{m.published_at:%Y}}},",
        f"  date = {{{m.published_at:%Y-%m-%d}}},",
        f"  note = {{{m.rows:,} records, content digest sha256:{m.content_digest}}},",
        "}",
    )
    return "\n".join(lines)


def cite_cff(manifest: Manifest) -> str:
    """Return ``CITATION.cff`` in the Citation File Format 1.2.0."""
    m = manifest
    # JSON strings are YAML strings.
    title, author = json.dumps(_title(m)), json.dumps(f"Publishers of {m.dataset}")
    lines = (
        "cff-version: 1.2.0",
        "message: Please cite the version and its content digest.",
        "type: dataset",
        f"title: {title}",
        "authors:",
        f"  - name: {author}",
        f"version: {m.version}.{m.revision}",
        f"date-released: {m.published_at:%Y-%m-%d}",
        "identifiers:",
        "  - type: other",
        f'    value: "sha256:{m.content_digest}"',
        "    description: Content digest over schema, draw and every byte of the data",
    )
    return "\n".join(lines) + "\n"


def _title(manifest: Manifest) -> str:
    return f"{manifest.dataset}: a rolling random sample of public images"
