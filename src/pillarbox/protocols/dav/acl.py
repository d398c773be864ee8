"""ACL (RFC 3744 §8.1): who else may use a collection, as shares.

Only what can be granted is understood: each entry names a user, a group or everybody, and what is
granted to them. Protected entries may be sent back as they were told.
"""

from http import HTTPStatus

from starlette.responses import Response

from pillarbox.base.errors import Denied, GrammarError, Invalid, NotFound
from pillarbox.domain.collections import shares
from pillarbox.domain.collections.model import NO_RIGHTS, Right
from pillarbox.domain.collections.shares import ANYONE
from pillarbox.protocols.dav.call import Call
from pillarbox.protocols.dav.errors import forbidden
from pillarbox.protocols.dav.paths import Path, Place, read_path
from pillarbox.protocols.dav.privileges import granted
from pillarbox.protocols.dav.resources import FOREIGN, find
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.acl import Ace, Acl, PrincipalKind, parse_acl
from pillarbox.wire.dav.hrefs import href_address, href_path
from pillarbox.wire.dav.names import D


async def acl(call: Call) -> Response:
    """Answer an ACL."""
    if call.path.place is not Place.COLLECTION:
        await call.resource()
        raise Denied("Who has rights here can't be changed")
    wanted = parse_acl(await call.body())
    await call.write(_set, call.path, wanted)
    return Response(b"", HTTPStatus.OK)


def _set(view: View, path: Path, wanted: Acl) -> None:
    access = find(view, path).access
    if access is None or access.mount is not None or Right.ADMIN not in access.rights:
        raise Denied(FOREIGN)
    owner = view.principal_of(access.collection.account_id)
    own = "" if owner is None else owner.address
    given: dict[str, Right] = {}
    for ace in wanted.aces:
        address = _grantee(ace)
        if address == own or ace.protected:
            continue
        given[address] = given.get(address, NO_RIGHTS) | granted(ace.privileges)
    before = {share.address: share.rights for share in shares.shares_of(view.tx, access)}
    for address in before:
        if not given.get(address, NO_RIGHTS):
            shares.unshare(view.tx, view.keys, view.actor, access, address)
    for address, rights in given.items():
        if rights and before.get(address) != rights:
            try:
                shares.share(
                    view.tx, view.keys, view.actor, access, address, rights, view.options.limits
                )
            except (Invalid, NotFound) as failure:
                raise forbidden(D + "recognized-principal", text=failure.public) from None


def _grantee(ace: Ace) -> str:
    """The address an entry is about; `ANYONE` for everybody of the domain."""
    if ace.invert:
        raise forbidden(D + "no-invert", text="Entries can't be about all but one")
    if not ace.grant:
        raise forbidden(D + "grant-only", text="Rights can only be granted")
    if ace.protected:
        return ""
    if ace.kind is PrincipalKind.AUTHENTICATED:
        return ANYONE
    if ace.kind is not PrincipalKind.HREF:
        raise forbidden(D + "allowed-principal", text="Rights are granted to users and groups")
    address = href_address(ace.href or "")
    if address is not None:
        return address.lower()
    try:
        found = read_path(href_path(ace.href or ""))
    except (GrammarError, NotFound):
        raise forbidden(D + "recognized-principal", text="There is no such principal") from None
    if found.place is not Place.PRINCIPAL:
        raise forbidden(D + "recognized-principal", text="That is no principal")
    return found.address.lower()
