"""Notes on the page and the pictures of a snapshot what was erased since: their counts are those that were judged."""

from __future__ import annotations

import re
from html import escape

from resift.model.manifest import Manifest

_PAGE = re.compile(r'(?<=<header>\n)(<p class="verdict warn" id="revision">.*?</p>\n)?')
_PICTURE = re.compile(r'(?<=</style>)(<text class="small" id="revision"[^>]*>.*?</text>)?')
_DESCRIPTION = re.compile(r"(<desc [^>]*>)(?:As judged at revision 0;[^<]*?erased since\. )?")
_FRAME = re.compile(r'viewBox="-2 0 (\d+) (\d+)"')
_LINE = 24
"""Height of the note above a picture."""


def with_note(body: bytes, manifest: Manifest) -> bytes | None:
    """Return a published page or picture with the note of a revision, in place of the one it bears.

    Everything else is left as it was judged. None where there is no place for a note: what cannot be told to be of
    revision 0 would contradict the revision.
    """
    text = body.decode()
    note = escape(_say(manifest))
    if text.startswith("<?xml"):
        framed = _FRAME.sub(lambda found: f'viewBox="-2 -{_LINE} {found[1]} {int(found[2]) + _LINE}"', text, count=1)
        place, mark = _PICTURE, f'<text class="small" id="revision" x="0" y="-8">{note}</text>'
        text = _DESCRIPTION.sub(rf"\g<1>{note} ", framed, count=1)
    else:
        place, mark = _PAGE, f'<p class="verdict warn" id="revision">{note} {_more(manifest)}</p>\n'
    noted, places = place.subn(lambda _: mark, text, count=1)
    return noted.encode() if places else None


def _say(manifest: Manifest) -> str:
    lines = f" and {manifest.erased_changes:,} lines of changes" if manifest.erased_changes else ""
    return f"As judged at revision 0; {manifest.erased:,} images{lines} erased since."


def _more(manifest: Manifest) -> str:
    when = f" of {manifest.revised_at:%Y-%m-%d}" if manifest.revised_at else ""
    return (
        f"Every count and picture below is of what was published first. Revision {manifest.revision}{when} has "
        f"{manifest.rows:,} images and content digest <code>{manifest.content_digest}</code>; what stays in it was "
        "not altered. README.md tells the numbers as they are."
    )
