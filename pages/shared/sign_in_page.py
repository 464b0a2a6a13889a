"""The pages of signing in: plain server-rendered HTML in the dashboard's look, without a script.

Here is what all of them share, and the first of them: the role cards of a demonstration, and the
form for name and password. Those that follow are in ``sign_in_forms``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

import streamlit as st

from pages.shared import formats
from trellis_core.access import AccessRole
from trellis_core.care.people import StaffMember
from trellis_core.care.vocabulary import Credential, StaffRole

HOME: Final = "/"
SOMEBODY_ELSE: Final = "/auth/sign-in?as=other"

_DAY_OF: Final = {
    AccessRole.COORDINATOR: "Log time, call patients, keep plans and consents current.",
    AccessRole.BILLER: "Review the month and download superbills.",
    AccessRole.OWNER: "See what a program brings, and everything else.",
    AccessRole.AUDITOR: "Follow every minute and verify the ledger. Reads only.",
    AccessRole.OWN_WORK: "See and document your own clinical work.",
}
_OWN_DAY_OF: Final = {
    StaffRole.PSYCHIATRIC_CONSULTANT: "Review the collaborative care caseload and advise.",
    StaffRole.BILLING_PRACTITIONER: "See your patients' time and document your decisions.",
}
_ORDER: Final = tuple(_DAY_OF)

_STYLE: Final = """
:root{color-scheme:light dark;--ground:#f6f8f5;--card:#fff;--ink:#1e2621;--quiet:#5c665f;--line:#dde3dc;--edge:#868f88;--green:#2f6b4f;--on:#fff;--warn:#7a4d12;--warn-bg:#fbf3e4}
@media(prefers-color-scheme:dark){:root{--ground:#121613;--card:#1b211d;--ink:#e6ece7;--quiet:#a3aea7;--line:#343d37;--edge:#6f7a73;--green:#6fbf95;--on:#10201a;--warn:#e9c27f;--warn-bg:#2e2618}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--ground);color:var(--ink);font:17px/1.5 "Source Sans",system-ui,-apple-system,"Segoe UI",sans-serif;padding:2rem 1rem}
main{width:100%;max-width:46rem;min-width:0;overflow-wrap:anywhere}
main.narrow{max-width:25rem}
header{display:flex;align-items:center;gap:.75rem;margin-bottom:1.25rem}
h1{font-size:1.6rem;font-weight:650;margin:0;letter-spacing:-.01em}
h2{font-size:1.25rem;font-weight:650;margin:0 0 .9rem;line-height:1.3}
h2+p{margin-top:-.55rem}
p{margin:.25rem 0 1.1rem;color:var(--quiet)}
.panel p strong,.panel li strong{color:var(--ink);font-weight:600}
a{color:var(--green);text-underline-offset:.15em}
.banner{background:var(--warn-bg);color:var(--warn);border-radius:8px;padding:.6rem .8rem;margin:0 0 1rem;font-weight:600}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(20rem,100%),1fr));gap:.9rem}
form{margin:0}
.cards form{display:flex;min-width:0}
.card{width:100%;text-align:left;background:var(--card);color:inherit;border:1px solid var(--line);border-radius:12px;padding:1.1rem 1.2rem;font:inherit;cursor:pointer;min-height:8.2rem;display:flex;flex-direction:column;gap:.15rem;overflow-wrap:anywhere}
.card:hover{border-color:var(--green)}
.card strong{font-size:1.08rem;font-weight:650}
.card .who{color:var(--green);font-weight:600}
.card .what{color:var(--quiet)}
.card.on{border:2px solid var(--green);grid-column:1/-1;min-height:0}
.cards form.wide{grid-column:1/-1}
:focus-visible{outline:3px solid var(--green);outline-offset:2px}
.panel{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.5rem}
label{display:block;font-weight:600;margin:0 0 1rem}
label .hint{display:block;font-weight:400;color:var(--quiet);font-size:.93rem}
input[type=text],input[type=password]{display:block;width:100%;margin-top:.3rem;padding:.6rem .7rem;font:inherit;color:inherit;background:var(--ground);border:1px solid var(--edge);border-radius:8px}
input.code{font-variant-numeric:tabular-nums;letter-spacing:.15em}
.go{display:block;width:100%;padding:.65rem 1rem;font:inherit;font-weight:650;text-align:center;text-decoration:none;color:var(--on);background:var(--green);border:0;border-radius:8px;cursor:pointer}
.say{background:var(--warn-bg);color:var(--warn);border-radius:8px;padding:.6rem .8rem;margin:0 0 1rem}
.after{margin:1rem 0 0;font-size:.95rem}
details{margin-top:1rem}
summary{cursor:pointer;color:var(--green);font-size:.95rem}
details form{margin-top:.8rem}
ol{margin:0 0 1.1rem;padding-left:1.3rem}
li{margin:0 0 .4rem}
strong code{display:block}
code{font:1rem/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.qr{display:block;width:13rem;max-width:100%;height:auto;margin:0 auto 1rem;border-radius:8px}
.spare{list-style:none;padding:.8rem 1rem;margin:0 0 1.1rem;display:grid;grid-template-columns:1fr 1fr;gap:.3rem 1rem;background:var(--ground);border:1px solid var(--line);border-radius:8px}
.spare li{margin:0;text-align:center}
footer{margin-top:1.5rem;color:var(--quiet);font-size:.85rem}
@media print{.go,footer,.after{display:none}}
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


def path_with_next(path: str, wanted: str) -> str:
    """Return the address of a page of signing in that goes on to another page afterwards.

    Example:
        >>> path_with_next("/auth/code", "/ccm?month=2026-11"), path_with_next("/auth/code", "/")
        ('/auth/code?next=/ccm%3Fmonth%3D2026-11', '/auth/code')
    """
    return path if wanted == HOME else f"{path}?next={quote(wanted, safe='/')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoOn:
    """Whose session of a demonstration went idle.

    Attributes:
        minutes: After so many without use.
    """

    person: StaffMember
    minutes: int


def shown_on_cards(people: Sequence[StaffMember]) -> tuple[StaffMember, ...]:
    """Return whom a demonstration's cards stand for: one person per role, in the cards' order.

    Whoever signs in for their own clinical work stands for their profession. Of several people a
    nurse is taken.
    """
    ranked = sorted(people, key=lambda person: person.credential is Credential.RN)
    found = {
        (person.access, person.role if person.access is AccessRole.OWN_WORK else None): person
        for person in ranked
        if person.access is not None
    }
    return tuple(sorted(found.values(), key=_place))


def _place(person: StaffMember) -> tuple[int, str]:
    return (_ORDER.index(person.access or AccessRole.OWN_WORK), str(person.role))


def role_cards(
    people: Sequence[StaffMember],
    *,
    practice_name: str,
    wanted: str,
    go_on: GoOn | None = None,
) -> str:
    """Write the demonstration's sign-in page: one card per role, one click each.

    Args:
        people: Who stands for a role, in this order.
        practice_name: The sample practice.
        wanted: Where to go then.
        go_on: Whose session went idle; they come first, and only they go where they were.
    """
    first, rest, heading = "", people, ""
    if go_on is not None:
        rest = [person for person in people if person.id != go_on.person.id]
        first = _card(go_on.person, wanted=wanted, is_going_on=True)
        wanted = HOME
        heading = f"<h2>{_locked_after(go_on.minutes)}</h2>"
    cards = first + "".join(_card(person, wanted=wanted) for person in rest)
    return document(
        f'{heading}<div class="banner">All patients are fictional.</div>'
        f"<p>{escape(practice_name)}. Choose whose day to see.</p>"
        f'<div class="cards">{cards}</div>'
    )


def _card(person: StaffMember, *, wanted: str, is_going_on: bool = False) -> str:
    is_own = person.access is AccessRole.OWN_WORK
    title = formats.words(person.role) if is_own else formats.role(person.access)
    day = _DAY_OF[person.access or AccessRole.OWN_WORK]
    day = _OWN_DAY_OF.get(person.role, day) if is_own else day
    if is_going_on:
        title, who = f"Go on as {person.signature}", title
        day = "A running timer keeps running, and an unsaved note is kept."
    else:
        who = person.signature
    wide, on = (' class="wide"', " on") if is_going_on else ("", "")
    return (
        f'<form method="post" action="/auth/sign-in"{wide}>{hidden("next", wanted)}'
        f"{hidden('person', person.id)}"
        f'<button class="card{on}" type="submit"><strong>{escape(title)}</strong>'
        f'<span class="who">{escape(who)}</span>'
        f'<span class="what">{escape(day)}</span></button></form>'
    )


def password_form(*, wanted: str, said: str = "") -> str:
    """Write the sign-in page with name and password; the same sentence for every refusal."""
    return document(
        f'<div class="panel"><h2>Sign in</h2>{notice_of(said)}'
        f'<form method="post" action="/auth/sign-in">{hidden("next", wanted)}'
        '<label>Name<input type="text" name="name" autocomplete="username" autocapitalize="none" '
        'spellcheck="false" maxlength="200" required autofocus></label>'
        '<label>Password<input type="password" name="password" autocomplete="current-password" required></label>'
        '<button class="go" type="submit">Sign in</button></form>'
        '<p class="after">Forgotten your password? An owner of your practice can make you a link '
        "to set another.</p></div>",
        is_narrow=True,
    )


def lock_page(person: StaffMember, *, minutes: int, wanted: str, said: str = "") -> str:
    """Write the page of a session that went idle: its person's password opens it again.

    Args:
        person: Whose session it is.
        minutes: After so many without use it was locked.
        wanted: Where that person was.
        said: Why the last password was not accepted.
    """
    return document(
        f'<div class="panel"><h2>{_locked_after(minutes)}</h2>'
        f"<p><strong>{escape(person.signature)}</strong><br>"
        "A running timer keeps running, and an unsaved note is kept.</p>"
        f'{notice_of(said)}<form method="post" action="/auth/unlock">{hidden("next", wanted)}'
        '<label>Password<input type="password" name="password" autocomplete="current-password" '
        "required autofocus></label>"
        '<button class="go" type="submit">Unlock</button></form>'
        f'<p class="after"><a href="{SOMEBODY_ELSE}">Somebody else</a></p></div>',
        title="Locked",
        is_narrow=True,
    )


def _locked_after(minutes: int) -> str:
    return f"Locked after {formats.count(minutes, 'minute')} without use"


def notice(sentence: str, *, way: str = "/auth/sign-in", label: str = "Sign in") -> str:
    """Write a page with one sentence and the way on."""
    return document(
        f'<div class="panel"><p>{escape(sentence)}</p>'
        f'<a class="go" href="{escape(way)}">{escape(label)}</a></div>',
        is_narrow=True,
    )


# --- what every page of signing in is made of -------------------------------------------------


def hidden(name: str, value: str) -> str:
    """Write a field that the form sends along."""
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'


def notice_of(said: str) -> str:
    """Write what is said above a form; nothing for nothing."""
    return f'<div class="say" role="alert">{escape(said)}</div>' if said else ""


def document(inner: str, *, title: str = "Sign in", is_narrow: bool = False) -> str:
    """Write a whole page around markup that holds escaped text only."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{escape(title)} · Trellis</title><link rel="icon" href="/favicon.png">'
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
