"""What is done with scripts (RFC 5804 §2.5 to §2.12); `pipeline/filtering/scripts` does it."""

from collections.abc import Sequence

from pillarbox.protocols.managesieve.errors import RefusedCommand
from pillarbox.protocols.managesieve.session import ManageSieveSession
from pillarbox.wire.managesieve.commands import (
    CheckScript,
    DeleteScript,
    GetScript,
    HaveSpace,
    ListScripts,
    PutScript,
    RenameScript,
    SetActive,
)
from pillarbox.wire.managesieve.responses import Code, ok, script, script_names


async def havespace(session: ManageSieveSession, command: HaveSpace) -> None:
    """Say whether such a script would find room now."""
    scripts, actor = session.services.scripts, session.require_actor()
    await scripts.have_space(actor, command.name, command.size_bytes)
    session.say(ok("There is room"))


async def putscript(session: ManageSieveSession, command: PutScript) -> None:
    """Keep a script that can be compiled; one that can't leaves the old one as it is."""
    scripts, actor = session.services.scripts, session.require_actor()
    _require_text(command.content)
    saved = await scripts.put(actor, command.name, command.content)
    session.say(_approved("The script was stored", saved.warnings))


async def checkscript(session: ManageSieveSession, command: CheckScript) -> None:
    """Compile a script and keep nothing."""
    scripts, actor = session.services.scripts, session.require_actor()
    _require_text(command.content)
    session.say(_approved("The script is valid", await scripts.check(command.content, actor)))


async def listscripts(session: ManageSieveSession, command: ListScripts) -> None:
    """Name all scripts and the active one."""
    found = await session.services.scripts.list(session.require_actor())
    session.say(script_names((one.name, one.active) for one in found) + ok("Those are the scripts"))


async def setactive(session: ManageSieveSession, command: SetActive) -> None:
    """Have a script run, or none."""
    scripts, actor = session.services.scripts, session.require_actor()
    await scripts.activate(actor, command.name or None)
    session.say(ok("The script is active" if command.name else "No script is active"))


async def getscript(session: ManageSieveSession, command: GetScript) -> None:
    """Send a script, byte for byte."""
    found = await session.services.scripts.get(session.require_actor(), command.name)
    session.say(script(found.content) + ok("That is the script"))


async def deletescript(session: ManageSieveSession, command: DeleteScript) -> None:
    """Remove a script that is not active."""
    await session.services.scripts.delete(session.require_actor(), command.name)
    session.say(ok("The script was deleted"))


async def renamescript(session: ManageSieveSession, command: RenameScript) -> None:
    """Give a script another name; if it is active it stays so."""
    await session.services.scripts.rename(session.require_actor(), command.old, command.new)
    session.say(ok("The script was renamed"))


def _require_text(content: bytes) -> None:
    if not content:
        raise RefusedCommand("The script is empty; to have none run, activate none")


def _approved(text: str, warnings: Sequence[str]) -> bytes:
    if warnings:
        return ok("\n".join(warnings), Code.WARNINGS)
    return ok(text)
