"""The directory of a domain over loopback, and what its policy keeps from others."""

from collections.abc import Callable

import pytest

from kit.app import DOMAIN, AppUnderTest
from kit.dav import CS, A, C, D, Dav, names_of
from pillarbox.domain.accounts import aliases, users
from pillarbox.domain.policy import policies
from pillarbox.storage.tx import Tx

DIRECTORY = "~card/directory/"
BOB = f"bob@{DOMAIN}"
EVERYBODY = (
    "<property-search><prop><CS:email-address-set/></prop><match>@</match></property-search>"
)


def closed(tx: Tx) -> None:
    policies.set_values(tx, DOMAIN, {"directory_enabled": "off"})


def without_bob(tx: Tx) -> None:
    found = users.get(tx, BOB)
    assert found is not None
    users.set_enabled(tx, found.account_id, False)


async def change(server: AppUnderTest, made: Callable[[Tx], None]) -> None:
    await server.services.database.write(made)


async def test_it_is_synced_by_a_token(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        first = await alice.sync(DIRECTORY)
        assert names_of(first.rows) == [f"alice@{DOMAIN}.vcf", f"bob@{DOMAIN}.vcf"]
        told = (await alice.propfind(DIRECTORY, "sync-token", "CS:getctag")).only
        assert told.text(D + "sync-token") == first.token
        home = await alice.propfind("~card/", "CS:getctag", depth="1")
        ctag = told.text(CS + "getctag")
        assert home.rows[alice.path(DIRECTORY)].text(CS + "getctag") == ctag
        again = await alice.sync(DIRECTORY, first.token)
        assert (again.rows, again.token) == ({}, first.token)
        few = await alice.sync(DIRECTORY, limit=1)
        assert (few.status, few.conditions) == (507, {D + "number-of-matches-within-limits"})
        await change(server, without_bob)
        old = await alice.sync(DIRECTORY, first.token)
        assert (old.status, old.conditions) == (403, {D + "valid-sync-token"})
        last = await alice.sync(DIRECTORY)
        assert names_of(last.rows) == [f"alice@{DOMAIN}.vcf"]
        assert last.token != first.token
        now = (await alice.propfind(DIRECTORY, "CS:getctag")).only
        assert now.text(CS + "getctag") != ctag
        # The token of another collection is none here.
        other = (await alice.sync("~card/contacts/")).token
        assert (await alice.sync(DIRECTORY, other)).conditions == {D + "valid-sync-token"}


async def test_its_cards_are_queried_and_named(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        query = (
            "<prop><getetag/><A:address-data/></prop><A:filter><A:prop-filter name='EMAIL'>"
            "<A:text-match match-type='starts-with'>BOB@</A:text-match></A:prop-filter></A:filter>"
        )
        found = await alice.report(DIRECTORY, "A:addressbook-query", query)
        assert names_of(found.rows) == [f"{BOB}.vcf"]
        card = found.only.text(A + "address-data")
        assert (await alice.ask("GET", f"{DIRECTORY}{BOB}.vcf")).heard.text == card
        named = "".join(f"<href>{alice.path(DIRECTORY)}{one}.vcf</href>" for one in (BOB, "x"))
        found = await alice.report(
            DIRECTORY,
            "A:addressbook-multiget",
            f"<prop><A:address-data/></prop>{named}<href>/x</href>",
        )
        assert found.rows[alice.path(f"{DIRECTORY}{BOB}.vcf")].text(A + "address-data") == card
        assert found.rows[alice.path(f"{DIRECTORY}x.vcf")].status == 404
        assert found.rows["/x"].status == 404


async def test_a_domain_without_one(server: AppUnderTest) -> None:
    await change(server, closed)
    async with await Dav.open(server) as alice:
        home = await alice.propfind("~card/", "resourcetype", depth="1")
        assert "directory" not in names_of(home.rows)
        mine = await alice.propfind("~/", "A:directory-gateway")
        assert mine.only.names(404) == {A + "directory-gateway"}
        assert (await alice.ask("GET", f"{DIRECTORY}{BOB}.vcf")).status == 404
        assert (await alice.ask("GET", DIRECTORY)).status == 404
        assert (await alice.ask("PROPFIND", DIRECTORY, Depth="1")).status == 404
        assert (await alice.sync(DIRECTORY)).status == 404
        for report in ("addressbook-query", "addressbook-multiget"):
            inside = f"<prop><A:address-data/></prop><href>{DIRECTORY}{BOB}.vcf</href>"
            assert (await alice.report(DIRECTORY, f"A:{report}", inside)).status == 404
        # Nor are its users to be had by a search; who is named in full is known already.
        inside = f"{EVERYBODY}<prop><displayname/></prop>"
        found = await alice.report("/dav/", "principal-property-search", inside)
        assert names_of(found.rows) == [f"alice@{DOMAIN}"]
        word = "<CS:search-token>bo</CS:search-token><prop><displayname/></prop>"
        found = await alice.report("/dav/", "CS:calendarserver-principal-search", word)
        assert names_of(found.rows) == []
        found = await alice.report(
            "/dav/", "CS:calendarserver-principal-search", word.replace("bo<", f"{BOB}<")
        )
        assert names_of(found.rows) == [BOB]


@pytest.mark.parametrize("name", ["CS:email-address-set", "C:calendar-user-address-set"])
async def test_aliases_are_told_to_whom_they_lead(server: AppUnderTest, name: str) -> None:
    def alias(tx: Tx) -> None:
        aliases.create(tx, f"shopping@{DOMAIN}", [BOB])

    await change(server, alias)
    prop = name.replace("CS:", CS).replace("C:", C)
    path = f"/dav/principals/{BOB}/"
    told = {}
    for who in ("alice", "bob"):
        async with await Dav.open(server, who) as client:
            row = (await client.propfind(path, name)).only
            told[who] = "".join(row.props[200][prop].itertext())
    assert BOB in told["alice"]
    assert "shopping" not in told["alice"]
    assert f"shopping@{DOMAIN}" in told["bob"]
