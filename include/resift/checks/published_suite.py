"""Says what must hold of a published version: every file, every part, and the whole, as they lie in the lake.

Importing this module imports Great Expectations.
"""

from __future__ import annotations

from typing import Any

from resift.checks.expect import at_least, between, equal, one_of, rows_between, suite, zero
from resift.checks.intervals import disjoint
from resift.model.manifest import Manifest

_LISTED = "The manifest is what readers trust; a file that is not as listed is not of this version."


def files_suite() -> Any:
    """Return what each file must satisfy that the manifest lists: parts, changes, quality."""
    return suite(
        "published_files",
        [
            rows_between(1, None, "files are listed", "at least 1 file", "Nothing measured is nothing proven."),
            between("found", 1, 1, "every listed file is there", _LISTED),
            equal("size_bytes", "listed_size_bytes", "sizes are those listed", _LISTED),
            equal("sha256", "listed_sha256", "digests are those listed", _LISTED),
        ],
    )


def published_parts_suite(manifest: Manifest) -> Any:
    """Return what each part must satisfy, read back from the lake."""
    columns = ", ".join(f"{column.name} {column.type}" for column in manifest.columns)
    return suite(
        "published_parts",
        [
            rows_between(1, None, "there are parts", "at least 1 part", "Nothing measured is nothing proven."),
            between("readable", 1, 1, "every part is Parquet with its columns", "Counts rest on what can be read."),
            one_of("columns", columns, "columns are those listed", "Who loads one part must load all."),
            equal("rows", "listed_rows", "rows are those listed", "Rows are counted by the manifest without reading."),
            equal("first_prn", "listed_first_prn", "first PRN is the one listed", "Readers find a PRN by it."),
            equal("last_prn", "listed_last_prn", "last PRN is the one listed", "Readers find a PRN by it."),
            zero("null_ids", "ids are not null", "An item without an id can be neither suppressed nor erased."),
            zero("order_breaks", "rows ascend by PRN and id", "Each prefix of a snapshot is itself a random sample."),
            disjoint("first_offset", "last_offset", "parts are disjoint and ascend", "An item then lies in one part."),
            at_least("last_covered", "last_offset", "parts lie in the width", "The inclusion probability rests on it."),
        ],
    )


def published_suite() -> Any:
    """Return what the version as a whole must satisfy."""
    return suite(
        "published",
        [
            equal("rows", "listed_rows", "rows of all parts are those of the manifest", "Rows in = kept + removed."),
            equal("kept", "rows_and_erased", "rows kept are published or erased", "No other way leads out."),
            equal("observations", "accounted", "every observation is accounted for", "Nothing is dropped silently."),
            equal(
                "content_digest", "listed_content_digest", "the entries give the content digest", "Citations use it."
            ),
            zero("chain_problems", "the chain of revisions holds", "A version changes by counted erasures alone."),
            zero("problems", "verifying finds nothing", "It also looks for files that no manifest lists."),
            between("verdict_found", 1, 1, "the verdict lies beside it", "Nothing is published unjudged."),
            equal("verdict_seal", "listed_seal", "the verdict is the one listed", "Another one judged something else."),
            equal("verdict_seal", "verdict_due_seal", "the seal fits the verdict", "It was altered otherwise."),
            equal(
                "judged_content_digest", "first_content_digest", "the verdict is of this content", "As first published."
            ),
            between("let_pass", 1, 1, "verdict or approval let it pass", "A verdict that stops publishes nothing."),
            at_least("latest_day", "version_day", "latest is not before it", "The pointer moves forward only."),
        ],
    )
