"""Scripts and messages from a seed, for asking two Sieves what they make of them."""

from random import Random

EXTENSIONS = (
    *("fileinto", "copy", "envelope", "variables", "relational", "comparator-i;ascii-numeric"),
    *("subaddress", "imap4flags", "body", "date", "index", "regex", "mime", "foreverypart"),
    *("encoded-character", "mailbox", "ihave"),
)
REQUIRE = "require [" + ", ".join(f'"{one}"' for one in EXTENSIONS) + "];\n"

MESSAGES = tuple(
    text.replace("\n", "\r\n").encode()
    for text in (
        """\
Return-Path: <bounce+tag@lists.example.org>
Received: from a.example.net by b.example.com; Mon, 6 May 2024 10:11:12 +0200
Received: from c.example.net by a.example.net; Mon, 6 May 2024 07:01:00 +0000
From: "Miller, Ann" <Ann.Miller@Example.ORG>
To: bob+news@example.com, Carol <carol@Example.net>
Cc: undisclosed: dave@example.com, eve+x+y@example.com;
Subject: [list] The  42nd   offer *free* $100 (50% off)?
Date: Mon, 6 May 2024 10:09:08 -0330
X-Priority: 3
X-Score: 007
X-Empty:
X-Multi: one
X-Multi: Two
X-Multi: three
Message-ID: <abc.1@lists.example.org>

Dear Bob,
the offer is 10 EUR. A line with * and ? and \\ in it.
.
""",
        """\
From: =?utf-8?q?J=C3=BCrgen?= <juergen@example.de>
To: =?iso-8859-1?b?Qvxy?= <buer@example.com>, "quoted \\"x\\"" <q@example.com>
Subject: =?utf-8?b?R3LDvMOfZQ==?= =?utf-8?q?_aus_K=C3=B6ln?= and more
Date: Sun, 31 Dec 2023 23:59:59 +0000
X-Folded: first
 second
 third
X-Number: 12 apples
Mime-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

preamble
--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe, soft=
 break
--inner
Content-Type: text/html; charset=us-ascii
X-Part: html

<p>Hello <b>bold</b> world</p>
--inner--
--outer
Content-Type: application/pdf; name="report.pdf"
Content-Disposition: attachment; filename="report.pdf"
Content-Transfer-Encoding: base64

SGVsbG8gUERG
--outer
Content-Type: message/rfc822

From: inner@example.org
Subject: inside

inner text
--outer--
""",
        """\
from: simple@example.org (a comment)
TO: bob@example.com
sUBJECT:no space
Date: Thu, 29 Feb 2024 12:00:00 GMT
X-Score: -1
X-Big: 99999999999999999999

short
""",
        """\
From: a@example.com
To: <bob+detail+more@example.com>, list:;, "Some Body"@example.com
Subject: Re: Re: test
Sender: owner@lists.example.org
List-Id: Some List <list.example.org>
X-Spam-Flag: YES
X-Spam-Level: *****
Date: Fri, 1 Mar 2024 00:00:01 +1400

This is spam. Unsubscribe: <http://example.org/?a=b&c=d>
""",
    )
)
HEADERS = (
    *("subject", "From", "to", "cc", "x-multi", "X-Score", "x-empty", "x-none", "Received"),
    *("x-folded", "x-number", "x-big", "date", "message-id", "list-id", "x-spam-level"),
    *("x-priority", "content-type", "sender"),
)
ADDRESS_HEADERS = ("from", "To", "cc", "sender", "resent-to")
KEYS = (
    *("", "a", "test", "[list]", "offer", "OFFER", "example.org", "bob", "3", "7", "007", "12"),
    *("*free*", "two", "Two", "one", "Grüße", "köln", "Köln", "@", "news", "detail+more", "x+y"),
    *("Re: Re: test", "yes", "*****", "first second third", "no space", "simple@example.org"),
    *("ann.miller@example.org", "Ann.Miller", "Example.ORG", "-1", "text/plain", "99999999"),
)
GLOBS = (
    *("*", "?*", "*?", "[*]*", "*o*e*", "*e*o*", "??", "*\\\\?", "\\\\**", "Re: *", "*: *: *"),
    *("*@*", "*.*@*.*", "*+*", "?", "", "* *", "*\\\\*free\\\\**", "the *", "*ü*", "???????"),
)
REGEXES = (
    *("^.*$", "^re:", "[0-9]+", "([a-z]+)@([a-z.]+)", "^[^@]*$", "(re: )+(.*)", "^$", "o{1,2}"),
    *("free|spam", "[[:digit:]]{2}", "\\\\*", "(a)?b"),
)
"""None splits what is not ASCII: for Pigeonhole an octet is a character there."""
RELATIONS = ("gt", "ge", "lt", "le", "eq", "ne")
DATE_PARTS = (
    *("year", "month", "day", "date", "julian", "hour", "minute", "second", "time", "iso8601"),
    *("std11", "zone", "weekday"),
)
DATE_KEYS = (
    *("2024", "05", "06", "6", "1", "10", "2024-05-06", "23:59:59", "0", "-0330", "+0000", "60436"),
    *("2024-05-06T10:09:08-03:30", "Mon, 06 May 2024 10:09:08 -0330"),
)
BODY_KEYS = ("offer", "Bold", "<b>", "soft break", "Grüße", "inner text", "Hello PDF", "SGVs", "x")


