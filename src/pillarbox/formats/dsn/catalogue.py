"""What a language has to have for reports to be written in it.

Filled in by `english`; read by `words`, `text` and `build`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pillarbox.formats.dsn.model import Action


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why something happened and what its reader can do; `admin` that it is one for theirs.

    `{domain}` stands for the recipient's domain.
    """

    why: str
    advice: str
    admin: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """Everything a report says in one language; `{…}` are filled in by `build`."""

    language: str
    sender: str
    months: tuple[str, ...]
    date: str
    durations: Mapping[str, tuple[str, str]]
    subjects: Mapping[Action, str]
    no_subject: str
    greeting: str
    about: str
    about_untitled: str
    headings: Mapping[Action, str]
    why: str
    advice: str
    said_by: str
    said: str
    found: str
    gave_up: str
    retry_until: str
    retry: str
    others: str
    outcomes: Mapping[Action, str]
    for_admin: str
    for_admin_always: str
    more: str
    returned_header: str
    returned_whole: str
    returned_cut: str
    parts: tuple[str, str]
    explanations: Mapping[str, Explanation]
    classes: Mapping[str, Explanation]
