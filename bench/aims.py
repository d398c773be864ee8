"""What pillarbox is to reach, as ratios to the peer in the same run or as plain figures."""

from __future__ import annotations

from dataclasses import dataclass

BEST = "best"
MAILDIR = "postfix+dovecot/maildir"
MDBOX = "postfix+dovecot/mdbox"
ABSOLUTE = ""


@dataclass(frozen=True, slots=True)
class Aim:
    """A bound for one metric.

    `bound` is a ratio to the figure of `peer` (a variant's name, or the best of all), or in the
    metric's own unit where `peer` is empty. `at_least` says on which side of it is good.
    `against` names another metric of the peer to compare with. `workers` limits the aim to
    variants with so many workers (0: all; -1: more than one).
    """

    metric: str
    bound: float
    peer: str = BEST
    at_least: bool = False
    against: str = ""
    workers: int = 0

    def met_by(self, figure: float, of_peer: float | None) -> bool | None:
        """Say whether the figure meets the aim; None where the peer's is not known."""
        limit = self.bound
        if self.peer:
            if not of_peer:
                return None
            limit *= of_peer
        return figure >= limit if self.at_least else figure <= limit

    def concerns(self, workers: int) -> bool:
        return self.workers in (0, workers) or (self.workers == -1 and workers > 1)

    def text(self, unit: str) -> str:
        sign = "≥" if self.at_least else "≤"
        if not self.peer:
            return f"{sign} {self.bound:g} {unit}"
        peer = "" if self.peer == BEST else f" {self.peer.rpartition('/')[2]}"
        other = f" {self.against.rpartition('.')[2]}" if self.against else ""
        return f"{sign} {self.bound:.3g}x{peer}{other}"


_S1 = "smtp_in.2k_10x20"

_DAV = tuple(
    aim
    for size in (500, 10000)
    for clients in (1, 8)
    # With several clients these are rates: a third of the time is three times as many.
    for aim in (
        Aim(f"dav.{size}.put_c{clients}", 4.0, at_least=True),
        *(
            Aim(f"dav.{size}.{what}_c1", bound)
            if clients == 1
            else Aim(f"dav.{size}.{what}_c{clients}", 1 / bound, at_least=True)
            for what, bound in (
                ("multiget", 0.7),
                ("time_range", 1 / 3),
                ("sync_unchanged", 1.0),
                ("sync_changed", 1.0),
                ("propfind_0", 1.0),
                ("propfind_1", 1.0),
            )
        ),
    )
)

AIMS = (
    *_DAV,
    Aim(f"{_S1}.accepted", 3.0, at_least=True),
    Aim(f"{_S1}.visible", 6.0, at_least=True),
    Aim(f"{_S1}.cpu", 1 / 6),
    Aim(f"{_S1}.p99", 1.0, against=f"{_S1}.p50"),
    Aim("smtp_in.2k_1x1.accepted", 1.5, at_least=True),
    Aim("smtp_in.2k_1x1.p50", 1.0, peer=ABSOLUTE),
    Aim("smtp_in.2k_50x20.p99", 1.0, against="smtp_in.2k_50x20.p50"),
    Aim("smtp_in.50k_10x20.accepted", 1.5, at_least=True),
    Aim("smtp_in.50k_10x20.visible", 3.0, at_least=True),
    Aim("queue_out.2k_c10.delivered", 1.5, at_least=True),
    Aim("queue_out.2k_c40.delivered", 1.5, at_least=True),
    Aim("imap_fetch.fetch_flags", 1.0),
    Aim("imap_fetch.fetch_envelope", 1.0),
    Aim("imap_fetch.fetch_bodies", 1.5, peer=MDBOX),
    Aim("imap_fetch.search_text", 1 / 50),
    Aim("imap_fetch.search_header", 1.0),
    Aim("imap_change.store", 1.0, peer=MAILDIR),
    Aim("imap_change.store", 3.0, peer=MDBOX),
    Aim("imap_change.move", 1.0, peer=MAILDIR),
    Aim("imap_change.move", 3.0, peer=MDBOX),
    Aim("imap_change.expunge", 1.0, peer=MAILDIR),
    Aim("imap_change.expunge", 3.0, peer=MDBOX),
    Aim("imap_append.append_100", 0.7, peer=MDBOX),
    Aim("imap_idle.notice.p50", 1.0, peer=ABSOLUTE, workers=1),
    Aim("imap_idle.notice.p50", 3.0, peer=ABSOLUTE, workers=-1),
    Aim("memory.per_idle_connection", 40.0, peer=ABSOLUTE),
    Aim("memory.pss_idle", 50.0, peer=ABSOLUTE, workers=1),
    Aim("startup.greetings", 1.0, peer=ABSOLUTE),
)


def of(metric: str) -> tuple[Aim, ...]:
    return tuple(aim for aim in AIMS if aim.metric == metric)
