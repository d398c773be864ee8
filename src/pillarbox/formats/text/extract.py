"""The text of one document, whatever kind it is.

Called only in the process that reads documents (`pipeline/extraction_child`): a hostile file may
take long, take much memory or end the interpreter there. Calls the modules of each kind.
"""

from pillarbox.formats.text.office import office_text
from pillarbox.formats.text.pdf import pdf_text
from pillarbox.formats.text.rtf import rtf_text

CHARACTERS_MAX = 2 << 20
"""Of one document; what comes behind is left out."""
PDF_SECONDS = 15.0
"""After this no further page is begun."""


def extract(kind: str, data: bytes) -> str | None:
    """The text of a file of this kind (`READ_APART`), None if it can't be had without a password.

    Raises whatever a damaged file leads to.
    """
    if kind == "pdf":
        return pdf_text(data, CHARACTERS_MAX, PDF_SECONDS)
    if kind == "rtf":
        return rtf_text(data, CHARACTERS_MAX)
    return office_text(kind, data, CHARACTERS_MAX)
