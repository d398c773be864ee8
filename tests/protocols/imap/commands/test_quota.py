"""GETQUOTA and GETQUOTAROOT of accounts that have a limit (RFC 9208 §4.1)."""

from kit.imap import USER, MailHouse
from pillarbox.domain.accounts import users


async def test_use_and_limit_in_units_of_1024_octets(house: MailHouse) -> None:
    await house.database.write(users.set_quota, house.user.account_id, 10 * 1024 + 1)
    talk = await house.talk().login()
    quota = f'* QUOTA "{USER}" (STORAGE 0 10)'
    assert await talk.ask("GETQUOTAROOT Trash") == [
        f'* QUOTAROOT "Trash" "{USER}"',
        quota,
        "t OK GETQUOTAROOT completed",
    ]
    await house.deliver(b"x" * 1025)
    quota = f'* QUOTA "{USER}" (STORAGE 2 10)'
    assert await talk.ask(f"GETQUOTA {USER.upper()}") == [
        quota.replace(USER, USER.upper()),
        "t OK GETQUOTA completed",
    ]


async def test_a_full_account_is_told_so(house: MailHouse) -> None:
    await house.database.write(users.set_quota, house.user.account_id, 2048)
    talk = await house.talk().login()
    await house.deliver(b"x" * 2000)
    answer = await talk.say(b"t APPEND INBOX {100+}\r\n" + b"x" * 100 + b"\r\n")
    assert answer.startswith(b"t NO [OVERQUOTA] ")
