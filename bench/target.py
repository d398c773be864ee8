"""Where a load runs against, from the command line; the same options for every load.

Not for starting servers: see `servers/`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Target:
    host: str
    smtp_port: int
    imap_port: int
    recipients: tuple[str, ...]
    user: str
    password: str
    pids: tuple[int, ...]
    runs: int
    data: str = ""
    submission_port: int = 0
    sink_port: int = 0
    names_port: int = 0
    http_port: int = 0
    dav_home: str = ""

    @property
    def users(self) -> tuple[str, ...]:
        """Accounts to spread many connections over; the recipients are taken to be accounts."""
        return self.recipients or (self.user,)


def parser(description: str | None) -> argparse.ArgumentParser:
    """Make a parser that knows the options every load shares; a load adds its own."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--port", "--smtp-port", dest="smtp_port", type=int, default=25)
    made.add_argument("--imap-port", type=int, default=143)
    made.add_argument("--submission-port", type=int, default=587)
    made.add_argument(
        "--sink-port", type=int, default=0, help="of loopback, where the server's mail goes"
    )
    made.add_argument(
        "--names-port", type=int, default=0, help="of loopback, where the server asks for names"
    )
    made.add_argument("--http-port", type=int, default=0, help="of HTTP without TLS")
    made.add_argument("--dav-home", default="", help="path of the user's calendar home")
    made.add_argument("--rcpt", action="append", default=[], help="recipient; may be repeated")
    made.add_argument("--user", default="", help="IMAP user; default: the first recipient")
    made.add_argument("--password", default="")
    made.add_argument(
        "--pid", action="append", type=int, default=[], help="root of the server's process tree"
    )
    made.add_argument("--data", default="", help="the server's data, for counting disk flushes")
    made.add_argument("--runs", type=int, default=3)
    made.add_argument("--quick", action="store_true", help="fewer messages, one run")
    return made


def of(options: argparse.Namespace) -> Target:
    """Read the shared options."""
    user = options.user or (options.rcpt[0] if options.rcpt else "")
    if not user:
        raise SystemExit("give --user or --rcpt")
    return Target(
        host=options.host,
        smtp_port=options.smtp_port,
        imap_port=options.imap_port,
        recipients=tuple(options.rcpt) or (user,),
        user=user,
        password=options.password,
        pids=tuple(options.pid),
        runs=1 if options.quick else options.runs,
        data=options.data,
        submission_port=options.submission_port,
        sink_port=options.sink_port,
        names_port=options.names_port,
        http_port=options.http_port,
        dav_home=options.dav_home,
    )
