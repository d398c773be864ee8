"""Any text and markup: links have hosts that can be asked about, and there are not too many."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pillarbox.formats.text.links import (
    ADDRESSES_MAX,
    LINKS_MAX,
    SHOWN_MAX,
    Links,
    links_in_html,
    links_in_text,
)

FUZZ = settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
PIECES = st.one_of(
    st.sampled_from(
        [
            *(
                "http://",
                "hxxps[:]//",
                "ftp://",
                "//",
                "www.",
                "a.test",
                "[.]",
                "(dot)",
                "@",
                ":80",
            ),
            *("/x", "?y", "#", "%41", "%ff", "%", "0x7f.1", "1.2.3.4", "[::1]", "[", "]", "ü.test"),
            *(
                "<a href=",
                "<a href='",
                '"',
                "'",
                ">",
                "</a>",
                "<img src=",
                "<!--",
                "-->",
                "<script>",
            ),
            *(
                "</script>",
                "mailto:",
                "a@b.test",
                "&#46;",
                "&amp;",
                "&#99999999999;",
                " ",
                "\n",
                "\t",
            ),
            *("\\", "<base href=", "=", "</", "<", "\x00", "\ud800", "。", "xn--", "xn--a.test"),
        ]
    ),
    st.text(max_size=4),
)
TEXTS = st.lists(PIECES, max_size=40).map("".join)


@FUZZ
@given(TEXTS)
def test_any_text(text: str) -> None:
    for found in (links_in_text(text), links_in_html(text)):
        look_at(found)
    look_at(links_in_html(f"<a href='http://a.test'>{text}</a>"))


def look_at(found: Links) -> None:
    assert len(found.links) <= LINKS_MAX
    assert len(found.addresses) <= ADDRESSES_MAX
    for link in found.links:
        for host in (link.host, link.shown_host):
            assert host.isascii()
            assert host == host.lower()
            assert len(host) <= 253
            assert not set(host) & set(" @/\\?#[]%\r\n\t\x00")
        assert link.host
        assert len(link.shown) <= SHOWN_MAX
    for address in found.addresses:
        local, _, domain = address.rpartition("@")
        assert local
        assert domain.isascii()
        assert address.isprintable()
