"""Read the files of a drop row by row, in bounded memory."""

from resift.steps.reading.files import read_rows

__all__ = ["read_rows"]
