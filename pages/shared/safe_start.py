"""The options that the server may be started with: the safe ones, checked at every start.

They ship in ``.streamlit/config.toml``. Streamlit lets its environment variables and its command line
override that file, so what counts is what holds once the server starts. An option that differs stops
the start with a sentence about each.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import config

from pages.shared import connection
from trellis_core.errors import TrellisError
from trellis_core.serving import LOOPBACK, Public

SAFE_VALUES: Final[Mapping[str, object]] = MappingProxyType(
    {
        "server.headless": True,
        "server.showEmailPrompt": False,
        "server.fileWatcherType": "none",
        "server.enableXsrfProtection": True,
        "server.enableCORS": True,
        "server.corsAllowedOrigins": [],
        "server.xsrfCookieSameSite": "strict",
        "server.enableStaticServing": False,
        "server.enableAgentApi": False,
        "server.trustedUserHeaders": {},
        "server.scriptHealthCheckEnabled": False,
        "server.baseUrlPath": "",
        "global.developmentMode": False,
        "runner.magicEnabled": False,
        "browser.gatherUsageStats": False,
        "logger.enableRich": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "client.disableDataExport": True,
    }
)
"""Options with one safe value. ``server.address``, ``server.allowedHosts`` and the size of an upload
have a rule each."""

LARGEST_UPLOAD: Final = 20
"""Megabytes."""

LOCAL_HOSTS: Final = LOOPBACK | {"[::1]"}
"""The names that a dashboard for this machine only answers to."""

_WAY_OUT: Final = (
    "Trellis does not start like this. Take the option out of where it was set; "
    ".streamlit/config.toml holds the safe ones. To serve other machines: trellis serve --public."
)


def problems() -> list[str]:
    """Return what speaks against starting the server with the options and secrets that hold now."""
    try:
        public = connection.public()
        secret = connection.secret()
    except TrellisError as error:
        return [str(error)]
    found = [
        _differs(key, safe) for key, safe in SAFE_VALUES.items() if config.get_option(key) != safe
    ]
    if not 0 < config.get_option("server.maxUploadSize") <= LARGEST_UPLOAD:
        found.append(_differs("server.maxUploadSize", LARGEST_UPLOAD))
    hosts = {str(each).casefold() for each in config.get_option("server.allowedHosts")}
    address = config.get_option("server.address")
    if public is None:
        if address not in LOOPBACK:
            found.append(_differs("server.address", "127.0.0.1"))
        if not hosts or not hosts <= LOCAL_HOSTS:
            found.append(_differs("server.allowedHosts", ["localhost", "127.0.0.1"]))
        return found
    if hosts != set(public.hosts):
        found.append(_differs("server.allowedHosts", list(public.hosts)))
    if secret is None:
        found.append("Serving other machines needs a secret: set TRELLIS_SECRET_FILE.")
    elif config.get_option("server.cookieSecret") != secret.cookie_secret:
        found.append("Streamlit's server.cookieSecret is not the one made from the secret.")
    return found + _unencrypted(public, address)


def _unencrypted(public: Public, address: str | None) -> list[str]:
    has_certificate = bool(config.get_option("server.sslCertFile"))
    if public.proxies is None:
        if has_certificate:
            return []
        return ["server.sslCertFile is not set: other machines would be served without encryption."]
    found = [_differs("server.sslCertFile", None)] if has_certificate else []
    if address not in LOOPBACK and LOOPBACK.issuperset(public.proxies):
        found.append(_differs("server.address", "127.0.0.1"))
    return found


def _differs(key: str, safe: object) -> str:
    return f"{key} is {_shown(config.get_option(key))}{_origin(key)}; the safe value is {_shown(safe)}."


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "not set" if value is None or value == "" else repr(value).replace("'", '"')


def _origin(key: str) -> str:
    option = config.get_config_options()[key]
    if not config.is_manually_set(key):
        return ", as no file sets it"
    if os.path.isabs(option.where_defined):  # noqa: PTH117 - where Streamlit found it, or words of its own
        return f", set in {option.where_defined}"
    if option.env_var in os.environ:
        return f", set by the environment variable {option.env_var}"
    return ", set on the command line"


@dataclass
class SafeStart:
    """Pure ASGI, before everything: answers nothing unless the server was started safely."""

    app: ASGIApp
    check: Callable[[], list[str]] = problems
    _found: list[str] | None = field(default=None, init=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the server start and answer, or say why not."""
        if self._found is None:
            self._found = self.check()
        if not self._found:
            await self.app(scope, receive, send)
        elif scope["type"] == "lifespan":
            await receive()
            message = "\n".join([*self._found, _WAY_OUT])
            await send({"type": "lifespan.startup.failed", "message": message})
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1011})
        else:
            await PlainTextResponse("The server was not started safely.", 503)(scope, receive, send)
