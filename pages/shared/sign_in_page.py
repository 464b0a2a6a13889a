"""The sign-in page: plain server-rendered HTML in the dashboard's look, without a script."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import streamlit as st

from pages.shared import formats
from trellis_core.access import AccessRole
from trellis_core.care.people import StaffMember

HOME: Final = "/"

_DAY_OF: Final = {
    AccessRole.COORDINATOR: "Log time, call patients, keep plans and consents current.",
    AccessRole.BILLER: "Review the month and download superbills.",
    AccessRole.OWNER: "See what a program brings, and everything else.",
    AccessRole.AUDITOR: "Follow every minute and verify the ledger. Reads only.",
}
_ORDER: Final = tuple(_DAY_OF)

_STYLE: Final = """
:root{color-scheme:light dark;--ground:#f6f8f5;--card:#fff;--ink:#1e2621;--quiet:#5c665f;--line:#dde3dc;--green:#2f6b4f;--on:#fff;--warn:#8a5a1a;--warn-bg:#fbf3e4}
@media(prefers-color-scheme:dark){:root{--ground:#121613;--card:#1b211d;--ink:#e6ece7;--quiet:#a3aea7;--line:#343d37;--green:#6fbf95;--on:#10201a;--warn:#e9c27f;--warn-bg:#2e2618}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--ground);color:var(--ink);font:17px/1.5 "Source Sans",system-ui,-apple-system,"Segoe UI",sans-serif;padding:2rem 1rem}
main{width:100%;max-width:46rem}
main.narrow{max-width:24rem}
header{display:flex;align-items:center;gap:.75rem;margin-bottom:1.25rem}
h1{font-size:1.6rem;font-weight:650;margin:0;letter-spacing:-.01em}
p{margin:.25rem 0 1.25rem;color:var(--quiet)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(20rem,1fr));gap:.9rem}
form{margin:0}
.cards form{display:flex}
.card{width:100%;text-align:left;background:var(--card);color:inherit;border:1px solid var(--line);border-radius:12px;padding:1.1rem 1.2rem;font:inherit;cursor:pointer;min-height:8.2rem;display:flex;flex-direction:column;gap:.15rem}
.card:hover{border-color:var(--green)}
.card strong{font-size:1.08rem;font-weight:650}
.card .who{color:var(--green);font-weight:600}
.card .what{color:var(--quiet)}
:focus-visible{outline:3px solid var(--green);outline-offset:2px}
.panel{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.5rem}
label{display:block;font-weight:600;margin:0 0 1rem}
input[type=text],input[type=password]{display:block;width:100%;margin-top:.3rem;padding:.6rem .7rem;font:inherit;color:inherit;background:var(--ground);border:1px solid var(--line);border-radius:8px}
.go{width:100%;padding:.65rem 1rem;font:inherit;font-weight:650;color:var(--on);background:var(--green);border:0;border-radius:8px;cursor:pointer}
.say{background:var(--warn-bg);color:var(--warn);border-radius:8px;padding:.6rem .8rem;margin:0 0 1rem}
footer{margin-top:1.5rem;color:var(--quiet);font-size:.85rem}
"""

MARK: Final = (
    '<svg width="40" height="40" viewBox="0 0 32 32" role="img" aria-label="Trellis">'
    '<rect width="32" height="32" rx="7" fill="#2f6b4f"/>'
    '<g fill="none" stroke="#dcefe4" stroke-width="2.2" stroke-linecap="round">'
    '<path d="M9 6v20M16 6v20M23 6v20M6 11h20M6 21h20"/></g>'
    '<path d="M9 26c0-6 7-4 7-10s7-4 7-10" fill="none" stroke="#8fd3ae" stroke-width="2.8" stroke-linecap="round"/></svg>'
)


def local_path(wanted: str | None) -> str:
    """Return a path of this server to go to after sign-in; the home page for anything else.

    Example:
        >>> local_path("/thresholds?month=2026-11"), local_path("//evil.example"), local_path(None)
        ('/thresholds?month=2026-11', '/', '/')
    """
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\", "/auth/")):
        return HOME
    if "\\" in wanted or not wanted.isprintable() or " " in wanted:
        return HOME
    parts = urlsplit(wanted)
    return HOME if parts.scheme or parts.netloc else wanted


def role_cards(people: Sequence[StaffMember], *, practice_name: str, wanted: str) -> str:
    """Write the demonstration's sign-in page: one card per role, one click each."""
    ranked = sorted(
        (person for person in people if person.access is not None),
        key=lambda person: _ORDER.index(person.access or AccessRole.AUDITOR),
    )
    cards = "".join(
        '<form method="post" action="/auth/sign-in">'
        f'<input type="hidden" name="next" value="{escape(wanted)}">'
        f'<input type="hidden" name="person" value="{escape(person.id)}">'
        f'<button class="card" type="submit"><strong>{escape(formats.role(person.access))}</strong>'
        f'<span class="who">{escape(person.signature)}</span>'
        f'<span class="what">{escape(_DAY_OF[person.access or AccessRole.AUDITOR])}</span></button></form>'
        for person in ranked
    )
    return _document(
        f"<p>{escape(practice_name)}. All patients are fictional. Choose whose day to see.</p>"
        f'<div class="cards">{cards}</div>'
    )


def password_form(*, wanted: str, said: str = "") -> str:
    """Write the sign-in page with name and password; the same sentence for every refusal."""
    notice = f'<div class="say" role="alert">{escape(said)}</div>' if said else ""
    return _document(
        f'<form method="post" action="/auth/sign-in" class="panel">{notice}'
        f'<input type="hidden" name="next" value="{escape(wanted)}">'
        '<label>Name<input type="text" name="name" autocomplete="username" required autofocus></label>'
        '<label>Password<input type="password" name="password" autocomplete="current-password" required></label>'
        '<button class="go" type="submit">Sign in</button></form>',
        is_narrow=True,
    )


def notice(sentence: str) -> str:
    """Write a page with one sentence and the way back."""
    return _document(
        f'<div class="panel"><p>{escape(sentence)}</p><a href="/auth/sign-in">Sign in</a></div>',
        is_narrow=True,
    )


def _document(inner: str, *, is_narrow: bool = False) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<title>Sign in · Trellis</title><link rel="icon" href="/favicon.png">'
        f"<style>{_font()}{_STYLE}</style></head><body><main{' class=narrow' if is_narrow else ''}>"
        f"<header>{MARK}<h1>Trellis</h1></header>{inner}"
        "<footer>Trellis documents care-management time. It gives no billing, coding or legal advice.</footer>"
        "</main></body></html>"
    )


def _font() -> str:
    """Return the rule for the dashboard's own typeface, which the frontend carries with it."""
    folder = Path(st.__file__).parent / "static" / "static" / "media"
    found = sorted(folder.glob("SourceSansVF-Upright*.woff2"))
    if not found:
        return ""
    return (
        "@font-face{font-family:'Source Sans';font-weight:200 900;font-display:swap;"
        f"src:url(/static/media/{found[0].name}) format('woff2')}}"
    )
