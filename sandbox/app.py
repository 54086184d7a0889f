"""The whole sandbox as one Starlette application."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from sandbox.control import control_routes
from sandbox.middleware import DateHeader
from sandbox.settings import SandboxSettings
from sandbox.state import Halves, Sandbox, both_vendors


def build(settings: SandboxSettings, *, halves: Halves = both_vendors) -> Starlette:
    """The application, its world made. `app.state.sandbox` is the Sandbox behind it."""
    sandbox = Sandbox(settings, halves)
    app = Starlette(
        routes=[
            Route("/", _about),
            Mount("/_sandbox", routes=control_routes(sandbox)),
            Mount("", app=sandbox.border),
        ],
        middleware=[Middleware(DateHeader, clock=lambda: sandbox.clock)],
    )
    app.state.sandbox = sandbox
    return app


async def _about(_: Request) -> Response:
    return PlainTextResponse(
        "This is the Sakigake sandbox: an invented Salesforce and HubSpot. See /_sandbox/health and docs/sandbox.md.\n"
    )
