"""Reads CSV and TSV. A row with too many or too few values goes to quarantine under its own number."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from resift.core.raw import BadRow, RawBatch
from resift.errors import DropRejected
from resift.model.source import Source
from resift.steps.reading.marked import MARK_PATTERN, MarkedText, unmarked

_BLOCK = 4 << 20
"""Bytes parsed at a time; no row may be longer."""


def read_delimited(text: MarkedText, *, name: str, source: Source, block_bytes: int = _BLOCK) -> Iterator[RawBatch]:
    """Yield the rows of a CSV or TSV file. Blank lines are not rows.

    Raises:
        DropRejected: A column is missing or twice in the header, a quote is never closed, or no budget of bad rows
            could bear what was found.
    """
    header = list(source.columns) if source.columns is not None else _header(text, source)
    _check_header(header, name=name, source=source)
    return _Delimited(text, header, name, source, block_bytes).batches()


class _Delimited:
    """One pass over one file."""

    def __init__(self, text: MarkedText, header: list[str], name: str, source: Source, block_bytes: int) -> None:
        self._block_bytes = block_bytes
        self._text, self._header, self._name, self._source = text, header, name, source
        self._bad_numbers: list[int] = []
        self._pending: list[BadRow] = []
        self._overrun = False
        self._open_quote = False

    def batches(self) -> Iterator[RawBatch]:
        valid, last = 0, None
        for table in self._tables():
            if table.num_rows:
                numbers = self._numbers(valid, table.num_rows)
                valid += table.num_rows
                last = (int(numbers[-1]), table.column(table.num_columns - 1)[-1].as_py())
                yield self._batch(table, numbers)
        self._check_last_quote(last)
        if self._pending:
            yield self._batch(pa.record_batch([pa.nulls(0, pa.string())] * len(self._header), names=self._header))

    def _tables(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._open()
        except pa.ArrowInvalid as error:
            self._refuse(error)
            raise

    def _open(self) -> arrow_csv.CSVStreamingReader:
        source = self._source
        return arrow_csv.open_csv(
            self._text,
            read_options=arrow_csv.ReadOptions(
                use_threads=False,  # with threads a bad row's number is not known
                block_size=self._block_bytes,
                column_names=None if source.columns is None else self._header,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=source.delimiter,
                quote_char=source.csv.quote or False,
                escape_char=source.csv.escape or False,
                newlines_in_values=source.csv.quote is not None,
                ignore_empty_lines=len(self._header) > 1,
                invalid_row_handler=self._set_aside,
            ),
            convert_options=arrow_csv.ConvertOptions(
                check_utf8=False,  # MarkedText gives nothing else
                column_types=dict.fromkeys(self._header, pa.string()),
                strings_can_be_null=True,
                null_values=list(source.null_values),
            ),
        )

    def _set_aside(self, row: arrow_csv.InvalidRow) -> str:
        number = row.number - (0 if self._source.columns is not None else 1)
        self._bad_numbers.append(number)
        quote = self._source.csv.quote
        self._open_quote = quote is not None and "\n" in row.text and row.text.count(quote) % 2 == 1
        raw = unmarked(row.text, encoding=self._source.encoding)
        reason = f"has another number of values than the {len(self._header)} columns"
        self._pending.append(BadRow(number, raw, reason))
        self._overrun = len(self._bad_numbers) > self._source.max_bad_rows.count
        return "error" if self._overrun else "skip"

    def _refuse(self, error: pa.ArrowInvalid) -> None:
        """Say what a parser's error means, where that is known."""
        if self._overrun:
            bad = self._pending[-1]
            raise DropRejected(
                f"{self._name}: found more than {self._source.max_bad_rows.count:,} rows with another number of values "
                f"than the {len(self._header)} columns, the last of them row {bad.row_number}, expected at most that "
                "many bad rows (max_bad_rows). Correct delimiter, quote or columns in the source file, or the file."
            ) from error
        if "straddl" in str(error) or "out of sync" in str(error):
            longest = f"{self._block_bytes >> 20} MiB"
            raise DropRejected(
                f"{self._name}: found a row longer than {longest}, expected shorter ones. A quote may be open without "
                "an end: set `quote: null` under `csv` if the file does not quote, or mend the file."
            ) from error

    def _check_last_quote(self, last: tuple[int, str | None] | None) -> None:
        """Refuse a file whose last row swallowed others, because its quote has no end."""
        quote = self._source.csv.quote
        number, value = last or (0, None)
        bad = self._bad_numbers[-1] if self._bad_numbers else 0
        swallowed = value is not None and "\n" in value and self._text.tail != (quote or "").encode()
        if quote is not None and (self._open_quote if bad > number else swallowed):
            raise DropRejected(
                f"{self._name}: row {max(bad, number)} opens a quote that is never closed, expected a closing {quote}. "
                "The file is truncated, or it does not quote: then set `quote: null` under `csv` in the source file."
            )

    def _numbers(self, valid: int, rows: int) -> np.ndarray:
        """Return the numbers of the next rows, given how many valid ones came before.

        The parser is never behind: it has met every bad row that lies before these.
        """
        ahead = np.arange(valid, valid + rows, dtype=np.int64)
        bad = np.asarray(self._bad_numbers, dtype=np.int64)
        # Before the j-th bad row lie its number, less one, less the j bad ones: so many valid rows.
        return ahead + 1 + np.searchsorted(bad - 1 - np.arange(len(bad)), ahead, side="right")

    def _batch(self, table: pa.RecordBatch, numbers: np.ndarray | None = None) -> RawBatch:
        bad, self._pending = tuple(self._pending), []
        return RawBatch(
            row_numbers=np.empty(0, dtype=np.int64) if numbers is None else numbers,
            columns={(name,): table.column(at) for at, name in enumerate(self._header)},
            raw=lambda positions: [self._spell(table, int(at)) for at in positions],
            damaged=_damaged(table) if self._text.marked else None,
            bad=bad,
        )

    def _spell(self, table: pa.RecordBatch, position: int) -> bytes:
        """Write a row as a line again; values without need for it come without quotes."""
        source = self._source
        missing = source.null_values[0] if source.null_values else ""
        values = [missing if (value := column[position].as_py()) is None else value for column in table.columns]
        if source.csv.quote is None:
            line = source.delimiter.join(values)
        else:
            sink = io.StringIO()
            csv.writer(sink, delimiter=source.delimiter, quotechar=source.csv.quote, lineterminator="").writerow(values)
            line = sink.getvalue()
        return unmarked(line, encoding=source.encoding)


