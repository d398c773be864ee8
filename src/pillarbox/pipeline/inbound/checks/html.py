"""What is odd about the HTML of a message: what nobody sees, and what mail has no use for."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pillarbox.domain.judgement.model import Finding, Kind, Stage
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.inbound.checks.content import Content, examine
from pillarbox.pipeline.inbound.checks.disguise import broken_words, mixed_scripts

HIDDEN_MIN = 500
"""Letters; what newsletters hide to be shown beside the subject is shorter."""
IMAGE_LETTERS = 40
BROKEN_MIN = 3
MIXED_MIN = 10
COMMENTS_MIN = 4000
OPEN_MAX = 200
SEARCHED_OPEN = 30

WITHOUT_TEXT = Kind("html_without_text", 1.0, "is HTML without the same as plain text")
HIDDEN_TEXT = Kind("html_hidden_text", 1.5, "has more text that readers don't see than they see")
IMAGE_ONLY = Kind("html_image_only", 1.5, "shows a picture from elsewhere in the place of text")
FORM = Kind("html_form", 1.0, "has a form to be filled in")
PASSWORD_FORM = Kind("html_password_form", 3.0, "asks for a password in a form")
SCRIPT = Kind("html_script", 1.5, "has scripts in its HTML")
FRAME = Kind("html_frame", 1.0, "embeds another page")
REFRESH = Kind("html_refresh", 2.0, "leads its reader to another page by itself")
BROKEN = Kind("broken_words", 2.0, "has unseen characters between the letters of its words")
MIXED = Kind("mixed_scripts", 2.0, "has words that mix Latin letters with those of other scripts")
COMMENTS = Kind("html_comments", 1.0, "has more comments in its HTML than text")
DATA_LINK = Kind("link_data", 3.0, "has a link that holds a whole page or script")

KINDS = (
    *(WITHOUT_TEXT, HIDDEN_TEXT, IMAGE_ONLY, FORM, PASSWORD_FORM, SCRIPT, FRAME, REFRESH),
    *(BROKEN, MIXED, COMMENTS, DATA_LINK),
)

# As in `formats/text/html`: where an end is missing the rest is swallowed; no place is read twice.
_ATTRIBUTES = r"""((?:[^>=]++|=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))?+)*+)(?:>|\Z)"""
_TOKEN = re.compile(
    r"<!--(?P<comment>(?:[^-]++|-(?!-!?>))*+)(?:--!?>)?+"
    rf"|<(?P<close>/?)(?P<name>[A-Za-z][^\s/>]*+){_ATTRIBUTES}"
    r"|<[!?/][^>]*+(?:>|\Z)"
    r"|(?P<text>[^<]++|<{1,65536}(?=<)|<)"
)
_STYLE = re.compile(r"""style\s*+=\s*+(?:"([^"]*+)|'([^']*+)|([^\s>]++))""", re.IGNORECASE)
_ZERO = r"0*+(?:\.0*+)?+(?:px|pt|em|rem|%)?+\s*+(?:!\s*+important\s*+)?+(?:;|\Z)"
_HIDING = re.compile(
    rf"(?:\A|;)\s*+(?:display\s*+:\s*+none|visibility\s*+:\s*+hidden|mso-hide\s*+:\s*+all"
    rf"|(?:font-size|opacity)\s*+:\s*+{_ZERO}|font-size\s*+:\s*+1px"
    r"|text-indent\s*+:\s*+-\d{4}|(?:left|top)\s*+:\s*+-\d{4})",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"&#?\w{1,10}+;?+")
_LETTER = re.compile(r"[^\W_]+")
_PASSWORD = re.compile(r"""type\s*+=\s*+["']?password""", re.IGNORECASE)
_REFRESHES = re.compile(r"""http-equiv\s*+=\s*+["']?refresh""", re.IGNORECASE)
_REMOTE = re.compile(r"""src\s*+=\s*+["']?\s*+(?:https?:)?//""", re.IGNORECASE)
_ACTIVE = re.compile(
    r"""(?:href|action)\s*+=\s*+["']?\s*+(?:javascript|vbscript|data\s*+:\s*+(?:text/|application/"""
    r"""|image/svg))""",
    re.IGNORECASE,
)
_EMPTY_NAMES = """
area base br col embed hr img input link meta param source track wbr
"""
_EMPTY = frozenset(_EMPTY_NAMES.split())
_UNREAD_NAMES = "style script title template head noscript"
_UNREAD = frozenset(_UNREAD_NAMES.split())


class HtmlCheck(Check):
    """Checks the HTML of a message, and its text for letters that are not what they seem."""

    name = "html"
    stage = Stage.DATA
    asks_nobody = True
    kinds = KINDS
    deadline_s = 10.0

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """Read the markup once."""
        return () if arrival.content is None else await examine(arrival.content, _look)


