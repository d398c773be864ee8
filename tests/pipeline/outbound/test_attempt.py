"""One attempt: which hosts are asked, and what their answers mean."""

import pytest

from kit.clock import FakeClock
from kit.outbound import (
    LATER,
    NOBODY,
    REFUSED,
    TAKEN,
    Act,
    Hosts,
    direct,
    fails,
    hop,
    peer,
    says,
)
from pillarbox.base.ids import QueueId
from pillarbox.domain.queue.model import (
    LeasedMessage,
    LeasedRecipient,
    Outcome,
    Stage,
)
from pillarbox.pipeline.outbound.attempt import (
    AVOIDED_MS,
    MAX_ATTEMPT_MS,
    MAX_HOSTS,
    Attempts,
    Tried,
    Verdicts,
    tls_text,
)
from pillarbox.pipeline.outbound.model import (
    Answer,
    Journey,
    Letter,
    NextHop,
    Peer,
    RouteKind,
    TlsSession,
    Transmitted,
)
from pillarbox.pipeline.outbound.schedule import Schedule, ScheduleOptions
from pillarbox.wire.smtp.replies import Reply

ANN = LeasedRecipient(1, "ann@elsewhere.test", 0, 1 << 50)
BEN = LeasedRecipient(2, "ben@elsewhere.test", 0, 1 << 50)
MESSAGE = LeasedMessage(QueueId(7), None, "a@example.test", 10, 0, (ANN, BEN))
GONE = Reply(554, "5.3.2", ("no mail here",))


class Bench:
    """Attempts at one message."""

    def __init__(self, clock: FakeClock) -> None:
        self.hosts = Hosts()
        self.clock = clock
        verdicts = Verdicts(Schedule(ScheduleOptions()), clock)
        self.attempts = Attempts(self.hosts, (), verdicts, clock)

    async def make(self, journey: Journey) -> Tried:
        letter = Letter(MESSAGE, MESSAGE.recipients, b"x")
        return await self.attempts.make(letter, journey, "elsewhere.test")

    @property
    def asked(self) -> list[str]:
        return [sent[0] for sent in self.hosts.sent]


@pytest.fixture
def bench(clock: FakeClock) -> Bench:
    return Bench(clock)


def outcomes(tried: Tried) -> list[Outcome]:
    return [result.outcome for result in tried.results]


async def test_no_hosts_at_all(bench: Bench) -> None:
    tried = await bench.make(Journey(RouteKind.DIRECT, "direct"))
    assert outcomes(tried) == [Outcome.DEFERRED] * 2
    assert tried.hosts_well is None


async def test_not_more_hosts_than_five(bench: Bench) -> None:
    names = [f"h{number}" for number in range(8)]
    for name in names:
        bench.hosts.on(name, fails(GONE, Stage.GREETING, ours=False))
    tried = await bench.make(direct(*names))
    assert bench.asked == names[:MAX_HOSTS]
    assert outcomes(tried) == [Outcome.DEFERRED] * 2  # the others have not said so


async def test_not_longer_than_its_time(bench: Bench) -> None:
    def slow(_: NextHop, __: Letter) -> Transmitted:
        bench.clock.advance(seconds=MAX_ATTEMPT_MS / 1000)
        return fails()(hop("a"), Letter(MESSAGE, (), b""))

    bench.hosts.on("a", slow)
    tried = await bench.make(direct("a", "b"))
    assert bench.asked == ["a"]
    assert outcomes(tried) == [Outcome.DEFERRED] * 2


async def test_tells_of_the_failure_that_may_pass(bench: Bench) -> None:
    bench.hosts.on("a", fails())
    bench.hosts.on("b", fails(GONE, Stage.GREETING, ours=False))
    tried = await bench.make(direct("a", "b"))
    (result, _) = tried.results
    assert (result.reply, result.way.host, result.code) == (REFUSED.text, "a", None)
    assert result.enhanced == "4.4.1"
    assert tried.hosts_well is False


