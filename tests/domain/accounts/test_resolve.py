import pytest

from pillarbox.base.errors import NotFound, TooLarge
from pillarbox.domain.accounts import aliases, domains, users
from pillarbox.domain.accounts.model import Resolution, Role
from pillarbox.domain.accounts.resolve import MAX_DEPTH, resolve
from pillarbox.storage.db import Database


def local(found: Resolution) -> list[tuple[str, str | None]]:
    return [(one.address, one.detail) for one in found.local]


@pytest.fixture
async def ann(database: Database, add_user) -> users.User:
    return await database.write(add_user, "ann@example.org")


@pytest.mark.usefixtures("ann")
class TestUsers:
    async def test_any_case(self, database: Database) -> None:
        found = await database.read(resolve, "ANN", "Example.ORG")
        assert local(found) == [("ann@example.org", None)]
        assert found.outside == ()

    async def test_nobody(self, database: Database) -> None:
        with pytest.raises(NotFound, match="No such user"):
            await database.read(resolve, "bob", "example.org")
        with pytest.raises(NotFound, match="No such domain"):
            await database.read(resolve, "ann", "example.net")

    @pytest.mark.parametrize("part", ["", "a\0b", "\ud800", "x" * 5000, "'; --", "\U0001f600"])
    async def test_odd_local_parts_are_nobody(self, database: Database, part: str) -> None:
        with pytest.raises(NotFound):
            await database.read(resolve, part, "example.org")

    async def test_a_disabled_user_gets_no_mail(self, database: Database, ann: users.User) -> None:
        domain = await database.read(domains.require, "example.org")
        await database.write(domains.set_catch_all, domain, "x@elsewhere.net")
        await database.write(users.set_enabled, ann.account_id, False)
        with pytest.raises(NotFound, match="disabled"):
            await database.read(resolve, "ann", "example.org")

    async def test_a_disabled_domain_gets_no_mail(self, database: Database) -> None:
        domain = await database.read(domains.require, "example.org")
        await database.write(domains.set_enabled, domain, False)
        with pytest.raises(NotFound):
            await database.read(resolve, "ann", "example.org")


@pytest.mark.usefixtures("ann")
class TestSubAddresses:
    async def test_the_detail_keeps_its_case(self, database: Database) -> None:
        found = await database.read(resolve, "Ann+Work+x", "example.org")
        assert local(found) == [("ann@example.org", "Work+x")]

    async def test_another_delimiter(self, database: Database) -> None:
        found = await database.read(resolve, "ann-work", "example.org", "-")
        assert local(found) == [("ann@example.org", "work")]
        for delimiter in ("", "-"):
            with pytest.raises(NotFound):
                await database.read(resolve, "ann+work", "example.org", delimiter)

    async def test_an_exact_address_comes_first(self, database: Database, add_user) -> None:
        await database.write(add_user, "ann+work@example.org")
        found = await database.read(resolve, "ann+work", "example.org")
        assert local(found) == [("ann+work@example.org", None)]

    async def test_an_alias_hands_the_detail_on(self, database: Database) -> None:
        await database.write(aliases.create, "info@example.org", ["ann@example.org"])
        found = await database.read(resolve, "info+x", "example.org")
        assert local(found) == [("ann@example.org", "x")]


