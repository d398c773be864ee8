"""Rules that many people want, to begin with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pillarbox.base.errors import Invalid, NotFound
from pillarbox.formats.sieve.rules.actions import Delete, File, Forward, Keep, Mark, Notify, Reject
from pillarbox.formats.sieve.rules.conditions import (
    AddressText,
    BodyText,
    CurrentDate,
    Envelope,
    EnvelopeText,
    FromContacts,
    HasAttachment,
    HasHeader,
    HeaderText,
    Match,
    MessageSize,
    Moment,
    Part,
    SpamScore,
)
from pillarbox.formats.sieve.rules.model import Combine, Rule

Answers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Template:
    """A rule with blanks: `blanks` are those to fill, each with what is put in if it is not given.

    A blank whose usual text is empty has to be given.
    """

    name: str
    title: str
    rule: Callable[[Answers], Rule]
    blanks: Mapping[str, str]

    def filled(self, given: Answers) -> Rule:
        """The rule with its blanks filled; raises `Invalid` where one is missing or unknown."""
        for blank in given:
            if blank not in self.blanks:
                raise Invalid(f"The template {self.name} has no blank {blank}")
        answers = {blank: given.get(blank) or usual for blank, usual in self.blanks.items()}
        for blank, answer in answers.items():
            if not answer:
                raise Invalid(f"The template {self.name} needs {blank}=…")
        return self.rule(answers)


def template(name: str) -> Template:
    """A template by name; `NotFound` says which there are."""
    found = next((one for one in TEMPLATES if one.name == name), None)
    if found is None:
        names = ", ".join(one.name for one in TEMPLATES)
        raise NotFound(f"There is no template {name!r}; there are {names}")
    return found


def _newsletters(given: Answers) -> Rule:
    return Rule(
        name="Newsletters",
        combine=Combine.ANY,
        conditions=(
            HasHeader(headers=("List-Unsubscribe",)),
            HeaderText(headers=("Precedence",), match=Match.IS, values=("bulk", "list")),
        ),
        actions=(File(mailbox=given["mailbox"]),),
        stop=True,
    )


def _mailing_list(given: Answers) -> Rule:
    return Rule(
        name=f"List {given['list']}"[:100],
        conditions=(HeaderText(headers=("List-Id",), values=(given["list"],)),),
        actions=(File(mailbox=given["mailbox"]),),
        stop=True,
    )


def _important(given: Answers) -> Rule:
    return Rule(
        name=f"From {given['address']}"[:100],
        conditions=(AddressText(headers=("from",), match=Match.IS, values=(given["address"],)),),
        actions=(Mark(flags=("\\Flagged",)),),
    )


def _sender(given: Answers) -> Rule:
    return Rule(
        name=f"Mail from {given['domain']}"[:100],
        conditions=(
            AddressText(
                headers=("from",), part=Part.DOMAIN, match=Match.IS, values=(given["domain"],)
            ),
        ),
        actions=(File(mailbox=given["mailbox"]),),
        stop=True,
    )


def _block(given: Answers) -> Rule:
    return Rule(
        name=f"Nothing from {given['address']}"[:100],
        conditions=(AddressText(headers=("from",), match=Match.IS, values=(given["address"],)),),
        actions=(Delete(),),
        stop=True,
    )


def _refuse(given: Answers) -> Rule:
    return Rule(
        name=f"Refuse {given['address']}"[:100],
        conditions=(EnvelopeText(of=Envelope.FROM, match=Match.IS, values=(given["address"],)),),
        actions=(Reject(text=given["text"]),),
        stop=True,
    )


def _big(given: Answers) -> Rule:
    if not given["megabytes"].isdecimal():
        raise Invalid("The size is a number of megabytes, such as 10")
    return Rule(
        name="Big mail",
        conditions=(MessageSize(size_bytes=int(given["megabytes"][:6]) << 20),),
        actions=(File(mailbox=given["mailbox"]),),
    )


def _detail(given: Answers) -> Rule:
    return Rule(
        name=f"To +{given['detail']}"[:100],
        conditions=(
            EnvelopeText(
                of=Envelope.TO, part=Part.DETAIL, match=Match.IS, values=(given["detail"],)
            ),
        ),
        actions=(File(mailbox=given["mailbox"]),),
        stop=True,
    )


def _strangers(given: Answers) -> Rule:
    return Rule(
        name="Strangers",
        conditions=(FromContacts(negate=True),),
        actions=(File(mailbox=given["mailbox"]),),
    )


def _suspicious(given: Answers) -> Rule:
    return Rule(
        name="Suspicious",
        conditions=(SpamScore(at_least=5),),
        actions=(Mark(flags=("\\Seen",)), File(mailbox=given["mailbox"])),
        stop=True,
    )


def _invoices(given: Answers) -> Rule:
    words = tuple(word.strip() for word in given["words"].split(",") if word.strip())
    return Rule(
        name="Invoices",
        conditions=(HeaderText(headers=("Subject",), values=words), HasAttachment()),
        actions=(File(mailbox=given["mailbox"], copy=True),),
    )


def _mention(given: Answers) -> Rule:
    return Rule(
        name=f"Mentions {given['text']}"[:100],
        conditions=(BodyText(values=(given["text"],)),),
        actions=(Mark(flags=("\\Flagged",)), Keep()),
    )


def _weekend(given: Answers) -> Rule:
    return Rule(
        name="At weekends to a colleague",
        conditions=(CurrentDate(part=Moment.WEEKDAY, values=("0", "6"), zone=given["zone"]),),
        actions=(Forward(address=given["address"]),),
    )


def _tell(given: Answers) -> Rule:
    return Rule(
        name=f"Tell of mail from {given['sender']}"[:100],
        conditions=(AddressText(headers=("from",), match=Match.IS, values=(given["sender"],)),),
        actions=(Notify(address=given["address"], message=f"Mail from {given['sender']}"),),
    )


def _blanks(**usual: str) -> Mapping[str, str]:
    return MappingProxyType(usual)


TEMPLATES: tuple[Template, ...] = (
    Template(
        "newsletters", "Newsletters into a mailbox", _newsletters, _blanks(mailbox="Newsletters")
    ),
    Template(
        "list", "A mailing list into a mailbox", _mailing_list, _blanks(list="", mailbox="Lists")
    ),
    Template("important", "Star mail from somebody", _important, _blanks(address="")),
    Template(
        "sender", "All mail of a domain into a mailbox", _sender, _blanks(domain="", mailbox="")
    ),
    Template("big", "Big mail into a mailbox", _big, _blanks(megabytes="10", mailbox="Big")),
    Template(
        "detail", "Mail to a +address into a mailbox", _detail, _blanks(detail="", mailbox="")
    ),
    Template("strangers", "Mail of who is no contact", _strangers, _blanks(mailbox="Strangers")),
    Template("suspicious", "What may be spam, read", _suspicious, _blanks(mailbox="Junk")),
    Template(
        "invoices",
        "A copy of invoices with attachment",
        _invoices,
        _blanks(words="invoice,receipt", mailbox="Invoices"),
    ),
    Template("mention", "Star mail that has a word", _mention, _blanks(text="")),
    Template("block", "Mail from somebody into Trash", _block, _blanks(address="")),
    Template(
        "refuse",
        "Refuse mail from somebody",
        _refuse,
        _blanks(address="", text="Your mail is not wanted here."),
    ),
    Template("weekend", "Forward at weekends", _weekend, _blanks(address="", zone="+0000")),
    Template("tell", "Tell another address", _tell, _blanks(sender="", address="")),
)