def _damaged(table: pa.RecordBatch) -> np.ndarray:
    damaged = np.zeros(table.num_rows, dtype=bool)
    for column in table.columns:
        damaged |= pc.fill_null(pc.match_substring_regex(column, MARK_PATTERN), False).to_numpy(zero_copy_only=False)
    return damaged


def _header(text: MarkedText, source: Source) -> list[str]:
    first = io.StringIO(text.peek(1 << 20).decode("utf-8", "ignore"), newline="")
    quoting = {"quoting": csv.QUOTE_NONE} if source.csv.quote is None else {"quotechar": source.csv.quote}
    return next(csv.reader(first, delimiter=source.delimiter, escapechar=source.csv.escape, **quoting), [])


def _check_header(header: list[str], *, name: str, source: Source) -> None:
    wanted = [str(path[0]) for path, optional in source.paths().items() if not optional]
    if missing := [column for column in wanted if column not in header]:
        raise DropRejected(
            f"{name}: column {', '.join(map(repr, missing))} is missing, found {', '.join(map(repr, header))}; "
            f"expected all that source {source.name} reads. Correct the source file, or ask for the file again."
        )
    if twice := sorted({column for column in header if header.count(column) > 1}):
        raise DropRejected(
            f"{name}: found column {', '.join(map(repr, twice))} more than once in the header, expected each once. "
            "Give the files new names with `columns`, or ask for the file again."
        )
