"""Who wants reports."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.formats.tls_report.record import MAX_TARGETS, Targets, parse_record


@pytest.mark.parametrize(
    ("text", "mail", "https"),
    [
        ("v=TLSRPTv1; rua=mailto:a@b.example", ("a@b.example",), ()),
        ("v=TLSRPTv1;rua=https://r.example/v1/tlsrpt;", (), ("https://r.example/v1/tlsrpt",)),
        (
            "v=TLSRPTv1 ; rua=mailto:a@b.example , https://r.example/,MAILTO:c@d.example; x=y",
            ("a@b.example", "c@d.example"),
            ("https://r.example/",),
        ),
        ("v=TLSRPTv1; rua=mailto:a%2Bb@c.example?subject=x", ("a+b@c.example",), ()),
        ("v=TLSRPTv1; rua=ftp://x.example,http://y.example/", (), ()),
        ("v=TLSRPTv1; rua=mailto:a%0d%0aBcc:b@c.example,mailto:no", (), ()),
        ("v=TLSRPTv1; rua=https://user@r.example/,https:///x,https://[::1", (), ()),
    ],
)
def test_targets(text: str, mail: tuple[str, ...], https: tuple[str, ...]) -> None:
    assert parse_record(["v=spf1 -all", text]) == Targets(mail, https)


def test_many_targets() -> None:
    text = "v=TLSRPTv1; rua=" + ",".join(f"mailto:a{n}@b.example" for n in range(50))
    found = parse_record([text])
    assert found is not None
    assert len(found.mail) == MAX_TARGETS


@pytest.mark.parametrize(
    "text",
    [
        "v=TLSRPTv1;",
        "v=TLSRPTv1; rua=",
        "v=TLSRPTv1; rua=a@b.example",
        "v=TLSRPTv1; rua=mailto:a@b.example,",
        "v=TLSRPTv1; rua=mailto:a@b.example; ;",
        "v=TLSRPTv1; rua=mailto:a@b.example; nothing",
        "v=TLSRPTv1; x=" + "y" * 5000,
    ],
)
def test_wrong_ones(text: str) -> None:
    with pytest.raises(GrammarError):
        parse_record([text])


def test_none_and_several() -> None:
    assert parse_record(["v=TLSRPTv2; rua=mailto:a@b.example", "v=tlsrptv1;"]) is None
    with pytest.raises(GrammarError):
        parse_record(["v=TLSRPTv1; rua=mailto:a@b.example"] * 2)
