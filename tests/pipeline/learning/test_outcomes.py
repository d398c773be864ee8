"""What came of mail is gathered, written now and then, and lost by no failure of the database."""

import pytest

from kit.checks import arrival
from kit.mail import MailAccount
from pillarbox.base.errors import Denied, Unavailable
from pillarbox.base.ids import AccountId, EmailId
from pillarbox.domain.judgement.model import Decision, Rules, Verdict
from pillarbox.domain.reputation import history
from pillarbox.domain.reputation.model import SERVER, Kind, Origin, Standing
from pillarbox.domain.spam import results
from pillarbox.domain.spam.model import Category, Results, Task
from pillarbox.pipeline.inbound.checks.content import read_content
from pillarbox.pipeline.inbound.judging import Judged, Judgement
from pillarbox.pipeline.inbound.message import Envelope, Recipient
from pillarbox.pipeline.inbound.message import Origin as Hop
from pillarbox.pipeline.learning.outcomes import Outcomes

ORIGIN = Origin("ann@sender.test", "sender.test", (), "192.0.2.7")


def outcomes(account: MailAccount) -> Outcomes:
    return Outcomes(account.database, account.store.keys, "mx.example.test")


async def standing(account: MailAccount, scope: int, name: str = "192.0.2.7") -> Standing:
    return await account.database.read(history.standing, account.store.keys, scope, Kind.IP, name)


def judgement(account: MailAccount, verdict: Verdict, *, outside: bool = True) -> Judgement:
    coming = arrival("Subject: x\n\nx\n", outside=outside)
    (recipient,) = coming.recipients
    judged = Judged(recipient, account.id, Rules(), Decision(verdict, 0.0))
    return Judgement(coming, coming.content, (), (judged,))


async def note(found: Outcomes, judged: Judgement) -> None:
    to: tuple[Recipient, ...] = ()
    envelope = Envelope(Hop("192.0.2.7", "mail.sender.test", "ESMTP"), "ann@sender.test", to)
    assert await found.prepare("id", envelope, judged, b"") is None


@pytest.mark.parametrize(
    ("verdict", "good", "bad", "sorted_as"),
    [
        (Verdict.ACCEPT, 0.1, 0.0, Results(kept=1)),
        (Verdict.JUNK, 0.0, 0.2, Results(junked=1)),
        (Verdict.QUARANTINE, 0.0, 0.2, Results(junked=1)),
    ],
)
async def test_where_mail_went(
    account: MailAccount, verdict: Verdict, good: float, bad: float, sorted_as: Results
) -> None:
    found = outcomes(account)
    await note(found, judgement(account, verdict))
    assert await standing(account, SERVER) == Standing()
    await found.flush()
    await found.flush()
    assert await standing(account, account.id) == Standing(good, bad)
    assert await standing(account, SERVER) == Standing(good, bad)
    assert await account.database.read(results.of, account.id) == sorted_as


async def test_refused_mail_counts_for_the_server_alone(account: MailAccount) -> None:
    found = outcomes(account)
    refused = judgement(account, Verdict.REFUSE)
    assert isinstance(refused.refusal, Denied)
    await note(found, refused)
    await found.flush()
    assert await standing(account, SERVER) == Standing(0.0, 0.3)
    assert await standing(account, account.id) == Standing()
    assert await account.database.read(results.of, None) == Results()


async def test_mail_from_inside_has_no_origin(account: MailAccount) -> None:
    found = outcomes(account)
    await note(found, judgement(account, Verdict.ACCEPT, outside=False))
    await found.flush()
    assert await account.database.read(results.of, None) == Results()


async def test_what_users_sort_and_sort_again(account: MailAccount) -> None:
    found = outcomes(account)
    content = read_content(
        b"Received: from m (m [192.0.2.7])\r\n\tby mx.example.test with SMTP; x\r\n\r\nx\r\n"
    )
    task = Task(account.id, EmailId(1), Category.SPAM)
    found.corrected(task, content, Category.FORGOTTEN)
    await found.flush()
    assert await standing(account, account.id) == Standing(0.0, 1.0)
    found.corrected(Task(account.id, EmailId(1), Category.HAM), content, Category.SPAM)
    await found.flush()
    assert await standing(account, account.id) == Standing(1.0, 0.0)


async def test_what_can_not_be_written_is_kept(account: MailAccount) -> None:
    found = outcomes(account)
    for number in range(700):
        found.delivered(Origin(ip=f"10.0.{number // 250}.{number % 250}"), (account.id,), ())
    await account.database.close()
    with pytest.raises(Unavailable):
        await found.flush()
    assert len(found._weights) >= 1400
    assert found._sorted == {AccountId(account.id): (0, 700)}
