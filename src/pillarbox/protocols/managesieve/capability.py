"""What the server tells of itself (RFC 5804 §1.7)."""

from pillarbox.protocols.managesieve.session import ManageSieveSession
from pillarbox.wire.managesieve import responses

NOTIFY_METHODS = "mailto"
LIST_SCHEMES = "urn"
"""Of the names of external lists, as ManageSieve tells them (RFC 6134)."""


def capabilities(session: ManageSieveSession) -> bytes:
    """The lines of capabilities, as they are now; without LANGUAGE it is `i-default`."""
    options, authentication = session.services.options, session.services.authentication
    found: list[tuple[str, str | None]] = [
        ("IMPLEMENTATION", "pillarbox"),
        ("SASL", " ".join(authentication.mechanisms(session.channel_facts()))),
        ("SIEVE", " ".join(options.extensions)),
    ]
    if session.actor is None and session.connection.can_start_tls:
        found.append(("STARTTLS", None))
    if "enotify" in options.extensions:
        found.append(("NOTIFY", NOTIFY_METHODS))
    if "extlists" in options.extensions:
        found.append(("EXTLISTS", LIST_SCHEMES))
    found.append(("MAXREDIRECTS", str(options.max_redirects)))
    if session.actor is not None:
        found.append(("OWNER", session.actor.address))
    found += [("UNAUTHENTICATE", None), ("VERSION", "1.0")]
    return responses.capabilities(found)
