"""Letters over SMTP and LMTP: what each recipient is answered, and what ends a letter."""

from dataclasses import replace

import pytest

from kit.letters import QUICK, connections, hop, letter
from kit.sink import ALL_KEYWORDS, KEYWORDS, Drop, Flood, Hang, Say, Sink, Slow, running
from pillarbox.domain.queue.model import LeasedRecipient, Stage
from pillarbox.pipeline.outbound.model import Answer, HostFailure, Security, Transmitted

A, B, C = "a@sink.test", "b@sink.test", "c@sink.test"
PLAIN = Security.PLAIN
NO_PIPELINING = ("8BITMIME", "SIZE 50000000")
both_ways = pytest.mark.parametrize(
    "keywords", [KEYWORDS, NO_PIPELINING], ids=["at once", "in turn"]
)


def codes(transmitted: Transmitted) -> dict[int, tuple[int, str]]:
    return {one.recipient_id: (one.reply.code, one.stage.value) for one in transmitted.answers}


def only(transmitted: Transmitted) -> Answer:
    (answer,) = transmitted.answers
    return answer


@both_ways
async def test_several_letters_over_one_connection(keywords: tuple[str, ...]) -> None:
    async with running(Sink(keywords)) as sink, connections() as client:
        for number in range(5):
            sent = await client.send(hop(sink, PLAIN), letter(A, B, marker=str(number)))
            assert codes(sent) == {1: (250, "content"), 2: (250, "content")}
            assert sent.peer.reused == (number > 0)
            assert not sent.broken
        assert sink.sessions == 1
        assert sink.delivered == {(str(n), to): 1 for n in range(5) for to in (A, B)}
        assert sink.faults == []
        assert "RSET" not in sink.commands
        assert sink.commands[0] == "EHLO client.test"


async def test_dots_and_missing_line_ends() -> None:
    async with running(Sink()) as sink, connections() as client:
        content = b"A: b\r\n\r\n.\r\n..\r\n.x\r\nno end"
        await client.send(hop(sink), letter(content=content))
        assert sink.taken[0].content == content + b"\r\n"


@both_ways
async def test_some_recipients_are_refused(keywords: tuple[str, ...]) -> None:
    async with running(Sink(keywords)) as sink, connections() as client:
        sink.on("RCPT", Say("550 5.1.1 Unknown"), of=B)
        sink.on("RCPT", Say("450 4.2.1 Later"), of=C)
        sent = await client.send(hop(sink), letter(A, B, C))
        assert codes(sent) == {1: (250, "content"), 2: (550, "rcpt"), 3: (450, "rcpt")}
        assert not any(one.ours for one in sent.answers)
        assert sink.delivered == {("m1", A): 1}


@both_ways
async def test_all_recipients_are_refused_and_the_connection_stays(
    keywords: tuple[str, ...],
) -> None:
    async with running(Sink(keywords)) as sink, connections() as client:
        sink.on("RCPT", Say("550 5.1.1 Unknown"), times=2)
        sent = await client.send(hop(sink), letter(A, B))
        assert codes(sent) == {1: (550, "rcpt"), 2: (550, "rcpt")}
        assert codes(await client.send(hop(sink), letter(C))) == {1: (250, "content")}
        assert sink.sessions == 1
        assert sink.commands.count("RSET") == 1
        assert sink.messages == 1


async def test_data_is_taken_though_nobody_was() -> None:
    """RFC 2920 §3.1: what follows such a 354 is an empty content."""
    async with running(Sink()) as sink, connections() as client:
        sink.on("RCPT", Say("550 5.1.1 Unknown"), times=1)
        sink.on("DATA", Say("354 Go ahead"), times=1)
        sink.on(".", Say("554 5.5.1 No recipients"), times=1)
        sent = await client.send(hop(sink), letter(A))
        assert codes(sent) == {1: (550, "rcpt")}
        assert codes(await client.send(hop(sink), letter(B))) == {1: (250, "content")}
        assert sink.delivered == {("m1", B): 1}
        assert sink.sessions == 1


@both_ways
@pytest.mark.parametrize("code", [550, 451])
async def test_the_sender_is_refused(keywords: tuple[str, ...], code: int) -> None:
    async with running(Sink(keywords)) as sink, connections() as client:
        sink.on("MAIL", Say(f"{code} {code // 100}.7.1 Not you"), times=1)
        sent = await client.send(hop(sink), letter(A, B))
        assert codes(sent) == {1: (code, "mail"), 2: (code, "mail")}
        assert codes(await client.send(hop(sink), letter(A))) == {1: (250, "content")}
        assert sink.sessions == 1


