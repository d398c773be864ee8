"""What was found out about messages from one domain, as it is counted and reported."""

import hashlib
from dataclasses import dataclass, replace

import msgspec


@dataclass(frozen=True, slots=True)
class DkimCheck:
    """One signature; `result` is a word of RFC 8601 §2.7.1."""

    domain: str
    selector: str
    result: str


@dataclass(frozen=True, slots=True)
class SpfCheck:
    """What SPF said; `scope` is `mfrom` or `helo`, `result` a word of RFC 7208 §2.6."""

    domain: str
    scope: str
    result: str


@dataclass(frozen=True, slots=True)
class Override:
    """Why something else was done than the domain asks for (RFC 9990).

    `kind` is `local_policy`, `trusted_forwarder`, `mailing_list`, `policy_test_mode`, `sampled_out`
    or `other`.
    """

    kind: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Published:
    """A domain's DMARC record: its tags but rua and ruf, in order, and where it was found.

    `rua` are the URIs for aggregate reports as they are published, with their `!size`.
    `organizational` is the domain's Organizational Domain; empty: not known.
    """

    domain: str
    tags: tuple[tuple[str, str], ...] = ()
    rua: tuple[str, ...] = ()
    organizational: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """What tells messages from others in a report; all are short texts, domains in lower case.

    `disposition` is what was done: `none`, `pass`, `quarantine` or `reject`. `dkim` and `spf` say
    whether they passed and are aligned with From. `report` marks aggregate reports, about which
    alone nobody is told (two servers would send each other reports for ever).
    """

    source_ip: str
    header_from: str
    envelope_from: str = ""
    envelope_to: str = ""
    disposition: str = "none"
    dkim: bool = False
    spf: bool = False
    overrides: tuple[Override, ...] = ()
    dkim_checks: tuple[DkimCheck, ...] = ()
    spf_checks: tuple[SpfCheck, ...] = ()
    report: bool = False

    def digest(self, tags: tuple[tuple[str, str], ...]) -> str:
        """What stands for all of it, under this record, in an index."""
        return hashlib.sha256(msgspec.json.encode((self, tags))).hexdigest()[:32]

    @property
    def general(self) -> "Kind":
        """The same without what differs most between messages of one source."""
        return replace(
            self, envelope_from="", overrides=(), dkim_checks=(), spf_checks=self.spf_checks[:1]
        )


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What DMARC came to for one message: whose record, and what is counted under it."""

    published: Published
    kind: Kind
