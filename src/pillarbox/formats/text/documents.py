"""Which attachments hold text that can be had, by type or, where that says nothing, by file name.

Called by `searchable` and by the process that reads documents; calls nothing of ours.
"""

from types import MappingProxyType

_OPEN = "application/vnd.oasis.opendocument."
_OFFICE = "application/vnd.openxmlformats-officedocument."
_MS = "application/vnd.ms-"
_TYPES = MappingProxyType(
    {
        "application/pdf": "pdf",
        "application/x-pdf": "pdf",
        f"{_OFFICE}wordprocessingml.document": "word",
        f"{_OFFICE}wordprocessingml.template": "word",
        f"{_MS}word.document.macroenabled.12": "word",
        f"{_MS}word.template.macroenabled.12": "word",
        f"{_OFFICE}spreadsheetml.sheet": "excel",
        f"{_OFFICE}spreadsheetml.template": "excel",
        f"{_MS}excel.sheet.macroenabled.12": "excel",
        f"{_MS}excel.template.macroenabled.12": "excel",
        f"{_OFFICE}presentationml.presentation": "powerpoint",
        f"{_OFFICE}presentationml.template": "powerpoint",
        f"{_OFFICE}presentationml.slideshow": "powerpoint",
        f"{_MS}powerpoint.presentation.macroenabled.12": "powerpoint",
        f"{_MS}powerpoint.slideshow.macroenabled.12": "powerpoint",
        f"{_OPEN}text": "opendocument",
        f"{_OPEN}text-template": "opendocument",
        f"{_OPEN}text-master": "opendocument",
        f"{_OPEN}spreadsheet": "opendocument",
        f"{_OPEN}spreadsheet-template": "opendocument",
        f"{_OPEN}presentation": "opendocument",
        f"{_OPEN}presentation-template": "opendocument",
        f"{_OPEN}graphics": "opendocument",
        "application/rtf": "rtf",
        "application/x-rtf": "rtf",
        "text/rtf": "rtf",
        "text/richtext-rtf": "rtf",
        "application/epub+zip": "epub",
        "text/html": "html",
        "application/xhtml+xml": "html",
        "application/json": "plain",
        "application/xml": "plain",
        "application/ics": "plain",
        "application/yaml": "plain",
        "application/x-yaml": "plain",
        "application/sql": "plain",
        "application/mbox": "plain",
        "message/delivery-status": "plain",
        "message/global-delivery-status": "plain",
        "message/disposition-notification": "plain",
        "message/global-disposition-notification": "plain",
        "message/feedback-report": "plain",
        "message/global-headers": "plain",
        "message/rfc822": "message",
        "message/global": "message",
    }
)
_EXTENSIONS = MappingProxyType(
    {
        **dict.fromkeys(("pdf",), "pdf"),
        **dict.fromkeys(("docx", "docm", "dotx", "dotm"), "word"),
        **dict.fromkeys(("xlsx", "xlsm", "xltx", "xltm"), "excel"),
        **dict.fromkeys(("pptx", "pptm", "ppsx", "ppsm", "potx"), "powerpoint"),
        **dict.fromkeys(("odt", "ott", "odm", "ods", "ots", "odp", "otp", "odg"), "opendocument"),
        **dict.fromkeys(("rtf",), "rtf"),
        **dict.fromkeys(("epub",), "epub"),
        **dict.fromkeys(("html", "htm", "xhtml"), "html"),
        **dict.fromkeys(("eml",), "message"),
        **dict.fromkeys(
            ("txt", "text", "md", "csv", "tsv", "log", "json", "xml", "yaml", "yml", "ics", "vcf"),
            "plain",
        ),
    }
)
# Types that senders use when they don't know, or when the file is in fact of another kind.
_VAGUE = frozenset(
    (
        "application/octet-stream",
        "application/binary",
        "application/x-download",
        "application/force-download",
        "application/download",
        "application/unknown",
        "application/zip",
        "application/x-zip-compressed",
        "application/msword",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        "application/vnd.ms-office",
        "attachment/octet-stream",
    )
)

READ_APART = frozenset(("pdf", "word", "excel", "powerpoint", "opendocument", "rtf", "epub"))
"""Kinds whose text is taken out in a process of its own."""


def document_kind(content_type: str, filename: str | None) -> str | None:
    """The kind of document, as `READ_APART`, or `html`, `plain` or `message`; None for others.

    `content_type` is `type/subtype` without parameters, in lower case.
    """
    kind = _TYPES.get(content_type)
    if kind is not None:
        return kind
    if content_type.startswith("text/"):
        return "plain"
    if content_type not in _VAGUE or not filename:
        return None
    return _EXTENSIONS.get(filename.rpartition(".")[2].strip().lower())