async def test_refused_senders_do_not_speak_against_the_host(bench: Bench) -> None:
    bench.hosts.on("a", fails(LATER, Stage.MAIL, ours=False))
    assert (await bench.make(direct("a"))).hosts_well is True
    bench.hosts.on("a", fails(Reply(421, "4.3.2", ("closing",)), Stage.MAIL, ours=False))
    assert (await bench.make(direct("a"))).hosts_well is False


async def test_a_connection_that_breaks_in_silence_speaks_against_it(bench: Bench) -> None:
    def breaks(of: NextHop, letter: Letter) -> Transmitted:
        lost = Reply(451, "4.4.2", ("lost",))
        answers = tuple(Answer(one.id, lost, Stage.DATA, True) for one in letter.recipients)
        return Transmitted(peer(of), answers, broken=True)

    bench.hosts.on("a", breaks)
    tried = await bench.make(direct("a", "b"))
    assert tried.hosts_well is False
    assert outcomes(tried) == [Outcome.DEFERRED] * 2
    assert bench.asked == ["a"]


async def test_a_recipient_nobody_answered_for_is_tried_again(bench: Bench) -> None:
    def forgets(of: NextHop, letter: Letter) -> Transmitted:
        return Transmitted(peer(of), (Answer(ANN.id, TAKEN, Stage.CONTENT),))

    bench.hosts.on("a", forgets)
    tried = await bench.make(direct("a"))
    assert outcomes(tried) == [Outcome.DELIVERED, Outcome.DEFERRED]


@pytest.mark.parametrize(
    ("act", "relayed"),
    [
        (fails(), True),
        (says(GONE, Stage.MAIL), True),
        (says(LATER, Stage.MAIL), True),
        (says(LATER, Stage.RCPT), False),
        (says(NOBODY, Stage.RCPT), False),
    ],
)
async def test_fallback(bench: Bench, act: Act, relayed: bool) -> None:
    bench.hosts.on("a", act)
    await bench.make(direct("a", fallback=("relay",)))
    assert ("relay" in bench.asked) is relayed


async def test_fallback_that_fails_for_good_after_a_host_that_did_not(bench: Bench) -> None:
    bench.hosts.on("a", fails())
    bench.hosts.on("relay", fails(GONE, Stage.GREETING, ours=False))
    tried = await bench.make(direct("a", fallback=("relay",)))
    assert outcomes(tried) == [Outcome.DEFERRED] * 2


async def test_avoids_a_host_for_a_minute(bench: Bench) -> None:
    bench.hosts.on("a", fails())
    await bench.make(direct("a", "b"))
    await bench.make(direct("a", "b"))
    assert bench.asked == ["a", "b", "b"]
    bench.clock.advance(seconds=AVOIDED_MS / 1000)
    await bench.make(direct("a", "b"))
    assert bench.asked[3:] == ["a"]


async def test_who_reports_by_itself(bench: Bench) -> None:
    bench.hosts.on("a", says(TAKEN, dsn=True))
    assert (await bench.make(direct("a"))).peer_reports == {ANN.id, BEN.id}
    assert (await bench.make(direct("a"))).peer_reports == frozenset()


async def test_replies_are_cleaned_and_cut(bench: Bench) -> None:
    hostile = Reply(550, "5.1.1", ("a\r\nb\x00\u2028" + "x" * 10_000,))
    bench.hosts.on("a", says(hostile, Stage.RCPT))
    (result, _) = (await bench.make(direct("a"))).results
    assert result.reply.startswith("a b x")
    assert len(result.reply) == 2000


def test_tls_in_the_log() -> None:
    cipher = "TLS_AES_256_GCM_SHA384"
    assert tls_text(Peer("a", "ip", 25, TlsSession("TLSv1.3", cipher, "dane"))) == (
        f"TLSv1.3 {cipher} dane"
    )
    assert tls_text(Peer("a", "ip", 25)) == "none"
    assert tls_text(Peer("a", "ip", 25, fallback="handshake failed")) == "none (handshake failed)"
