"""Names of columns, and the circle of PRNs: what documents know of rows, without loading Arrow."""

from __future__ import annotations

PRN = "prn"

CIRCLE = 2**63
"""PRNs lie in ``[0, CIRCLE)`` and are thought of as a circle: after the largest comes 0 again."""

EVIDENCE_COLUMNS = ("owner_id", "owner_country", "upload_country", "subdivision", "lat", "lon")
"""All are text. Coordinates stay text too: the number of decimals the source gave is part of the evidence."""

ORIGIN_TEXTS = ("source", "drop", "file")
ROW_NUMBER = "row_number"
"""From 1, header not counted."""

PRIVATE_COLUMNS = frozenset([*EVIDENCE_COLUMNS, *ORIGIN_TEXTS, ROW_NUMBER, "state"])
"""Columns that never leave the pool."""