@both_ways
async def test_data_is_refused(keywords: tuple[str, ...]) -> None:
    async with running(Sink(keywords)) as sink, connections() as client:
        sink.on("RCPT", Say("550 5.1.1 Unknown"), of=B)
        sink.on("DATA", Say("451 4.3.0 Later"), times=1)
        sent = await client.send(hop(sink), letter(A, B))
        assert codes(sent) == {1: (451, "data"), 2: (550, "rcpt")}
        assert codes(await client.send(hop(sink), letter(A))) == {1: (250, "content")}
        assert sink.delivered == {("m1", A): 1}
        assert sink.sessions == 1


@pytest.mark.parametrize("code", [452, 554])
async def test_the_content_is_refused(code: int) -> None:
    async with running(Sink()) as sink, connections() as client:
        sink.on("CONTENT", Say(f"{code} {code // 100}.6.0 No"), times=1)
        sent = await client.send(hop(sink), letter(A, B))
        assert codes(sent) == {1: (code, "content"), 2: (code, "content")}
        assert codes(await client.send(hop(sink), letter(A))) == {1: (250, "content")}
        assert sink.sessions == 1


@both_ways
@pytest.mark.parametrize(
    ("stage", "found"),
    [("MAIL", Stage.MAIL), ("RCPT", Stage.RCPT), ("DATA", Stage.DATA)],
)
@pytest.mark.parametrize("act", [Drop(), Drop(reset=True), Say("421 4.3.2 Closing")])
async def test_lost_before_the_content(
    keywords: tuple[str, ...], stage: str, found: Stage, act: Drop | Say
) -> None:
    async with running(Sink(keywords)) as sink, connections() as client:
        sink.on(stage, act)
        with pytest.raises(HostFailure) as failure:
            await client.send(hop(sink), letter(A))
        if not (isinstance(act, Drop) and act.reset and keywords is KEYWORDS):
            assert failure.value.stage is found  # a reset may swallow the answers before it
        assert not failure.value.permanent
        assert failure.value.ours == isinstance(act, Drop)
        assert sink.messages == 0


@pytest.mark.parametrize("takes", [True, False])
@pytest.mark.parametrize("reset", [True, False])
async def test_closed_after_the_content_is_no_delivery(takes: bool, reset: bool) -> None:
    async with running(Sink()) as sink, connections() as client:
        sink.on("CONTENT", Drop(takes=takes, reset=reset))
        sent = await client.send(hop(sink), letter(A, B))
        assert sent.broken
        for answer in sent.answers:
            assert (answer.reply.enhanced, answer.stage, answer.ours) == (
                "4.4.2",
                Stage.CONTENT,
                True,
            )
            assert answer.reply.is_temporary
            assert "may have been delivered" in answer.reply.text
        assert sink.messages == takes


async def test_421_after_the_content_is_the_answer() -> None:
    async with running(Sink()) as sink, connections() as client:
        sink.on("CONTENT", Drop(b"421 4.3.2 Going down\r\n"))
        sent = await client.send(hop(sink), letter(A))
        assert (only(sent).reply.code, only(sent).ours, sent.broken) == (421, False, True)


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA"])
async def test_silence_before_the_content(stage: str) -> None:
    async with running(Sink()) as sink, connections(QUICK) as client:
        sink.on(stage, Hang())
        with pytest.raises(HostFailure) as failure:
            await client.send(hop(sink), letter(A))
        assert failure.value.reply.enhanced == "4.4.2"
        assert failure.value.stage.value == stage.lower()


async def test_silence_after_the_content() -> None:
    async with running(Sink()) as sink, connections(QUICK) as client:
        sink.on("CONTENT", Hang())
        sent = await client.send(hop(sink), letter(A))
        assert "may have been delivered" in only(sent).reply.text
        assert sent.broken


