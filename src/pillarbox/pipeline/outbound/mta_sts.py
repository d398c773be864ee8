"""MTA-STS policies of other domains: found, fetched, kept and refreshed (RFC 8461 §3.3, §5.1).

Called by `tls_policy`; calls `formats/mta_sts`, `domain/transport/sts`, the resolver and HTTPS. A
policy that is in force stays so until it expires, whatever becomes of its record and its host:
else whoever can disturb those could turn it off.
"""

import asyncio
import re
from collections.abc import Coroutine
from dataclasses import dataclass

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Failure, GrammarError, Unavailable
from pillarbox.base.log import logger
from pillarbox.domain.transport import sts
from pillarbox.domain.transport.sts import Fetched, FetchFailure, StoredPolicy
from pillarbox.formats.mime.content import parse_content_type
from pillarbox.formats.mta_sts import (
    MAX_POLICY_BYTES,
    Mode,
    StsPolicy,
    parse_policy,
    parse_record,
)
from pillarbox.net.dns import Resolver
from pillarbox.net.https import HttpsClient, HttpsFailure
from pillarbox.storage.db import Database

FETCH_TIMEOUT_S = 30.0
"""RFC 8461 §3.3 suggests a minute at most; mail waits for it."""

RETRY_MS = 300_000
"""A fetch that failed is not tried again before; RFC 8461 §3.3 suggests five minutes."""

LOOK_MS = 300_000
"""For so long a process does not look again whether a domain's policy is another."""

LOOK_NONE_MS = 60_000
REFRESH_MS = 86_400_000
REFRESH_RETRY_MS = 3_600_000
UNUSED_MS = 60 * 86_400_000
"""A policy that no mail went by for so long is not refreshed any more; it may expire."""

REFRESHED_AT_ONCE = 4
REFRESHED_MAX = 500

_NEVER = 1 << 62
_REMEMBERED = 20_000
_DOMAIN = re.compile(r"(?=.{1,246}\Z)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})+")

_log = logger("outbound")


@dataclass(frozen=True, slots=True)
class DomainSts:
    """A domain's policy in force, or why there is none though one is announced.

    `failure` is a result type of RFC 8460 §4.3, `text` says it in words.
    """

    policy: StsPolicy | None = None
    failure: str = ""
    text: str = ""


NO_STS = DomainSts()


