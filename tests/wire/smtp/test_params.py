"""xtext, and limits of parameters that the table of commands doesn't show."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.smtp.params import (
    NO_MAIL_PARAMS,
    DeliverBy,
    UnknownParameter,
    parse_mail_params,
    xtext_decode,
    xtext_encode,
)


@pytest.mark.parametrize(
    ("text", "encoded"),
    [("", ""), ("a@b", "a@b"), ("a+b=c", "a+2Bb+3Dc"), ("a b", "a+20b"), ("ö", "+C3+B6")],
)
def test_xtext(text: str, encoded: str) -> None:
    assert xtext_encode(text) == encoded
    assert xtext_decode(encoded) == text


@pytest.mark.parametrize("encoded", ["+", "+4", "+4g", "a=b", "a b", "+FF", "+00", "ö", "a\n"])
def test_bad_xtext(encoded: str) -> None:
    with pytest.raises(GrammarError):
        xtext_decode(encoded)


def test_spaces_alone_are_no_parameters() -> None:
    assert parse_mail_params("  ") == NO_MAIL_PARAMS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("BY=120;R", DeliverBy(120, False)),
        ("by=+600;nt", DeliverBy(600, True, True)),
        ("BY=-5;N", DeliverBy(-5, True)),
        ("BY=0;N", DeliverBy(0, True)),
        ("BY=999999999;RT", DeliverBy(999_999_999, False, True)),
    ],
)
def test_deliver_by(text: str, expected: DeliverBy) -> None:
    assert parse_mail_params(text).deliver_by == expected


@pytest.mark.parametrize(
    "text",
    ["BY", "BY=", "BY=5", "BY=5;", "BY=5;X", "BY=0;R", "BY=-1;R", "BY=1234567890;R", "BY=5;TR",
     "BY=5;R BY=5;R", "BY=\u0665;R"],
)  # fmt: skip
def test_bad_deliver_by(text: str) -> None:
    with pytest.raises(GrammarError):
        parse_mail_params(text)


def test_unknown_parameter_names_its_keyword() -> None:
    with pytest.raises(UnknownParameter) as caught:
        parse_mail_params("mt-priority=3")
    assert caught.value.keyword == "MT-PRIORITY"
