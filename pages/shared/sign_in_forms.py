"""The pages that follow a right password, a link, or the wish to leave; as plain as the first one."""

from collections.abc import Sequence
from html import escape
from typing import Final

import segno

from pages.shared.sign_in_page import document, hidden, notice_of
from trellis_core.services.invitations import Invited, LinkKind
from trellis_core.services.passwords import SHORTEST_PASSWORD
from trellis_core.services.second_factor import SetUp

WRONG_CODE: Final = (
    "That code was not accepted. Type the one that the app shows now, or a spare code that you have "
    "not used. After ten refusals, wait a minute."
)
WRONG_PASSWORD: Final = "That password was not accepted. Try again."  # noqa: S105 - a sentence
TOO_LATE: Final = "That took more than ten minutes. Sign in again."
OVER: Final = "This session is over. Sign in again."
PASSWORDS_DIFFER: Final = "The two passwords differ. Type the same one twice."
DEAD_LINK: Final = (
    "This link was used before or is too old. Ask the practice's owner for another one. If you have "
    "set your password already, sign in with it."
)

_CODE_FIELD: Final = (
    '<input class="code" type="text" name="code" inputmode="numeric" autocomplete="one-time-code" '
    'maxlength="20" required autofocus>'
)


def code_page(*, wanted: str, said: str = "") -> str:
    """Write the form for a one-time code, and the one for a spare code."""
    return document(
        f'<div class="panel"><h2>One-time code</h2>{notice_of(said)}'
        f'<form method="post" action="/auth/code">{hidden("next", wanted)}'
        '<label>Code<span class="hint">The six digits that your authenticator app shows now.</span>'
        f"{_CODE_FIELD}</label>"
        '<button class="go" type="submit">Go on</button></form>'
        "<details><summary>Use a spare code</summary>"
        f'<form method="post" action="/auth/code">{hidden("next", wanted)}'
        '<label>Spare code<span class="hint">One of those that you wrote down. Each is good once.</span>'
        '<input class="code" type="text" name="code" autocomplete="off" autocapitalize="none" '
        'spellcheck="false" maxlength="40" required></label>'
        '<button class="go" type="submit">Use the spare code</button></form></details>'
        '<p class="after"><a href="/auth/sign-in">Start again</a></p></div>',
        title="One-time code",
        is_narrow=True,
    )


def ask_password_page(*, wanted: str, said: str = "") -> str:
    """Write the page that asks a signed-in person's password before codes are set up."""
    return document(
        '<div class="panel"><h2>Set up one-time codes</h2>'
        f"<p>Type your password first.</p>{notice_of(said)}"
        f'<form method="post" action="/auth/second-factor">{hidden("next", wanted)}'
        '<label>Password<input type="password" name="password" autocomplete="current-password" '
        "required autofocus></label>"
        '<button class="go" type="submit">Go on</button></form>'
        f'<p class="after"><a href="{escape(wanted)}">Not now</a></p></div>',
        title="Set up one-time codes",
        is_narrow=True,
    )


def set_up_page(set_up: SetUp, *, wanted: str, is_needed: bool, said: str = "") -> str:
    """Write the page that shows a new secret and asks for its first code.

    Args:
        set_up: The secret.
        wanted: Where to go then.
        is_needed: The practice asks for it; nobody gets on without.
        said: Why the last code was not accepted.
    """
    picture = segno.make_qr(set_up.address, error="m").svg_data_uri(
        scale=4, border=4, dark="#000", light="#fff", omitsize=True
    )
    why = (
        "Your practice asks for a code from your telephone besides the password."
        if is_needed
        else "A password that somebody learned is then not enough to sign in as you."
    )
    return document(
        f'<div class="panel"><h2>Set up one-time codes</h2><p>{why}</p>'
        "<ol><li>Open an authenticator app on your telephone, and let it read this picture.</li></ol>"
        f'<img class="qr" src="{escape(picture)}" width="208" height="208" '
        'alt="QR code for an authenticator app. The key below it says the same.">'
        f"<p>Or type this key into the app: <strong><code>{_in_fours(set_up.secret)}</code></strong></p>"
        '<ol start="2"><li>Type the six digits that the app shows then.</li></ol>'
        f'{notice_of(said)}<form method="post" action="/auth/second-factor">{hidden("next", wanted)}'
        f"<label>Code{_CODE_FIELD}</label>"
        '<button class="go" type="submit">Switch codes on</button></form>'
        f"{'' if is_needed else _not_now(wanted)}</div>",
        title="Set up one-time codes",
        is_narrow=True,
    )


def _not_now(wanted: str) -> str:
    return f'<p class="after"><a href="{escape(wanted)}">Not now</a></p>'


def _in_fours(secret: str) -> str:
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def spare_codes_page(codes: Sequence[str], *, wanted: str) -> str:
    """Write the page that shows the spare codes, once."""
    listed = "".join(f"<li><code>{escape(code)}</code></li>" for code in codes)
    return document(
        '<div class="panel"><h2>Write down your spare codes</h2>'
        "<p>One-time codes are on. If your telephone is lost, each of these signs you in once "
        "instead. They are shown this one time: write them down or print this page, and keep them "
        f'where nobody else looks.</p><ol class="spare">{listed}</ol>'
        f'<a class="go" href="{escape(wanted)}">I have written them down</a></div>',
        title="Spare codes",
        is_narrow=True,
    )


def link_page(invited: Invited, *, said: str = "") -> str:
    """Write the page of an invitation or a reset: a new password, twice."""
    heading = "Set a new password" if invited.kind is LinkKind.RESET else "Welcome to Trellis"
    return document(
        f'<div class="panel"><h2>{heading}</h2>'
        f"<p><strong>{escape(invited.practice_name)}</strong><br>{escape(invited.member.signature)}</p>"
        f"{notice_of(said)}"
        '<form method="post" action="/auth/invite">'
        '<label>You sign in as<input type="text" name="username" autocomplete="username" readonly '
        f'value="{escape(invited.sign_in_name)}"></label>'
        '<label>New password<span class="hint" id="rule">'
        f"{SHORTEST_PASSWORD} characters or more. A few words are easy to remember.</span>"
        f'<input type="password" name="password" autocomplete="new-password" minlength="{SHORTEST_PASSWORD}" '
        'aria-describedby="rule" required autofocus></label>'
        '<label>The same again<input type="password" name="again" autocomplete="new-password" '
        f'minlength="{SHORTEST_PASSWORD}" required></label>'
        '<button class="go" type="submit">Set password</button></form></div>',
        title=heading,
        is_narrow=True,
    )


def sign_out_page() -> str:
    """Write the page that asks before it signs out: another site sent the browser there."""
    return document(
        '<div class="panel"><h2>Sign out?</h2>'
        "<p>Another site opened this address. Nothing was done.</p>"
        '<form method="post" action="/auth/sign-out">'
        '<button class="go" type="submit">Sign out</button></form>'
        '<p class="after"><a href="/">Back to Trellis</a></p></div>',
        title="Sign out",
        is_narrow=True,
    )
