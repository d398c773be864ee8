"""The name server of the tests, in a thread of its own."""

import asyncio

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode

from kit.nameserver import HOST, NameServer, serving_apart

ZONE = """
    @    MX 10 mx
    *    A 127.0.0.1
    a.b  A 127.0.0.2
"""


async def ask(port: int, name: str, kind: str, flags: int) -> dns.message.Message:
    query = dns.message.make_query(name, kind, flags=flags)
    return await dns.asyncquery.udp(query, HOST, port=port, timeout=5)


def test_it_serves_while_others_block() -> None:
    plain, asking = dns.flags.RD, dns.flags.RD | dns.flags.AD
    with serving_apart(NameServer({"example.test": ZONE}, signed={"example.test"})) as server:
        answer = asyncio.run(ask(server.port, "example.test", "MX", asking))
        assert answer.flags & dns.flags.AD
        assert [record.exchange.to_text() for record in answer.answer[0]] == ["mx.example.test."]
        # Who does not ask for AD gets none (RFC 6840 §5.8).
        assert not asyncio.run(ask(server.port, "example.test", "MX", plain)).flags & dns.flags.AD
        answer = asyncio.run(ask(server.port, "any.example.test", "A", plain))
        assert answer.answer[0][0].address == "127.0.0.1"
        answer = asyncio.run(ask(server.port, "b.example.test", "A", plain))
        assert (answer.rcode(), len(answer.answer)) == (dns.rcode.NOERROR, 0)
        answer = asyncio.run(ask(server.port, "elsewhere.test", "A", plain))
        assert answer.rcode() == dns.rcode.REFUSED
        assert server.asked["MX example.test"] == 2
