"""What the name of a file says: what its receiver's machine would do with it, and what it hides.

Facts about extensions; `formats/attachment/magic` says what the content is.
"""

import re
from types import MappingProxyType

from pillarbox.formats.attachment.magic import ARCHIVES, PICTURES

NAME_LONG = 200
_PROGRAM_NAMES = """
apk app appimage appx appxbundle application cpl deb diagcab dll drv exe gadget hlp jar jnlp
msi msix msixbundle msp mst ocx pif pkg rpm run scr sys wll xll chm ade adp mde
"""
_SCRIPT_NAMES = """
bat cmd command hta inf ins isp js jse msc ps1 ps1xml ps2 psc1 psd1 psm1 reg scf scpt sct shb shs
vb vbe vbs ws wsc wsf wsh iqy slk lnk appref-ms library-ms search-ms searchconnector-ms
settingcontent-ms
"""
PROGRAM_EXTENSIONS = frozenset(_PROGRAM_NAMES.split())
SCRIPT_EXTENSIONS = frozenset(_SCRIPT_NAMES.split())
SHELL_EXTENSIONS = frozenset(("sh", "bash", "csh", "ksh", "zsh"))
"""Scripts that a click opens in an editor, if in anything."""
SHORTCUT_EXTENSIONS = frozenset(("desktop", "theme", "themepack", "url", "webloc", "website"))
DISK_EXTENSIONS = frozenset(("iso", "img", "vhd", "vhdx", "udf", "dmg", "vmdk"))
NOTEBOOK_EXTENSIONS = frozenset(("one", "onepkg", "onetoc2"))
_LOOKS_NAMES = """
avi bmp csv doc docx eml gif heic htm html ics jpeg jpg mov mp3 mp4 odp ods odt pdf png ppt pptx rtf
svg tif tiff txt wav webp xls xlsx xml zip
"""
HARMLESS_LOOKS = frozenset(_LOOKS_NAMES.split())
"""Extensions that a program is given out for: `invoice.pdf.exe`."""

_OFFICE = frozenset(("zip", "ole"))
_OLD_OFFICE = frozenset(("ole", "zip", "rtf", "html", "xml"))
EXPECTED = MappingProxyType(
    {
        "pdf": frozenset(("pdf",)),
        **dict.fromkeys(("docx", "xlsx", "pptx", "docm", "xlsm", "pptm", "odt", "ods"), _OFFICE),
        **dict.fromkeys(("doc", "xls", "ppt", "dot", "rtf", "pps"), _OLD_OFFICE),
        **dict.fromkeys(
            ("jpg", "jpeg", "png", "gif", "bmp", "webp", "tif", "tiff", "heic", "ico"), PICTURES
        ),
        **dict.fromkeys(("txt", "csv", "ics", "vcf", "log", "md"), frozenset(("script", "xml"))),
        **dict.fromkeys(("mp3", "wav", "ogg", "mp4", "mov", "m4a"), frozenset(("audio", "media"))),
        **dict.fromkeys(("zip", "rar", "7z", "gz", "tgz", "tar", "bz2", "xz"), ARCHIVES),
    }
)
"""The kinds of content behind an extension, where it has others than text; text has none."""

_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069\u200b\u2060\ufeff]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe]")
_TURNED = re.compile("[\u202d\u202e]")
_GAP = re.compile(r"\s{5,}|_{20,}|\.{5,}")
_OF_NAME = re.compile(r"[^\\/]*+\Z")


def extensions(name: str) -> tuple[str, str]:
    """The last extension of a file's name and the one before, in lower case; empty where none is.

    Dots and spaces at the end do not count: Windows drops them.
    """
    last = name[-NAME_LONG * 2 :].rstrip(". \t\r\n\0\u00a0")
    found = _OF_NAME.search(last)
    pieces = (found[0] if found else last).lower().rsplit(".", 2)
    if len(pieces) < 2:
        return "", ""
    return pieces[-1].strip(), pieces[-2].strip() if len(pieces) > 2 else ""


def is_turned(name: str) -> bool:
    """Whether characters in a name make it read otherwise than it is."""
    if name.isascii():
        return False
    return bool(_TURNED.search(name)) or (
        bool(_TURNS.search(name)) and not _RIGHT_TO_LEFT.search(name)
    )


def pretends(name: str) -> bool:
    """Whether a name hides its own extension: behind another one, a gap or at the end of much."""
    _, before = extensions(name)
    return before in HARMLESS_LOOKS or bool(_GAP.search(name))
