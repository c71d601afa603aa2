"""Fold the spellings of one word into one: what is done to a value before it is looked up, and nothing fuzzy."""

from __future__ import annotations

import re
import unicodedata

_FLAG_A = 0x1F1E6
_MARKS = re.compile(r"[\s.,;:'’‘`´\"()\[\]_/\-‐‑–—]+")


def clean(value: str) -> str:
    """Return a value without invisible characters and outer blanks, wide letters as plain ones, flags as letters."""
    if value.isascii():
        return value.strip()
    shown = "".join(letter for letter in unicodedata.normalize("NFKC", value) if unicodedata.category(letter) != "Cf")
    # A flag is two regional indicators (Unicode, UTS 51): the letters of a code.
    letters = (ord(letter) - _FLAG_A for letter in shown)
    return "".join(chr(65 + n) if 0 <= n < 26 else letter for n, letter in zip(letters, shown, strict=True)).strip()


def fold(value: str) -> str:
    """Return a name without case, and with one blank wherever it has marks and blanks."""
    return _MARKS.sub(" ", unicodedata.normalize("NFC", clean(value).casefold())).strip()
