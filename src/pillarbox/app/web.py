"""Puts the HTTP application together from the routes of all faces; part of `compose`.

Called in a thread at a process's first HTTP connection: what is heavy is imported in here.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from pillarbox.app.compose import Services
    from pillarbox.protocols.dav.options import DavServices
    from pillarbox.protocols.http.web import WebApp


def web_app(services: "Services") -> "WebApp":
    """The application of a process."""
    from pillarbox.protocols.http.web import WebApp

    return WebApp(web_routes(services))


def web_routes(services: "Services") -> "tuple[BaseRoute, ...]":
    """The routes and mounts of every face, in the order in which they are tried."""
    from pillarbox.protocols.dav.app import dav_routes
    from pillarbox.protocols.dav.attachments import attachment_routes
    from pillarbox.protocols.dav.public import public_routes

    dav = _dav(services)
    return (*dav_routes(dav), *public_routes(dav), *attachment_routes(dav))


def _dav(services: "Services") -> "DavServices":
    from pillarbox.protocols.dav.options import DavOptions, DavServices
    from pillarbox.protocols.http.login import HttpLogin

    parts = services.calendaring
    return DavServices(
        services.database,
        services.keys,
        HttpLogin(services.login, "dav"),
        parts.objects,
        parts.queries,
        services.http.clock,
        DavOptions(services.options.hostname, (services.options.hostname.lower(),)),
        parts.free_busy,
    )
