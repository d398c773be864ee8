"""Text of PDF files, by pypdf.

Called by `extract`, and only in the process that reads documents: hostile files can take long.
"""

import time
from io import BytesIO

from pillarbox.formats.text.collected import Collected

PAGES_MAX = 5000


def pdf_text(data: bytes, characters: int, seconds: float) -> str | None:
    """The text of the pages, as far as there is room and time; None if it takes a password.

    Raises whatever pypdf does on damaged files.
    """
    from pypdf import PdfReader

    until = time.monotonic() + seconds
    out = Collected(characters)
    reader = PdfReader(BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        return None
    title = reader.metadata.title if reader.metadata else None
    if title:
        out.add(f"{title}\n")
    for number, page in enumerate(reader.pages):
        if number >= PAGES_MAX or out.full or time.monotonic() > until:
            break
        try:
            out.add(page.extract_text())
        except Exception:  # noqa: S112  (one page is damaged; the others may not be)
            continue
        out.add("\n")
    return out.text()
