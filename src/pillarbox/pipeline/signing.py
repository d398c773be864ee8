"""Signing mail that goes out: DKIM signatures, and ARC seals for what is forwarded.

Keys are read from the database once and kept in memory until the directory changes, half a minute
at most. Called by `submission`, `inbound`, `outbound` and the reports; calls `domain/signing` and
`formats/mailauth`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from pillarbox.base.clock import Clock
from pillarbox.base.cpu import Cpu
from pillarbox.base.errors import GrammarError, Unavailable
from pillarbox.base.log import logger
from pillarbox.cluster.bus import LOOK_EVERY_S, Bus
from pillarbox.domain.accounts import domains
from pillarbox.domain.accounts.model import TOPIC as DIRECTORY
from pillarbox.domain.policy import policies
from pillarbox.domain.policy.model import TOPIC as POLICY
from pillarbox.domain.signing import keys as signing_keys
from pillarbox.domain.signing.model import TOPIC as KEYS
from pillarbox.formats.address import ascii_domain, mailboxes, parse_address_list
from pillarbox.formats.mailauth.arc import ChainResult, ChainVerification
from pillarbox.formats.mailauth.arc_seal import seal
from pillarbox.formats.mailauth.keys import KeyAlgorithm, load_der
from pillarbox.formats.mailauth.message import SignedMessage, read_message
from pillarbox.formats.mailauth.results import Status
from pillarbox.formats.mailauth.sign import Signer, sign
from pillarbox.formats.mailauth.verify import Verification
from pillarbox.formats.mime.header import unfold
from pillarbox.net.dns import Resolver
from pillarbox.pipeline.key_lookup import look_up_keys
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

R = TypeVar("R")

INLINE_BYTES = 256 * 1024
"""Larger messages are hashed in a thread."""
REMEMBERED = 1000
FROM_DOMAINS_MOST = 20
VOUCHED_S = 5.0
_PARENTS_MOST = 8
_SLOW_KEY_BYTES = 1500  # of PKCS #8: those signing with take more than a millisecond

_log = logger("signing")


@dataclass(frozen=True, slots=True)
class _Held:
    """What signs for a name, RSA first; empty where nothing does. `slow` wants a thread.

    `fields` are those to sign, where they are not the usual ones.
    """

    signers: tuple[Signer, ...]
    slow: bool
    until_ms: int
    fields: tuple[str, ...] = ()


class Signing:
    """Signs and seals with the keys of the domains served here; `close` ends its subscriptions."""

    def __init__(
        self,
        database: Database,
        keys: KeyRing,
        cpu: Cpu,
        clock: Clock,
        bus: Bus,
        resolver: Resolver | None = None,
    ) -> None:
        """Without a `resolver` chains that came with a message can't be checked or continued."""
        self._database = database
        self._keys = keys
        self._cpu = cpu
        self._clock = clock
        self._resolver = resolver
        self._held: dict[str, _Held] = {}
        self._stops: tuple[Callable[[], None], ...] = tuple(
            bus.subscribe(topic, self._forget) for topic in (DIRECTORY, KEYS, POLICY)
        )

    def close(self) -> None:
        """Listen for changes no more."""
        for stop in self._stops:
            stop()

    async def sign(self, domain: str, content: bytes) -> bytes:
        """DKIM-Signature fields to put on top of a message, `b""` where there are no keys for it.

        Signs for the domain of the From field if that is served here, else for `domain`, that of
        the envelope's sender; the caller has checked that the sender may use it. A name without
        keys falls to the nearest parent that has some. Raises `Busy` and `Unavailable`.
        """
        message = _read(content)
        if message is None:
            return b""
        for name in (*_from_domains(message), domain):
            held = await self._keys_of(name)
            if held.signers:
                now_s = self._clock.now_ms() // 1000
                work = partial(sign, message, held.signers, now_s, wanted=held.fields)
                return await self._work(held.slow or _is_large(content), work)
        return b""

    async def seal(self, domain: str, content: bytes, authserv_id: str, results: str) -> bytes:
        """The fields of one more ARC set, to put on top of a message that is forwarded.

        `results` is what was found out when it came in, as in Authentication-Results behind the
        name (`spf=pass smtp.mailfrom=example.net; dkim=none`); `arc=` is added to it. Gives `b""`
        where `domain` has no keys, where the chain is closed or full, or can't be checked now.
        """
        message = _read(content)
        held = await self._keys_of(domain)
        if message is None or not held.signers:
            return b""
        chain = await self.chain(message)
        signer = held.signers[0]  # RSA if there is one: few can check Ed25519 in a chain
        now_s = self._clock.now_ms() // 1000
        work = partial(seal, message, chain, signer, authserv_id, results, now_s)
        return await self._work(held.slow or _is_large(content), work)

    async def chain(self, message: SignedMessage) -> ChainResult:
        """The state of the ARC chain a message came with."""
        verification = ChainVerification(message)
        questions = verification.questions
        if questions and self._resolver is None:
            return ChainResult(Status.TEMPERROR, "no name servers are asked")
        answers = {}
        if questions and self._resolver is not None:
            answers = dict(await look_up_keys(self._resolver, questions))
        now_s = self._clock.now_ms() // 1000
        large = _is_large(message.content) or len(questions) > 2
        return await self._work(large, partial(verification.result, answers, now_s))

    async def vouches(self, domain: str, content: bytes) -> bool:
        """Whether a domain, or one above it, has signed all of a message that came from elsewhere.

        `False` also where that can't be found out within 5 s.
        """
        message = _read(content)
        if message is None or self._resolver is None:
            return False
        verification = Verification(message)
        if not verification.questions:
            return False
        answers = await look_up_keys(self._resolver, verification.questions, VOUCHED_S)
        now_s = self._clock.now_ms() // 1000
        found = await self._work(True, partial(verification.results, answers, now_s))
        return any(
            one.status is Status.PASS
            and not (one.testing or one.beyond)
            and f".{domain.lower()}".endswith(f".{one.domain}")
            for one in found
        )

    async def _work(self, in_thread: bool, work: Callable[[], R]) -> R:
        return await self._cpu.run(work) if in_thread else work()

    async def _keys_of(self, name: str) -> _Held:
        try:
            key = ascii_domain(name)
        except GrammarError:
            return _Held((), False, 0)
        now_ms = self._clock.now_ms()
        held = self._held.get(key)
        if held is None or held.until_ms <= now_ms:
            domain, rows, fields = await self._database.lookup(_active, key)
            held = self._opened(domain, rows, fields, now_ms)
            self._held.pop(key, None)
            if len(self._held) >= REMEMBERED:
                del self._held[next(iter(self._held))]
            self._held[key] = held
        return held

    def _opened(
        self,
        domain: str,
        rows: list[tuple[int, str, bytes]],
        fields: tuple[str, ...],
        now_ms: int,
    ) -> _Held:
        signers, slow = [], False
        for key_id, selector, sealed in rows:
            try:
                der = signing_keys.opened(self._keys, key_id, sealed)
            except Unavailable as failure:
                _log.error(
                    "a key can't be read", domain=domain, selector=selector, why=failure.cause
                )
                continue
            signer = Signer(domain, selector, load_der(der))
            slow = slow or (signer.key.algorithm is KeyAlgorithm.RSA and len(der) > _SLOW_KEY_BYTES)
            signers.append(signer)
        return _Held(tuple(signers), slow, now_ms + int(LOOK_EVERY_S * 1000), fields)

    def _forget(self, topic: str) -> None:
        self._held.clear()


