"""MTA-STS records and policies: what is one, what is not."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.formats.mta_sts import (
    MAX_AGE_S,
    MAX_POLICY_BYTES,
    Mode,
    StsPolicy,
    parse_policy,
    parse_record,
)

POLICY = (
    b"version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.Example.net\r\n"
    b"max_age: 604800\r\n"
)


class TestRecords:
    @pytest.mark.parametrize(
        ("text", "record_id"),
        [
            ("v=STSv1; id=20160831085700Z;", "20160831085700Z"),
            ("v=STSv1;id=1", "1"),
            ("v=STSv1 ; \t id=1 ;", "1"),
            ("v=STSv1; x=y; id=1; a-b.c_d=!~", "1"),
            (f"v=STSv1; id={'a' * 32}", "a" * 32),
        ],
    )
    def test_good_ones(self, text: str, record_id: str) -> None:
        assert parse_record([text]) == record_id
        assert parse_record(["v=spf1 -all", text, "v=STSv10; id=2"]) == record_id

    @pytest.mark.parametrize(
        "text",
        [
            "v=STSv1;",
            "v=STSv1; id=",
            "v=STSv1; id=a b",
            "v=STSv1; id=1; id=2",
            "v=STSv1; id=1;;",
            "v=STSv1; id=1; nothing",
            f"v=STSv1; id={'a' * 33}",
            "v=STSv1; ID=1",
            "v=STSv1; id=é",
            "v=STSv1; id=1; x=" + "y" * 5000,
        ],
    )
    def test_wrong_ones(self, text: str) -> None:
        with pytest.raises(GrammarError):
            parse_record([text])

    def test_none_and_several(self) -> None:
        assert parse_record([]) is None
        assert parse_record(["v=stsv1; id=1", "v=STSv2; id=1", "V=STSv1; id=1", "v=STSv1"]) is None
        with pytest.raises(GrammarError):
            parse_record(["v=STSv1; id=1", "v=STSv1; id=1"])


class TestPolicies:
    def test_a_policy(self) -> None:
        assert parse_policy(POLICY) == StsPolicy(
            Mode.ENFORCE,
            604_800,
            ("mail.example.com", "*.example.net"),
            (
                "version: STSv1",
                "mode: enforce",
                "mx: mail.example.com",
                "mx: *.Example.net",
                "max_age: 604800",
            ),
        )

    @pytest.mark.parametrize(
        "body",
        [
            POLICY.replace(b"\r\n", b"\n"),
            POLICY.removesuffix(b"\r\n"),
            POLICY + b"\r\n\r\n",
            POLICY.replace(b": ", b":"),
            POLICY.replace(b"\r\n", b" \t\r\n"),
            POLICY + "note: Grüße an alle\r\nx-y.z_1: a: b\r\n".encode(),
            POLICY + b"mode: none\r\nmax_age: 1\r\nversion: STSv2\r\n",  # the first one counts
            b"max_age: 604800\nmx: mail.example.com\nmx: *.example.net\n"
            b"mx: *.EXAMPLE.net\nmode: enforce\nversion: STSv1",
        ],
    )
    def test_other_spellings(self, body: bytes) -> None:
        found = parse_policy(body)
        assert (found.mode, found.max_age_s) == (Mode.ENFORCE, 604_800)
        assert found.mx == ("mail.example.com", "*.example.net")

    def test_none_needs_no_mx(self) -> None:
        found = parse_policy(b"version: STSv1\nmode: none\nmax_age: 0\n")
        assert (found.mode, found.max_age_s, found.mx) == (Mode.NONE, 0, ())

    def test_the_longest_age(self) -> None:
        body = POLICY.replace(b"604800", str(MAX_AGE_S).encode())
        assert parse_policy(body).max_age_s == MAX_AGE_S

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (b"STSv1", b"STSv2"),
            (b"version: STSv1\r\n", b""),
            (b"enforce", b"Enforce"),
            (b"mode: enforce\r\n", b""),
            (b"604800", b"31557601"),
            (b"604800", b"-1"),
            (b"604800", b"00000000001"),
            (b"604800", "٣".encode()),
            (b"604800", b""),
            (b"max_age: 604800\r\n", b""),
            (b"mail.example.com", b"mail..example.com"),
            (b"mail.example.com", b"*.*.example.com"),
            (b"mail.example.com", b"m*.example.com"),
            (b"mail.example.com", b"-a.example.com"),
            (b"mail.example.com", b"a b"),
            (b"mail.example.com", "bücher.example".encode()),
            (b"mx: mail.example.com\r\nmx: *.Example.net\r\n", b""),
            (b"mode:", b"\r\nmode:"),
            (b"mode:", b"no field\r\nmode:"),
            (b"mode:", b"a" * 33 + b": b\r\nmode:"),
            (b"mode:", b"x: \0\r\nmode:"),
            (b"mode:", b"x: \xff\r\nmode:"),
            (b"\r\n", b"\r\r\n"),
        ],
    )
    def test_wrong_ones(self, before: bytes, after: bytes) -> None:
        assert before in POLICY
        with pytest.raises(GrammarError):
            parse_policy(POLICY.replace(before, after, 1))

    def test_size(self) -> None:
        padding = b"x: " + b"y" * (MAX_POLICY_BYTES - len(POLICY) - 3)
        assert parse_policy(POLICY + padding).mode is Mode.ENFORCE
        with pytest.raises(GrammarError):
            parse_policy(POLICY + padding + b"y")
        with pytest.raises(GrammarError):
            parse_policy(POLICY + b"".join(b"mx: a%d.example\n" % n for n in range(100)))

    @pytest.mark.parametrize(
        ("host", "allowed"),
        [
            ("mail.example.com", True),
            ("MAIL.example.com.", True),
            ("a.example.net", True),
            ("example.net", False),
            ("a.b.example.net", False),
            ("a.mail.example.com", False),
            ("xmail.example.com", False),
            ("*.example.net", True),
            ("", False),
        ],
    )
    def test_hosts(self, host: str, allowed: bool) -> None:
        assert parse_policy(POLICY).allows(host) is allowed
