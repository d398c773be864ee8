"""The chain a server has shown, as the versions of Python tell it."""

from types import SimpleNamespace
from typing import Any

import pytest

from kit.authority import Authority
from pillarbox.net.client_tls import ClientChannel, ClientContexts


async def channel_over(tls: object) -> Any:
    channel = ClientChannel(await ClientContexts().context(verified=False), "mx.example.test")
    channel._tls = tls  # type: ignore[assignment]
    return channel


def shown(**known: object) -> SimpleNamespace:
    return SimpleNamespace(version=lambda: "TLSv1.3", cipher=lambda: ("X", "TLSv1.3", 128), **known)


@pytest.mark.parametrize(
    ("known", "chain"),
    [
        ({"get_unverified_chain": lambda: [b"leaf", b"root"]}, (b"leaf", b"root")),
        ({"getpeercert": lambda binary_form: b"leaf"}, (b"leaf",)),
        ({"getpeercert": lambda binary_form: None}, ()),
        ({"_sslobj": SimpleNamespace(get_unverified_chain=lambda: None)}, ()),
    ],
)
async def test_the_chain(known: dict[str, object], chain: tuple[bytes, ...]) -> None:
    channel = await channel_over(shown(**known))
    assert channel.facts().chain == chain


async def test_an_unchecked_certificate_is_for_nobody() -> None:
    channel = await channel_over(shown(getpeercert=dict))
    assert not channel.is_for(("mx.example.test",))


async def test_contexts_are_made_once(authority: Authority, contexts: ClientContexts) -> None:
    for verified in (True, False):
        first = await contexts.context(verified=verified)
        assert await contexts.context(verified=verified) is first