class StsPolicies:
    """Finds policies for one process; the database has them for all."""

    def __init__(
        self,
        resolver: Resolver,
        https: HttpsClient,
        database: Database,
        clock: Clock,
        port: int = 443,
    ) -> None:
        """`port` is where the hosts of policies listen."""
        self._at = "" if port == 443 else f":{port}"
        self._resolver = resolver
        self._https = https
        self._database = database
        self._clock = clock
        self._known: dict[str, tuple[DomainSts, int]] = {}
        self._under_way: dict[str, asyncio.Task[DomainSts]] = {}
        self._background: set[asyncio.Task[object]] = set()
        self._refreshing = asyncio.Semaphore(REFRESHED_AT_ONCE)

    async def of_domain(self, domain: str) -> DomainSts:
        """What is in force for a domain; `domain` in lower case and ASCII.

        Fetches at most once at a time, and not again soon where that failed. Raises `Failure` only
        where the database does.
        """
        known, until_ms = self._known.get(domain, (NO_STS, 0))
        if until_ms > self._clock.now_ms():
            return known
        if not _DOMAIN.fullmatch(domain):
            return NO_STS
        task = self._under_way.get(domain)
        if task is None:
            task = asyncio.create_task(self._look(domain))
            self._under_way[domain] = task
            task.add_done_callback(lambda done: self._looked(domain, done))
        return await asyncio.shield(task)

    async def refresh_due(self) -> None:
        """Fetch anew what was not for a day, and forget what nobody uses; for one process."""
        now_ms = self._clock.now_ms()
        await self._database.write(sts.sweep, now_ms - REFRESH_MS)
        due = await self._database.read(sts.due, now_ms - UNUSED_MS, REFRESHED_MAX)
        results = await asyncio.gather(*map(self._refresh, due), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def close(self) -> None:
        """End what is under way."""
        tasks = [*self._under_way.values(), *self._background]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _looked(self, domain: str, done: asyncio.Task[DomainSts]) -> None:
        self._under_way.pop(domain, None)
        if not done.cancelled():
            done.exception()  # whoever waited has it; there may be nobody any more

    async def _look(self, domain: str) -> DomainSts:
        stored = await self._database.lookup(sts.get, domain)
        now_ms = self._clock.now_ms()
        valid = stored if stored is not None and _in_force(stored, now_ms) else None
        found, lasts_ms = await self._decide(domain, stored, valid)
        if valid is not None and valid.used_ms <= now_ms - sts.USED_STEP_MS:
            await self._database.write(sts.used, domain)
        if len(self._known) >= _REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[domain] = (found, self._clock.now_ms() + lasts_ms)
        return found

    async def _decide(
        self, domain: str, stored: StoredPolicy | None, valid: StoredPolicy | None
    ) -> tuple[DomainSts, int]:
        """What is in force, and for how many milliseconds not to look again."""
        record_id = await self._record_id(domain)
        now_ms = self._clock.now_ms()
        if record_id is None:
            # A policy outlives its record: RFC 8461 §3.3.
            return (_sts_of(valid), LOOK_MS) if valid is not None else (NO_STS, LOOK_NONE_MS)
        if valid is not None and valid.record_id == record_id:
            if valid.refresh_ms <= now_ms:
                self._start(self._refresh(valid))
            left_ms = valid.expires_ms - now_ms
            return _sts_of(valid), min(LOOK_MS, left_ms)
        if stored is not None and stored.failed_id == record_id:
            wait_ms = stored.failed_ms + RETRY_MS - now_ms
            if wait_ms > 0:
                failed = DomainSts(None, stored.failure, stored.failure_text)
                return (failed if valid is None else _sts_of(valid)), min(LOOK_MS, wait_ms)
        return await self._fetch(domain, record_id, valid), LOOK_NONE_MS

    async def _record_id(self, domain: str) -> str | None:
        """The id of the policy that is announced; `None` where none is, or nobody can tell."""
        try:
            return parse_record(await self._resolver.txt(f"_mta-sts.{domain}"))
        except (Unavailable, GrammarError):
            return None

    async def _refresh(self, stored: StoredPolicy) -> None:
        """Fetch a policy that is in force anew; where that fails, again in an hour."""
        async with self._refreshing:
            record_id = await self._record_id(stored.domain) or stored.record_id
            await self._fetch(stored.domain, record_id, stored)

    async def _fetch(self, domain: str, record_id: str, valid: StoredPolicy | None) -> DomainSts:
        """Fetch and keep a policy; the one that is valid stays where that fails."""
        found = await self._get(domain)
        now_ms = self._clock.now_ms()
        if isinstance(found, DomainSts):
            again_ms = now_ms + REFRESH_RETRY_MS if valid is not None else _NEVER
            failure = FetchFailure(domain, record_id, found.failure, found.text, again_ms)
            await self._database.write(sts.fail, failure)
            if valid is None or not _in_force(valid, now_ms):
                return found
            _log.warning(
                "an MTA-STS policy can't be refreshed", domain=domain, why=found.text,
                expires_in_s=(valid.expires_ms - now_ms) // 1000,
            )  # fmt: skip
            return _sts_of(valid)
        policy, text = found
        age_ms = policy.max_age_s * 1000
        again_ms = now_ms + min(REFRESH_MS, age_ms // 2)
        if policy.mode is Mode.NONE:
            again_ms = _NEVER
        await self._database.write(
            sts.save, Fetched(domain, record_id, text, now_ms + age_ms, again_ms)
        )
        return DomainSts(policy)

    async def _get(self, domain: str) -> tuple[StsPolicy, str] | DomainSts:
        """The policy that a domain's host serves, and its text; or how that failed."""
        url = f"https://mta-sts.{domain}{self._at}/.well-known/mta-sts.txt"
        try:
            response = await self._https.get(
                url, max_bytes=MAX_POLICY_BYTES, timeout_s=FETCH_TIMEOUT_S
            )
        except HttpsFailure as failure:
            kind = "sts-webpki-invalid" if failure.certificate else "sts-policy-fetch-error"
            return DomainSts(None, kind, f"{url}: {failure.why}")
        if response.status != 200:
            text = f"{url}: status {response.status}"
            return DomainSts(None, "sts-policy-fetch-error", text)
        kind_of = parse_content_type(response.header("content-type").encode("latin-1", "replace"))
        if kind_of is None or kind_of[:2] != ("text", "plain"):
            text = f"{url}: the content is not text/plain"
            return DomainSts(None, "sts-policy-fetch-error", text)
        try:
            return parse_policy(response.body), response.body.decode()
        except GrammarError as error:
            return DomainSts(None, "sts-policy-invalid", f"{url}: {error.text}")

    def _start(self, work: Coroutine[None, None, None]) -> None:
        """Let something run beside; it must not be lost to the garbage collector."""
        task: asyncio.Task[object] = asyncio.create_task(_logged(work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _logged(work: Coroutine[None, None, None]) -> None:
    try:
        await work
    except Failure as failure:
        _log.warning("a policy can't be refreshed", why=failure.cause or failure.public)
    except Exception:
        _log.exception("a policy can't be refreshed")


def _in_force(stored: StoredPolicy, now_ms: int) -> bool:
    return bool(stored.policy) and stored.expires_ms > now_ms


def _sts_of(stored: StoredPolicy) -> DomainSts:
    try:
        return DomainSts(parse_policy(stored.policy.encode()))
    except GrammarError:  # written by another version that took more
        return NO_STS
