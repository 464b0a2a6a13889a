"""The security headers of every answer, and the policy of what a page may load."""

import hashlib
import re
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NEVER_STORED: Final = ("/media", "/auth", "/_stcore")


def content_security_policy() -> str:
    """Return the policy of every answer: this server only, and the one known inline script.

    The script's hash is computed from the frontend that is installed.
    """
    index = (Path(st.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    hashes = " ".join(
        f"'sha256-{b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in re.findall(r"<script>(.*?)</script>", index, flags=re.DOTALL)
    )
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' 'wasm-unsafe-eval' {hashes}".rstrip(),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "frame-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


@dataclass
class SafeHeaders:
    """Pure ASGI: puts the security headers on every answer."""

    app: ASGIApp
    policy: str = field(default_factory=content_security_policy)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = self.policy
                headers["X-Content-Type-Options"] = "nosniff"
                headers["X-Frame-Options"] = "DENY"
                headers.setdefault("Referrer-Policy", "same-origin")
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = "max-age=31536000"
                if scope["path"].startswith(_NEVER_STORED):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self.app(scope, receive, send_safely)
