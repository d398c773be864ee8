"""Names of certificates, as RFC 6125 and RFC 9525 compare them."""

import pytest

from pillarbox.net.certificate_names import any_matches


@pytest.mark.parametrize(
    ("presented", "wanted"),
    [
        ("mx.example.test", "mx.example.test"),
        ("MX.Example.TEST", "mx.example.test."),
        ("*.example.test", "mx.example.test"),
        ("*.mx.example.test", "a.mx.example.test"),
        ("mx.example.test", ".example.test"),
        ("*.example.test", ".example.test"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("xn--mller-kva.test", "xn--mller-kva.test"),
    ],
)
def test_matches(presented: str, wanted: str) -> None:
    assert any_matches(["other.test", presented], ["first.test", wanted])


@pytest.mark.parametrize(
    ("presented", "wanted"),
    [
        ("", ""),
        ("", "mx.example.test"),
        ("example.test", "mx.example.test"),
        ("mx.example.test", "example.test"),
        ("*.example.test", "example.test"),
        ("*.example.test", "a.mx.example.test"),
        ("*.example.test", ".mx.example.test"),
        ("*.test", "example.test"),
        ("*", "test"),
        ("*.", "test"),
        ("m*.example.test", "mx.example.test"),
        ("mx.*.test", "mx.example.test"),
        ("*.*.test", "mx.example.test"),
        ("*.example.test", "*.example.test.other.test"),
        ("example.test", ".example.test"),
        ("a.mx.example.test", ".example.test"),
        (".example.test", ".example.test"),
        ("*.2.1", "192.0.2.1"),
        ("*.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "mx.example.test"),
        ("mx.example.test\x00.evil.test", "mx.example.test"),
    ],
)
def test_does_not_match(presented: str, wanted: str) -> None:
    assert not any_matches([presented], [wanted])