@pytest.mark.parametrize("stage", ["MAIL", "DATA"])
@pytest.mark.parametrize(
    "act",
    [
        Flood(b"2", 0.01),
        Flood(b"250-more\r\n", 0.0),
        Flood(b"250-more\r\n", 0.02),
        Flood(b"x" * 65536),
        Say(b"220 " + b"x" * 10_000_000),
        Say(b"\x00\xff\xfe garbage"),
        Say("999 what"),
    ],
    ids=["drip", "endless reply", "slow endless reply", "endless line", "10 MB", "garbage", "999"],
)
async def test_hostile_replies_are_bounded(stage: str, act: Flood | Say) -> None:
    async with running(Sink()) as sink, connections(QUICK) as client:
        sink.on(stage, act)
        with pytest.raises(HostFailure) as failure:
            await client.send(hop(sink), letter(A))
        assert not failure.value.permanent
        assert failure.value.ours


async def test_an_answer_before_the_content_is_no_answer_to_it() -> None:
    async with running(Sink()) as sink, connections(QUICK) as client:
        sink.on("DATA", Say("354 Go ahead\r\n250 2.0.0 Taken"))
        with pytest.raises(HostFailure) as failure:
            await client.send(hop(sink), letter(A))
        assert failure.value.stage is Stage.CONTENT
        assert sink.messages == 0


async def test_answers_more_than_questions_spoil_the_connection() -> None:
    async with running(Sink()) as sink, connections() as client:
        sink.on("CONTENT", Say("250 2.0.0 Taken\r\n250 2.0.0 And again"), times=1)
        assert codes(await client.send(hop(sink), letter(A))) == {1: (250, "content")}
        assert codes(await client.send(hop(sink), letter(A))) == {1: (250, "content")}
        assert sink.sessions == 2


@both_ways
async def test_success_where_the_content_should_follow_is_no_delivery(
    keywords: tuple[str, ...],
) -> None:
    async with running(Sink(keywords)) as sink, connections() as client:
        sink.on("DATA", Say("250 2.0.0 Delivered, trust me"))
        sent = await client.send(hop(sink), letter(A))
        assert codes(sent) == {1: (451, "data")}
        assert sent.broken
        assert sink.messages == 0


async def test_slow_answers_are_bounded_as_a_whole() -> None:
    """Each comes in time, all together do not."""
    times = replace(QUICK, letter_s=0.5)
    addresses = [f"r{number}@sink.test" for number in range(50)]
    async with running(Sink(NO_PIPELINING)) as sink, connections(times) as client:
        sink.on("RCPT", Slow(0.05))
        with pytest.raises(HostFailure) as failure:
            await client.send(hop(sink), letter(*addresses))
        assert failure.value.stage is Stage.RCPT
        assert 5 <= len(sink.commands) <= 20


class TestManyRecipients:
    async def test_more_than_a_hundred(self) -> None:
        addresses = [f"r{number}@sink.test" for number in range(250)]
        async with running(Sink()) as sink, connections() as client:
            sent = await client.send(hop(sink), letter(*addresses))
            assert len(sent.answers) == 250
            assert [len(one.recipients) for one in sink.taken] == [100, 100, 50]
            assert set(sink.delivered.values()) == {1}

    async def test_as_many_as_are_announced(self) -> None:
        """RFC 9422 §3."""
        keywords = (*KEYWORDS, "LIMITS RCPTMAX=2 MAILMAX=10")
        async with running(Sink(keywords)) as sink, connections() as client:
            await client.send(hop(sink), letter(A, B, C))
            assert [one.recipients for one in sink.taken] == [(A, B), (C,)]

    @both_ways
    @pytest.mark.parametrize("reply", ["452 4.5.3 Too many", "552 Too many"])
    async def test_too_many_are_sent_in_another_transaction(
        self, keywords: tuple[str, ...], reply: str
    ) -> None:
        async with running(Sink(keywords)) as sink, connections() as client:
            sink.on("RCPT", Say(reply), of=B, times=1)
            sink.on("RCPT", Say(reply), of=C, times=1)
            sent = await client.send(hop(sink), letter(A, B, C))
            assert codes(sent) == dict.fromkeys((1, 2, 3), (250, "content"))
            assert [one.recipients for one in sink.taken] == [(A,), (B,), (C,)]

    async def test_always_too_many(self) -> None:
        async with running(Sink()) as sink, connections() as client:
            sink.on("RCPT", Say("452 4.5.3 Too many"), of=B)
            sent = await client.send(hop(sink), letter(A, B))
            assert codes(sent) == {1: (250, "content"), 2: (452, "rcpt")}

    async def test_a_full_mailbox_is_not_too_many(self) -> None:
        async with running(Sink()) as sink, connections() as client:
            sink.on("RCPT", Say("552 5.2.2 Full"), of=B)
            sent = await client.send(hop(sink), letter(A, B))
            assert codes(sent) == {1: (250, "content"), 2: (552, "rcpt")}
            assert sink.messages == 1

    async def test_lost_between_transactions(self) -> None:
        keywords = (*KEYWORDS, "LIMITS RCPTMAX=1")
        async with running(Sink(keywords)) as sink, connections() as client:
            sink.on("RCPT", Drop(), of=B)
            sent = await client.send(hop(sink), letter(A, B, C))
            assert codes(sent) == {1: (250, "content"), 2: (451, "rcpt"), 3: (451, "rcpt")}
            assert sent.broken


