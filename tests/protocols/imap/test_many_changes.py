"""Where very many messages changed, the event loop does not do the work."""

import threading
from collections.abc import Iterable, Sequence

import pytest

from kit.imap import MailHouse
from pillarbox.protocols.imap import updates
from pillarbox.protocols.imap.session import ImapSession
from pillarbox.protocols.imap.view import FlagRow, View


@pytest.mark.parametrize("enough", [3, 4], ids=["many", "few"])
async def test_many_changes_are_taken_in_and_told_by_a_thread(
    house: MailHouse, monkeypatch: pytest.MonkeyPatch, enough: int
) -> None:
    monkeypatch.setattr(updates, "_WORKED_ON_LOOP", enough)
    threads: list[threading.Thread] = []
    apply, flag_lines = View.apply, updates.flag_lines

    def applied(
        view: View, rows: Sequence[FlagRow], gone: Iterable[int], uidnext: int, *, whole: bool
    ) -> None:
        threads.append(threading.current_thread())
        apply(view, rows, gone, uidnext, whole=whole)

    def lines(session: ImapSession, view: View, indexes: Sequence[int], *, uid: bool) -> bytes:
        threads.append(threading.current_thread())
        return flag_lines(session, view, indexes, uid=uid)

    for _ in range(3):
        await house.deliver(b"Subject: x\r\n\r\nhello\r\n")
    talk = await house.talk().login("SELECT INBOX")
    other = await house.talk().login("SELECT INBOX")
    await other.ask(r"STORE 1:3 +FLAGS (\Flagged)")
    monkeypatch.setattr(View, "apply", applied)
    monkeypatch.setattr(updates, "flag_lines", lines)
    told = await talk.ask("NOOP")
    assert sum(r"(\Flagged" in line for line in told) == 3, told
    on_loop = [thread is threading.current_thread() for thread in threads]
    assert on_loop == [enough > 3] * 2
