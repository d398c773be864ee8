"""The resolver behind unbound, which validates zones that were signed here."""

import re
import shutil
from collections.abc import Iterator

import dns.dnssec
import dns.zone
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from kit.clock import FakeClock
from kit.daemons import START_S, start, wait_for_port
from kit.live import free_ports
from pillarbox.base.errors import Unavailable
from pillarbox.net.dane import Tlsa
from pillarbox.net.dns import DnsOptions, SystemResolver, Validating

UNBOUND = shutil.which("unbound") or shutil.which("unbound", path="/usr/sbin")
ZONE = """
$TTL 300
@ SOA ns admin 1 3600 600 86400 120
@ NS ns
ns A 127.0.0.1
@ MX 10 mx
mx A 192.0.2.1
mx AAAA 2001:db8::1
_25._tcp.mx TLSA 3 1 1 {digest}
empty TXT "nothing else"
out CNAME mx.plain.test.
in CNAME mx
"""
PLAIN = "\n$TTL 300\n@ SOA ns admin 1 3600 600 86400 120\n@ NS ns\n@ MX 10 mx\nmx A 192.0.2.2\n"
CONFIG = """
server:
  interface: 127.0.0.1
  port: {port}
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  num-threads: 1
  module-config: "validator iterator"
  local-zone: "test." nodefault
  {anchors}
remote-control:
  control-enable: no
{zones}
"""
AUTH = """
auth-zone:
  name: "{name}"
  zonefile: "{path}"
  for-downstream: no
  for-upstream: yes
  fallback-enabled: no
"""
DIGEST = bytes(range(32))

pytestmark = pytest.mark.skipif(UNBOUND is None, reason="needs unbound")


def signed(name: str) -> tuple[str, str]:
    """A zone with its signatures, as text, and the key to believe it by."""
    text = ZONE.format(digest=DIGEST.hex())
    zone = dns.zone.from_text(text, name, relativize=False)
    key = ec.generate_private_key(ec.SECP256R1())
    public = dns.dnssec.make_dnskey(key.public_key(), dns.dnssec.Algorithm.ECDSAP256SHA256, 257)
    with zone.writer() as writer:
        dns.dnssec.sign_zone(zone, writer, [(key, public)], lifetime=86_400, dnskey_ttl=300)
    return zone.to_text(), f'trust-anchor: "{name}. DNSKEY {public.to_text()}"'


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """An unbound that knows signed.test, bogus.test (changed after it was signed), plain.test."""
    folder = tmp_path_factory.mktemp("unbound")
    good, good_key = signed("signed.test")
    bogus, bogus_key = signed("bogus.test")
    bogus = re.sub(r"^(mx\S* \S+ IN A) \S+$", r"\1 192.0.2.66", bogus, flags=re.M)
    bogus = bogus.replace(DIGEST.hex(), bytes(32).hex())
    assert "192.0.2.66" in bogus
    zones = ""
    for name, text in (("signed.test", good), ("bogus.test", bogus), ("plain.test", PLAIN)):
        path = folder / name
        path.write_text(text)
        zones += AUTH.format(name=name, path=path)
    (number,) = free_ports(1)
    anchors = f"{good_key}\n  {bogus_key}"
    config = folder / "unbound.conf"
    config.write_text(CONFIG.format(port=number, folder=folder, anchors=anchors, zones=zones))
    assert UNBOUND is not None
    log = folder / "log"
    process = start(UNBOUND, "-d", "-c", str(config), log=log)
    try:
        wait_for_port(process, "127.0.0.1", number, log=log)
        yield number
    finally:
        process.terminate()
        process.wait(START_S)


@pytest.fixture
def resolver(port: int, clock: FakeClock) -> SystemResolver:
    return SystemResolver(clock, DnsOptions(("127.0.0.1",), port))


async def test_a_signed_zone(resolver: SystemResolver) -> None:
    mx = await resolver.mx("signed.test")
    assert (mx.secure, mx.hosts[0].name) == (True, "mx.signed.test")
    host = await resolver.host("mx.signed.test")
    assert (host.secure, host.addresses) == (True, ("192.0.2.1", "2001:db8::1"))
    tlsa = await resolver.tlsa("_25._tcp.mx.signed.test")
    assert (tlsa.secure, tlsa.records) == (True, (Tlsa(3, 1, 1, DIGEST),))


async def test_that_there_is_nothing_is_signed_too(resolver: SystemResolver) -> None:
    assert (await resolver.tlsa("_25._tcp.nobody.signed.test")).secure
    host = await resolver.host("empty.signed.test")
    assert (host.secure, host.exists, host.addresses) == (True, True, ())
    host = await resolver.host("nobody.signed.test")
    assert (host.secure, host.exists) == (True, False)


async def test_aliases(resolver: SystemResolver) -> None:
    inside = await resolver.host("in.signed.test")
    assert (inside.secure, inside.name) == (True, "mx.signed.test")
    outside = await resolver.host("out.signed.test")
    assert (outside.secure, outside.alias_secure) == (False, True)
    assert (outside.name, outside.addresses) == ("mx.plain.test", ("192.0.2.2",))


async def test_a_zone_without_signatures(resolver: SystemResolver) -> None:
    mx = await resolver.mx("plain.test")
    assert (mx.secure, len(mx.hosts)) == (False, 1)
    assert not (await resolver.host("mx.plain.test")).secure
    tlsa = await resolver.tlsa("_25._tcp.mx.plain.test")
    assert (tlsa.secure, tlsa.records) == (False, ())


async def test_a_zone_that_was_changed_has_no_answers(resolver: SystemResolver) -> None:
    """RFC 7672 §2.1: this is not the same as a host without TLSA records."""
    assert (await resolver.mx("bogus.test")).secure
    with pytest.raises(Unavailable):
        await resolver.tlsa("_25._tcp.mx.bogus.test")


async def test_nobody_is_believed_who_is_not_trusted(port: int, clock: FakeClock) -> None:
    options = DnsOptions(("127.0.0.1",), port, validating=Validating.OFF)
    assert not (await SystemResolver(clock, options).mx("signed.test")).secure