class TestLmtp:
    async def test_each_has_an_answer(self) -> None:
        async with running(Sink(lmtp=True)) as sink, connections() as client:
            sink.on("CONTENT", Say("452 4.2.2 Full"), of=B)
            sent = await client.send(hop(sink), letter(A, B, C))
            assert codes(sent) == {1: (250, "content"), 2: (452, "content"), 3: (250, "content")}
            assert sink.commands[0] == "LHLO client.test"
            await client.send(hop(sink), letter(A))
            assert sink.sessions == 1

    async def test_lost_between_the_answers(self) -> None:
        async with running(Sink(lmtp=True)) as sink, connections() as client:
            sink.on("CONTENT", Drop(), of=B)
            sent = await client.send(hop(sink), letter(A, B, C))
            assert codes(sent) == {1: (250, "content"), 2: (451, "content"), 3: (451, "content")}
            assert [one.ours for one in sent.answers] == [False, True, True]

    async def test_answers_only_for_those_accepted(self) -> None:
        async with running(Sink(lmtp=True)) as sink, connections() as client:
            sink.on("RCPT", Say("550 5.1.1 Unknown"), of=A)
            sent = await client.send(hop(sink), letter(A, B))
            assert codes(sent) == {1: (550, "rcpt"), 2: (250, "content")}

    async def test_data_taken_for_nobody(self) -> None:
        async with running(Sink(lmtp=True)) as sink, connections(QUICK) as client:
            sink.on("RCPT", Say("550 5.1.1 Unknown"))
            sink.on("DATA", Say("354 Go ahead"))
            sent = await client.send(hop(sink), letter(A))
            assert codes(sent) == {1: (550, "rcpt")}
            assert sent.broken


