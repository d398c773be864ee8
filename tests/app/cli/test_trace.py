"""What `pillarbox trace` prints."""

import json

from pillarbox.app.cli.output import json_text
from pillarbox.app.cli.trace import told
from pillarbox.domain.judgement.model import Decision, Finding, Run, Stage, Verdict
from pillarbox.domain.trace.model import Trace, TracedClient, TracedRecipient, TracedRules

EVIL = "a\x1b[2J\x07\x9b31m\u202eb\r\nc"


def test_nothing_that_others_wrote_reaches_the_terminal_as_a_command() -> None:
    finding = Finding("odd", 6.0, "is odd", EVIL)
    trace = Trace(
        "0" * 13,
        0,
        TracedClient("192.0.2.7", EVIL, EVIL, EVIL, EVIL),
        EVIL,
        (
            TracedRecipient(EVIL, 1, "Junk", decision=Decision(Verdict.JUNK, 6.0, ("odd",))),
            TracedRecipient(EVIL, reply=EVIL),
        ),
        message_id=EVIL,
        sender=EVIL,
        subject=EVIL,
        runs=(Run("some", Stage.DATA, 5, (finding,), EVIL),),
        rules=(TracedRules(junk_score=5.0),),
        refused=EVIL,
        results=EVIL,
    )
    lines = told(trace, everything=True)
    assert any("is odd (a" in line for line in lines)
    assert all(line.isprintable() for line in lines)


def test_json_is_the_same_value_without_commands() -> None:
    text = json_text([{"subject": EVIL, "name": "Jörg 😀\U000e0001"}])
    assert all(line.isprintable() for line in text.split("\n"))
    assert "Jörg 😀" in text
    assert json.loads(text) == [{"subject": EVIL, "name": "Jörg 😀\U000e0001"}]