def _active(tx: Tx, name: str) -> tuple[str, list[tuple[int, str, bytes]], tuple[str, ...]]:
    """The nearest domain, the name itself or a parent, that has keys in use; and those.

    No keys where the policy of that domain is not to sign. Also gives the fields that it wants
    signed, none for the usual ones.
    """
    for _ in range(_PARENTS_MOST):
        domain = domains.get(tx, name)
        if domain is not None and (found := signing_keys.active(tx, domain.id)):
            policy = policies.signing(tx, domain.name)
            return domain.name, found if policy.signs else [], policy.fields
        _, dot, name = name.partition(".")
        if not dot:
            break
    return "", [], ()


def _read(content: bytes) -> SignedMessage | None:
    try:
        return read_message(content)
    except GrammarError as error:
        _log.warning("a message can't be signed", why=error.text)
        return None


def _from_domains(message: SignedMessage) -> tuple[str, ...]:
    """The domains of the From field, each once; several such fields say nothing."""
    fields = message.named(b"from")
    if len(fields) != 1:
        return ()
    entries = parse_address_list(unfold(fields[0].value), FROM_DOMAINS_MOST)
    found = (one.domain.decode("utf-8", "replace") for one in mailboxes(entries) if one.domain)
    return tuple(dict.fromkeys(found))


def _is_large(content: bytes) -> bool:
    return len(content) > INLINE_BYTES