def quoted(text: str) -> str:
    """As scripts write it; what is escaped in it already stays."""
    return '"' + text.replace('"', '\\"') + '"'


class Samples:
    """Scripts, one after another."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def _one(self, *choices: str) -> str:
        return self._random.choice(choices)

    def _some(self, choices: tuple[str, ...]) -> str:
        if self._random.random() < 0.6:
            return quoted(self._random.choice(choices))
        found = self._random.sample(choices, min(len(choices), self._random.randint(1, 3)))
        return "[" + ", ".join(map(quoted, found)) + "]"

    def match(self, keys: tuple[str, ...] = KEYS) -> tuple[str, str]:
        """Match type with comparator, and keys for it."""
        kind = self._random.randint(0, 9)
        comparator = self._one("", "", ' :comparator "i;octet"', ' :comparator "i;ascii-casemap"')
        numeric = ' :comparator "i;ascii-numeric"'
        if kind < 3:
            return f"{self._one('', ':is')}{comparator}", self._some(keys)
        if kind < 5:
            return f":contains{comparator}", self._some(keys)
        if kind < 7:
            return f":matches{comparator}", self._some(GLOBS)
        if kind < 8:
            return f":regex{comparator}", self._some(REGEXES)
        relation = quoted(self._one(*RELATIONS))
        if kind < 9:
            return f":count {relation}{numeric}", self._some(("0", "1", "2", "3"))
        # i;ascii-casemap is in upper case (RFC 4790 §9.2.1), for Pigeonhole in lower case.
        plain = tuple(key for key in keys if not key.startswith("["))
        return f":value {relation}{self._one(comparator, numeric)}", self._some(plain)

    def test(self, depth: int = 0) -> str:
        """Any test."""
        if depth < 2 and self._random.random() < 0.2:
            inner = [self.test(depth + 1) for _ in range(self._random.randint(1, 3))]
            name = self._one("allof", "anyof", "not")
            return f"not {inner[0]}" if name == "not" else f"{name} ({', '.join(inner)})"
        kinds = (
            *(self._header, self._header, self._address, self._address, self._envelope),
            *(self._exists, self._size, self._body, self._date, self._mime, self._constant),
        )
        return self._random.choice(kinds)()

    def _header(self) -> str:
        match, keys = self.match()
        if self._random.random() < 0.8 or ":count" in match:
            return f"header {match} {self._some(HEADERS)} {keys}"
        # With `:count` Pigeonhole counts none of the fields that an index picks.
        index = self._one(":index 1", ":index 2", ":index 1 :last", ":index 2 :last")
        return f"header {index} {match} {self._some(HEADERS)} {keys}"

    def _address(self) -> str:
        match, keys = self.match()
        part = self._one("", ":all", ":localpart", ":domain", ":user", ":detail")
        index = (
            "" if ":count" in match else self._one("", "", ":index 1", ":index 2", ":index 1 :last")
        )
        return f"address {index} {part} {match} {self._some(ADDRESS_HEADERS)} {keys}"

    def _envelope(self) -> str:
        match, keys = self.match()
        part = self._one("", ":all", ":localpart", ":domain", ":user", ":detail")
        return f"envelope {part} {match} {self._some(('from', 'to'))} {keys}"

    def _exists(self) -> str:
        return f"exists {self._some(HEADERS)}"

    def _size(self) -> str:
        return f"size {self._one(':over', ':under')} {self._one('0', '100', '500', '1K', '1M')}"

    def _body(self) -> str:
        transform = self._one(":raw", ":text", ':content "text"', ':content "text/html"')
        match = self._one(":contains", ":is", ':contains :comparator "i;octet"')
        return f"body {transform} {match} {self._some(BODY_KEYS)}"

    def _date(self) -> str:
        match, keys = self.match(DATE_KEYS)
        zone = self._one(":originalzone", ':zone "+0000"', ':zone "-0500"')
        part = quoted(self._one(*DATE_PARTS))
        return f'date {zone} {match} "date" {part} {keys}'

    def _mime(self) -> str:
        option = self._one(":type", ":subtype", ":contenttype", ':param "name"', "")
        # A parameter that is not there is empty for Pigeonhole, and for RFC 5703 §4.2 not there.
        empty = () if "param" in option else ("",)
        known = ("text", "plain", "text/html", "report.pdf", "multipart", "mixed")
        keys = self._some((*known, *empty))
        match = self._one(":is", ":contains")
        child = self._one("", ":anychild")
        return f'header :mime {child} {option} {match} "content-type" {keys}'

    def _constant(self) -> str:
        return self._one("true", "false", 'ihave "copy"', 'ihave "x-no"')

    def of_tests(self, count: int) -> str:
        """Tests, each with a mailbox to say that it was true."""
        return REQUIRE + "".join(
            f'if {self.test()} {{ fileinto :copy "t{number}"; }}\n' for number in range(count)
        )

    def of_matches(self, count: int) -> str:
        """What match variables and modifiers come to; values are the names of mailboxes."""
        lines = []
        for number in range(count):
            match = self._one(":matches", ":regex")
            keys = self._some(GLOBS if match == ":matches" else REGEXES)
            change = self._one(
                "", ":lower", ":upper", ":lowerfirst", ":upperfirst", ":length", ":quotewildcard",
                ":upperfirst :lower",
            )  # fmt: skip
            header = quoted(self._one(*HEADERS))
            lines.append(
                f"if header {match} {header} {keys} {{\n"
                f'  set {change} "v" "${{{self._random.randint(0, 3)}}}";\n'
                f'  if string :matches "${{v}}" "*/*" {{ set "v" "slash"; }}\n'
                f'  fileinto :copy "m{number}-${{v}}-${{2}}${{3}}-${{no}}e";\n}}\n'
            )
        return REQUIRE + "".join(lines)

    def of_actions(self) -> str:
        """Branches with actions in them."""
        return REQUIRE + self._commands(0)

    def _commands(self, depth: int) -> str:
        return "".join(self._command(depth) for _ in range(self._random.randint(1, 4)))

    def _command(self, depth: int) -> str:
        if depth < 3 and self._random.random() < 0.4:
            found = f"if {self.test(1)} {{ {self._commands(depth + 1)} }}\n"
            if self._random.random() < 0.5:
                found += f"elsif {self.test(1)} {{ {self._commands(depth + 1)} }}\n"
            if self._random.random() < 0.5:
                found += f"else {{ {self._commands(depth + 1)} }}\n"
            return found
        mailbox = quoted(self._one("a", "b", "c", "INBOX"))
        flags = self._one('"\\\\Seen"', '["x", "Y z"]', '"\\\\Flagged x"', '""')
        return self._one(
            "keep;",
            "discard;",
            "stop;",
            f"fileinto {mailbox};",
            # Of two into one mailbox the first says for Pigeonhole whether the message is kept.
            f"fileinto :copy {quoted(self._one('d', 'e'))};",
            f"fileinto :flags {flags} {mailbox};",
            f"keep :flags {flags};",
            f"setflag {flags};",
            f"addflag {flags};",
            f"removeflag {flags};",
            f"redirect {quoted(self._one('x@example.net', 'Y <y@example.net>'))};",
            'redirect :copy "z@example.net";',
        )