@pytest.mark.usefixtures("ann")
class TestAliases:
    async def test_several_targets_here_and_elsewhere(self, database: Database, add_user) -> None:
        await database.write(add_user, "bob@example.net")
        targets = ["ann@example.org", "bob@example.net", "Some.One@elsewhere.com"]
        await database.write(aliases.create, "team@example.org", targets)
        await database.write(
            aliases.create, "all@example.org", ["team@example.org", "ann@example.org"]
        )
        found = await database.read(resolve, "all", "example.org")
        assert local(found) == [("ann@example.org", None), ("bob@example.net", None)]
        assert found.outside == ("Some.One@elsewhere.com",)

    async def test_forwarding_that_keeps_a_copy(self, database: Database) -> None:
        targets = ["ann@example.org", "x@elsewhere.com"]
        await database.write(aliases.create, "ann@example.org", targets)
        found = await database.read(resolve, "ann", "example.org")
        assert local(found) == [("ann@example.org", None)]
        assert found.outside == ("x@elsewhere.com",)

    async def test_circles_end(self, database: Database) -> None:
        await database.write(aliases.create, "a@example.org", ["b@example.org"])
        await database.write(aliases.create, "b@example.org", ["a@example.org", "ann@example.org"])
        found = await database.read(resolve, "a", "example.org")
        assert local(found) == [("ann@example.org", None)]
        await database.write(aliases.create, "c@example.org", ["d@example.org"])
        await database.write(aliases.create, "d@example.org", ["c@example.org"])
        with pytest.raises(NotFound):
            await database.read(resolve, "c", "example.org")

    async def test_a_chain_has_an_end(self, database: Database) -> None:
        for n in range(MAX_DEPTH + 2):
            target = f"n{n + 1}@example.org" if n <= MAX_DEPTH else "ann@example.org"
            await database.write(aliases.create, f"n{n}@example.org", [target])
        with pytest.raises(TooLarge):
            await database.read(resolve, "n0", "example.org")
        assert local(await database.read(resolve, "n4", "example.org"))

    async def test_many_targets_through_aliases_are_refused(self, database: Database) -> None:
        for n in range(2):
            targets = [f"x{n}-{m}@elsewhere.com" for m in range(600)]
            await database.write(aliases.create, f"list{n}@example.org", targets)
        both = ["list0@example.org", "list1@example.org"]
        await database.write(aliases.create, "both@example.org", both)
        with pytest.raises(TooLarge):
            await database.read(resolve, "both", "example.org")

    async def test_targets_that_are_gone_are_left_out(self, database: Database) -> None:
        targets = ["nobody@example.org", "ann@example.org"]
        await database.write(aliases.create, "team@example.org", targets)
        found = await database.read(resolve, "team", "example.org")
        assert local(found) == [("ann@example.org", None)]
        await database.write(aliases.create, "dead@example.org", ["nobody@example.org"])
        with pytest.raises(NotFound, match="nobody"):
            await database.read(resolve, "dead", "example.org")

    async def test_a_disabled_alias_refuses_mail(self, database: Database) -> None:
        made = await database.write(aliases.create, "info@example.org", ["ann@example.org"])
        await database.write(aliases.set_enabled, made, False)
        with pytest.raises(NotFound, match="disabled"):
            await database.read(resolve, "info", "example.org")


@pytest.mark.usefixtures("ann")
class TestLastResorts:
    async def test_catch_all_comes_last(self, database: Database) -> None:
        domain = await database.read(domains.require, "example.org")
        await database.write(domains.set_catch_all, domain, "x@elsewhere.com")
        assert (await database.read(resolve, "who", "example.org")).outside == ("x@elsewhere.com",)
        assert (await database.read(resolve, "ann+x", "example.org")).outside == ()
        await database.write(domains.set_catch_all, domain, "ann@example.org")
        assert local(await database.read(resolve, "who", "example.org")) == [
            ("ann@example.org", None)
        ]

    async def test_a_catch_all_that_catches_itself(self, database: Database) -> None:
        domain = await database.read(domains.require, "example.org")
        await database.write(domains.set_catch_all, domain, "nobody@example.org")
        with pytest.raises(NotFound):
            await database.read(resolve, "who", "example.org")

    async def test_postmaster_is_always_someone(self, database: Database, add_user) -> None:
        """RFC 5321 §4.5.1: each domain accepts mail to postmaster."""
        found = await database.read(resolve, "Postmaster", "example.org")
        assert local(found) == [("ann@example.org", None)]
        await database.write(add_user, "root@example.net", Role.ADMIN)
        found = await database.read(resolve, "postmaster", "example.org")
        assert local(found) == [("root@example.net", None)]
        await database.write(aliases.create, "postmaster@example.org", ["x@elsewhere.com"])
        found = await database.read(resolve, "postmaster", "example.org")
        assert found.outside == ("x@elsewhere.com",)