class TestExtensions:
    async def test_parameters_go_where_they_are_offered(self) -> None:
        recipient = LeasedRecipient(
            1, A, 0, 1 << 60, notify="SUCCESS,FAILURE", orcpt="rfc822;a+2Bb@old.test"
        )
        sent_letter = letter(recipients=[recipient], ret="HDRS", envid="id 1")
        async with running(Sink(ALL_KEYWORDS)) as sink, connections() as client:
            sent = await client.send(hop(sink), sent_letter)
            assert sent.peer.dsn
            (taken,) = sink.taken
            assert (
                taken.params
                == f"SIZE={len(sent_letter.content)} RET=HDRS ENVID=id+20 1".replace(" 1", "1")
            )
            assert taken.notes == ("NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@old.test",)
        async with running(Sink(("PIPELINING",))) as sink, connections() as client:
            sent = await client.send(hop(sink), sent_letter)
            assert not sent.peer.dsn
            assert (sink.taken[0].params, sink.taken[0].notes) == ("", ("",))

    async def test_larger_than_announced(self) -> None:
        async with running(Sink(("PIPELINING", "SIZE 1000"))) as sink, connections() as client:
            sent = await client.send(hop(sink), letter(body=b"x\r\n" * 400))
            assert (only(sent).reply.enhanced, only(sent).ours) == ("5.3.4", True)
            assert codes(await client.send(hop(sink), letter())) == {1: (250, "content")}
            assert sink.commands[-2:] == ["RCPT TO:<bob@sink.test>", "DATA"]
            assert sink.sessions == 1

    async def test_eight_bit(self) -> None:
        async with running(Sink()) as sink, connections() as client:
            await client.send(hop(sink), letter(body="ö\r\n".encode()))
            await client.send(hop(sink), letter(eight_bit=True))
            assert ["BODY=8BITMIME" in one.params for one in sink.taken] == [True, False]

    async def test_eight_bit_converted_and_signed_anew(self) -> None:
        signed = []

        async def resign(message: object, content: bytes) -> bytes:
            signed.append(content)
            return b"DKIM-Signature: new\r\n" + content

        content = (
            b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Content-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
        )
        async with running(Sink(("PIPELINING",))) as sink, connections(resign=resign) as client:
            await client.send(hop(sink), letter(content=content))
            await client.send(hop(sink), letter())
            (converted, plain) = sink.taken
            assert converted.content == (
                b"DKIM-Signature: new\r\n"
                b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n"
            )
            assert not plain.content.startswith(b"DKIM")
            assert len(signed) == 1

    async def test_what_is_signed_can_not_be_converted(self) -> None:
        content = (
            b'MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary="b"\r\n\r\n'
            b"--b\r\nContent-Type: text/plain\r\n\r\n\xc3\xbc\r\n--b\r\n\r\nsig\r\n--b--\r\n"
        )
        async with running(Sink(("PIPELINING",))) as sink, connections() as client:
            sent = await client.send(hop(sink), letter(content=content))
            assert only(sent).reply.enhanced == "5.6.3"
        async with running(Sink()) as sink, connections() as client:
            assert codes(await client.send(hop(sink), letter(content=content))) == {
                1: (250, "content")
            }
            assert sink.taken[0].content == content

    async def test_addresses_beyond_ascii(self) -> None:
        sent_letter = letter("jörg@sink.test", B, "x@bücher.test", smtputf8=True)
        async with running(Sink(ALL_KEYWORDS)) as sink, connections() as client:
            await client.send(hop(sink), letter("jörg@sink.test"))  # an alias led there
            assert "SMTPUTF8" in sink.taken.pop().params
            await client.send(hop(sink), sent_letter)
            assert sink.taken[0].recipients == ("jörg@sink.test", B, "x@bücher.test")
            assert "SMTPUTF8" in sink.taken[0].params
        async with running(Sink()) as sink, connections() as client:
            sent = await client.send(hop(sink), sent_letter)
            enhanced = {one.recipient_id: one.reply.enhanced for one in sent.answers}
            assert enhanced[1] == "5.6.7"
            assert sink.taken[0].recipients == (B, "x@xn--bcher-kva.test")
            sent = await client.send(
                hop(sink), letter(A, reverse_path="ä@here.test", smtputf8=True)
            )
            assert only(sent).reply.enhanced == "5.6.7"
            assert sink.messages == 1

    async def test_a_header_beyond_ascii_is_downgraded(self) -> None:
        content = "From: Jörg <j@here.test>\r\nSubject: Grüße\r\n\r\nHi\r\n".encode()
        bad = "From: <jörg@here.test>\r\n\r\nHi\r\n".encode()
        async with running(Sink()) as sink, connections() as client:
            await client.send(hop(sink), letter(content=content, smtputf8=True))
            assert sink.taken[0].content.isascii()
            assert b"From: =?utf-8?B?SsO2cmc=?= <j@here.test>" in sink.taken[0].content
            sent = await client.send(hop(sink), letter(content=bad, smtputf8=True))
            assert only(sent).reply.enhanced == "5.6.7"

    async def test_binary_by_chunks_or_converted(self) -> None:
        content = (
            b"MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n"
            b"Content-Transfer-Encoding: binary\r\n\r\n\x00\xff\n\r.\r\n.\r\nx"
        )
        async with running(Sink(ALL_KEYWORDS)) as sink, connections() as client:
            await client.send(hop(sink), letter(content=content, binary=True))
            (taken,) = sink.taken
            assert taken.by_bdat
            assert taken.content == content
            assert "BODY=BINARYMIME" in taken.params
        async with running(Sink()) as sink, connections() as client:
            await client.send(hop(sink), letter(content=content, binary=True))
            (taken,) = sink.taken
            assert b"Content-Transfer-Encoding: base64\r\n\r\nAP8KDS4NCi4NCng=" in taken.content
            assert sink.bare_newlines == 0

    async def test_chunks_refused_with_all_recipients(self) -> None:
        async with running(Sink(ALL_KEYWORDS)) as sink, connections() as client:
            sink.on("RCPT", Say("550 5.1.1 Unknown"), of=A)
            sent = await client.send(hop(sink), letter(A, binary=True))
            assert codes(sent) == {1: (550, "rcpt")}
            assert codes(await client.send(hop(sink), letter(B, binary=True))) == {
                1: (250, "content")
            }
            assert not any(line.startswith("BDAT 0") for line in sink.commands)

    async def test_bare_newlines_never_leave(self) -> None:
        smuggled = b"A: b\r\n\r\nx\n.\nMAIL FROM:<evil@x.test>\r.\r\n.\nend"
        async with running(Sink()) as sink, connections() as client:
            await client.send(hop(sink), letter(content=smuggled))
            assert sink.messages == 1
            assert sink.bare_newlines == 0
            expected = b"A: b\r\n\r\nx\r\n.\r\nMAIL FROM:<evil@x.test>\r\n.\r\n.\r\nend\r\n"
            assert sink.taken[0].content == expected

    async def test_nul_never_leaves_as_it_is(self) -> None:
        text = b"A: b\r\n\r\nx\r\n\0.\r\nMAIL FROM:<evil@x.test>\r\n"
        async with running(Sink(ALL_KEYWORDS)) as sink, connections() as client:
            await client.send(hop(sink), letter(content=text))
            assert b"x\r\n=00.\r\nMAIL FROM" in sink.taken[0].content
            sent = await client.send(hop(sink), letter(content=b"A: b\0\r\n\r\nx\r\n"))
            assert only(sent).reply.enhanced == "5.6.1"
            assert sink.messages == 1

    async def test_long_lines_are_encoded(self) -> None:
        async with running(Sink()) as sink, connections() as client:
            await client.send(hop(sink), letter(body=b"y" * 5000 + b"\r\n"))
            lines = sink.taken[0].content.split(b"\r\n")
            assert max(map(len, lines)) <= 78
            assert b"Content-Transfer-Encoding: quoted-printable" in lines

    async def test_what_can_not_be_said_is_not_said(self) -> None:
        async with running(Sink()) as sink, connections() as client:
            sent = await client.send(hop(sink), letter('"<x>"@sink.test', B))
            assert [one.reply.enhanced for one in sent.answers] == ["5.1.3", "2.0.0"]
            sent = await client.send(hop(sink), letter(A, reverse_path='"a\r\nb"@here.test'))
            assert only(sent).reply.enhanced == "5.1.7"
            assert codes(await client.send(hop(sink), letter(B))) == {1: (250, "content")}
            assert sink.sessions == 1

    async def test_a_large_message(self) -> None:
        body = b"0123456789abcdef\r\n" * 400_000
        async with running(Sink()) as sink, connections() as client:
            assert codes(await client.send(hop(sink), letter(body=body))) == {1: (250, "content")}
            assert sink.taken[0].content.endswith(body)

    async def test_refused_in_the_middle_of_a_large_message(self) -> None:
        body = b"0123456789abcdef\r\n" * 2_000_000
        async with running(Sink()) as sink, connections() as client:
            sink.on("READ", Drop(b"552 5.3.4 Enough\r\n"))
            outcome: Transmitted | HostFailure
            try:
                outcome = await client.send(hop(sink), letter(body=body))
            except HostFailure as failure:  # the reset may overtake the answer
                outcome = failure
            if isinstance(outcome, HostFailure):
                assert outcome.stage is Stage.CONTENT
            else:
                assert codes(outcome) == {1: (552, "content")}
                assert outcome.broken
            assert sink.messages == 0

    async def test_a_server_that_stops_reading(self) -> None:
        body = b"0123456789abcdef\r\n" * 2_000_000
        async with running(Sink()) as sink, connections(QUICK) as client:
            sink.on("READ", Hang(deaf=True))
            with pytest.raises(HostFailure) as failure:
                await client.send(hop(sink), letter(body=body))
            assert failure.value.stage is Stage.CONTENT


class TestRequireTls:
    async def test_needs_tls(self) -> None:
        """RFC 8689 §4.2.1."""
        async with running(Sink(ALL_KEYWORDS)) as sink, connections() as client:
            with pytest.raises(HostFailure) as failure:
                await client.send(hop(sink, PLAIN), letter(require_tls=True))
            assert failure.value.reply.enhanced == "4.7.10"
            assert sink.messages == 0
