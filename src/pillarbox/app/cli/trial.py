"""What `serve --demo` and `dev` share: where they listen, sample accounts, what to try."""

from collections.abc import Sequence
from ipaddress import ip_network
from types import MappingProxyType
from typing import Any

from pillarbox.app.ports import Bound
from pillarbox.app.serving import Account

SAMPLES = ("alice@example.test", "bob@example.test")
PORTS = MappingProxyType(
    {
        "smtp": 2525,
        "submission": 5587,
        "smtps": 5465,
        "lmtp": 2424,
        "imap": 1143,
        "imaps": 1993,
        "managesieve": 14190,
        "https": 10443,
        "webclient": 18080,
    }
)


def loopback_settings() -> dict[str, Any]:
    """High ports, on this machine only, and no limits for who is on it."""
    settings: dict[str, Any] = {f"{name}_iface": ("127.0.0.1",) for name in PORTS}
    settings |= {f"{name}_port": port for name, port in PORTS.items()}
    settings["trusted_networks"] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    return settings


def guide(bound: Sequence[Bound], accounts: Sequence[Account]) -> str:
    """Who is there, where to connect to, and three commands to try it with."""
    ports = {one.port.name: one.number for one in bound}
    lines = ["", "Accounts:"]
    lines += [f"  {one.address}  {one.password or '(password as before)'}" for one in accounts]
    if accounts and accounts[0].password is None:
        lines.append(
            "  Passwords are kept as hashes only; `pillarbox user passwd ADDRESS` sets a new one."
        )
    lines += ["", "Connect a mail program to 127.0.0.1 (the certificate is self-signed):"]
    lines += [f"  {_USES[name]:<34} port {ports[name]}" for name in _USES if name in ports]
    lines += ["", "Try it:", *_commands(ports, accounts), ""]
    return "\n".join(lines)


_USES = MappingProxyType(
    {
        "imap": "read mail (IMAP, STARTTLS)",
        "imaps": "read mail (IMAP, TLS)",
        "pop3": "fetch mail (POP3, STLS)",
        "pop3s": "fetch mail (POP3, TLS)",
        "submission": "send mail (SMTP, STARTTLS)",
        "smtps": "send mail (SMTP, TLS)",
        "managesieve": "filters (ManageSieve, STARTTLS)",
        "https": "calendars and contacts (HTTPS)",
        "webclient": "calendars and contacts (HTTP)",
        "smtp": "mail from other servers (SMTP)",
    }
)


def _commands(ports: dict[str, int], accounts: Sequence[Account]) -> list[str]:
    if not accounts:
        return ["  (there is no account yet: pillarbox domain add, pillarbox user add)"]
    first, last = accounts[0], accounts[1 if len(accounts) > 1 else 0]
    login = f"'{first.address}:{first.password or 'PASSWORD'}'"
    commands = []
    if "imaps" in ports:
        commands += [
            "  # read the first message",
            f"  curl -sSk --user {login} 'imaps://127.0.0.1:{ports['imaps']}/INBOX;MAILINDEX=1'",
        ]
    if "submission" in ports:
        commands += [
            "  # send a message as a user",
            "  printf 'Subject: Hello\\r\\n\\r\\nIt works.\\r\\n' | curl -sSk --ssl-reqd"
            f" --user {login} --mail-from {first.address} --mail-rcpt {last.address}"
            f" --upload-file - smtp://127.0.0.1:{ports['submission']}",
        ]
    if "smtp" in ports:
        commands += [
            "  # deliver a message as another server would",
            "  printf 'Subject: From outside\\r\\n\\r\\nIt arrives.\\r\\n' | curl -sS"
            f" --mail-from someone@example.org --mail-rcpt {first.address}"
            f" --upload-file - smtp://127.0.0.1:{ports['smtp']}",
        ]
    return commands