@dataclass(slots=True)
class _Seen:
    """What was seen in markup: texts, and characters of comments."""

    shown_texts: list[str] = field(default_factory=list)
    hidden_texts: list[str] = field(default_factory=list)
    comments: int = 0
    remote_images: int = 0
    found: dict[str, Kind] = field(default_factory=dict)

    def letters(self) -> tuple[int, int]:
        """Letters that readers see, and that they don't."""
        return sum(map(_count, self.shown_texts)), sum(map(_count, self.hidden_texts))

    def note(self, kind: Kind) -> None:
        self.found[kind.name] = kind


def _look(content: Content) -> list[Finding]:
    own = {id(part) for part in content.own_parts}
    texts = [one for one in content.texts if id(one.part) in own]
    found: list[Finding] = []
    markups = [one.text for one in texts if one.subtype == "html"]
    if markups and not any(one.subtype == "plain" and one.text.strip() for one in texts):
        found.append(WITHOUT_TEXT.found())
    seen = _Seen()
    for markup in markups:
        _read(markup, seen)
    found.extend(kind.found() for kind in seen.found.values())
    if seen.remote_images or seen.comments > COMMENTS_MIN or seen.hidden_texts:
        found.extend(_proportions(seen))
    found.extend(_letters([one.shown for one in texts]))
    return found


def _proportions(seen: _Seen) -> Iterator[Finding]:
    shown, hidden = seen.letters()
    if hidden >= HIDDEN_MIN and hidden > shown:
        yield HIDDEN_TEXT.found(f"{hidden} letters of {hidden + shown}")
    if seen.remote_images and shown < IMAGE_LETTERS:
        yield IMAGE_ONLY.found()
    if seen.comments > max(COMMENTS_MIN, 2 * (shown + hidden)):
        yield COMMENTS.found()


def _letters(shown: list[str]) -> Iterator[Finding]:
    broken = sum(map(broken_words, shown))
    if broken >= BROKEN_MIN:
        yield BROKEN.found(f"{broken} words")
    mixed = sum(map(mixed_scripts, shown))
    if mixed >= MIXED_MIN:
        yield MIXED.found(f"{mixed} times")


def _read(markup: str, seen: _Seen) -> None:
    # The elements that are open, and whether what they hold is unseen.
    opened: list[tuple[str, bool]] = []
    unseen = 0
    for token in _TOKEN.finditer(markup):
        text = token["text"]
        if text is not None:
            if not (opened and opened[-1][0] in _UNREAD):
                (seen.hidden_texts if unseen else seen.shown_texts).append(text)
            continue
        comment, name = token["comment"], token["name"]
        if comment is not None:
            # What Outlook alone reads stands in comments.
            seen.comments += 0 if comment.lstrip().startswith("[if") else len(comment)
        if name is None:
            continue
        name = name.lower()
        if token["close"]:
            unseen -= _close(opened, name)
            continue
        attributes = token[4]
        _tag(name, attributes, seen)
        if name not in _EMPTY and len(opened) < OPEN_MAX:
            hides = _hides(attributes)
            opened.append((name, hides))
            unseen += hides


def _close(opened: list[tuple[str, bool]], name: str) -> int:
    """Closes the innermost element of a name; gives how many of those closed hid their content."""
    for back in range(1, min(len(opened), SEARCHED_OPEN) + 1):
        if opened[-back][0] == name:
            hid = sum(hides for _, hides in opened[-back:])
            del opened[-back:]
            return hid
    return 0


def _hides(attributes: str) -> bool:
    if "=" not in attributes:
        return False
    style = _STYLE.search(attributes)
    return style is not None and bool(_HIDING.search(style[1] or style[2] or style[3] or ""))


def _count(text: str) -> int:
    return sum(map(len, _LETTER.findall(_REFERENCE.sub(" ", text) if "&" in text else text)))


def _tag(name: str, attributes: str, seen: _Seen) -> None:
    if name == "img":
        seen.remote_images += bool(_REMOTE.search(attributes))
    elif name == "form":
        seen.note(FORM)
    elif name == "input" and _PASSWORD.search(attributes):
        seen.note(PASSWORD_FORM)
    elif name == "script":
        # Facts for programs, such as that of an order, are written so.
        if "ld+json" not in attributes:
            seen.note(SCRIPT)
    elif name in ("iframe", "object", "embed", "applet"):
        seen.note(FRAME)
    elif name == "meta" and _REFRESHES.search(attributes):
        seen.note(REFRESH)
    if name in ("a", "area", "form") and _ACTIVE.search(attributes):
        seen.note(DATA_LINK)
