"""Names and rights that clients send: anything is a place, a refusal, or nothing."""

from hypothesis import given
from hypothesis import strategies as st

from pillarbox.base.errors import GrammarError
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.sharing.access import place_of
from pillarbox.domain.sharing.rights import parse_rights, rights_text

PIECES = st.sampled_from(
    [
        "Other Users",
        "Shared",
        "/",
        "//",
        "@",
        "ann@example.org",
        "INBOX",
        "inbox",
        "b",
        "ü",
        "e\u0301",
    ]
)
NAMES = st.one_of(st.text(max_size=30), st.lists(PIECES, max_size=9).map("".join))


@given(NAMES)
def test_places(text: str) -> None:
    place = place_of(text)
    if place is not None:
        assert place.namespace in mailboxes.NAMESPACES
        assert mailboxes.canonical_name(place.path) == place.path
        # The one spelling of a name means the same place.
        assert place_of(place.name) == place


@given(st.one_of(st.text(max_size=20), st.text("lrswipkxteacd", max_size=20)))
def test_rights(text: str) -> None:
    try:
        rights = parse_rights(text)
    except GrammarError:
        assert set(text) - set("lrswipkxteacd")
        return
    told = rights_text(rights)
    # The obsolete letters would give more: c stands for both k and x.
    assert parse_rights(told.rstrip("cd")) == rights
