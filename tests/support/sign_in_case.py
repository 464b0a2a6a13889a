"""The real server's routes and all that stands before them, on a store of its own, without a network."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser

import pyotp
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from pages.shared import server, store
from tests.support.empty_store import empty_store
from trellis_core.access import AccessRole, Actor
from trellis_core.care.people import Practice, StaffMember
from trellis_core.care.vocabulary import Credential, StaffRole
from trellis_core.services import invitations, people, second_factor
from trellis_core.services import practice as practices
from trellis_core.services import sign_in as sign_ins
from trellis_core.services.journal import journal
from trellis_core.services.sign_in import SignInRules
from trellis_core.values.clock import FixedClock

START = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
OWNER_PASSWORD = "the owner's own password"
PASSWORD = "a long enough password"
HOSTILE = "\"'><script>alert(1)</script>"
HTML = {"accept": "text/html,*/*"}


def person(number, access, *, family=None, role=StaffRole.CLINICAL_STAFF, credential=Credential.RN):
    return StaffMember(
        id=f"s{number}",
        role=role,
        credential=credential,
        given_name="Ana",
        family_name=family or f"Person{number}",
        access=access,
    )


@dataclass
class Case:
    """A practice and a browser that nobody is signed in with."""

    browser: object
    clock: FixedClock
    owner: Actor = field(
        default_factory=lambda: Actor(practice_id="p1", person_id="s1", role=AccessRole.OWNER)
    )

    @property
    def origin(self):
        return f"{self.browser.scheme}://localhost"

    def another_browser(self):
        return Case(type(self.browser)(self.browser.app), self.clock, self.owner)

    def get(self, path, **headers):
        sent = HTML | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.browser.get(path, headers=sent)

    def post(self, path, data=None, **headers):
        sent = {"origin": self.origin}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.browser.post(path, data=data or {}, headers=sent)

    @property
    def token(self):
        return self.browser.cookies.get(store.COOKIE)

    def is_inside(self, token=None):
        cookie = f"{store.COOKIE}={token or self.token}"
        return self.browser.get("/x", headers={"cookie": cookie}).text == "inside"

    def sign_in(self, name="ben", password=PASSWORD, wanted="/"):
        return self.post("/auth/sign-in", {"name": name, "password": password, "next": wanted})

    def add(self, number, access, name, *, password=PASSWORD, **more):
        """Add a person who has used the invitation."""
        member = people.add_person(
            person(number, access, **more),
            sign_in_name=name,
            store=store.store(),
            actor=self.owner,
            clock=self.clock,
        )
        if password is not None:
            link = self.link(member.id)
            invitations.use_link(link.token, password, store=store.store(), clock=self.clock)
        return member

    def link(self, staff_id):
        return invitations.make_link(
            staff_id, store=store.store(), actor=self.owner, clock=self.clock
        )

    def actor(self, number, access):
        return Actor(practice_id="p1", person_id=f"s{number}", role=access)

    def rules(self, **rules):
        people.set_rules_of_sign_in(
            SignInRules(**rules), store=store.store(), actor=self.owner, clock=self.clock
        )

    def give_codes(self, actor):
        """Set a person's codes up; return the secret and the spare codes."""
        begun = second_factor.begin_set_up(label="label", store=store.store(), actor=actor)
        spare = second_factor.confirm_set_up(
            self.code(begun.secret), store=store.store(), actor=actor, clock=self.clock
        )
        self.clock.advance(minutes=1)
        return begun.secret, spare

    def code(self, secret):
        return pyotp.TOTP(secret).at(self.clock.now())

    def session(self, staff_id="s2"):
        """Put a session of the sample practice into the browser."""
        opened = sign_ins.demo_sign_in(staff_id, store=store.store(), clock=self.clock)
        self.browser.cookies[store.COOKIE] = opened.token
        return opened.token

    def events(self, *kinds):
        """Return the journal's events of some kinds, the newest first."""
        return journal(kinds=kinds, store=store.store(), actor=self.owner).events


@contextmanager
def practice(tmp_path, monkeypatch, asgi_browser, *, is_sample=False, others=()) -> Iterator[Case]:
    """A practice with an owner, ``ana``, and a coordinator, ``ben``; or a sample practice."""
    clock = FixedClock(START)
    monkeypatch.setattr(store, "clock", lambda: clock)
    monkeypatch.setenv("DATABASE_URL", empty_store(tmp_path / "trellis.db"))
    monkeypatch.delenv("TRELLIS_DEMO", raising=False)
    practices.create_practice(
        practices.CreatePractice(
            practice=Practice(id="p1", name=f"Practice {HOSTILE}", is_sample=is_sample),
            owner=person(1, AccessRole.OWNER, family="Oak"),
            sign_in_name=None if is_sample else "ana",
            password=None if is_sample else OWNER_PASSWORD,
            others=others,
        ),
        store=store.store(),
        clock=clock,
    )
    case = Case(asgi_browser(_app()), clock)
    try:
        if not is_sample:
            case.add(2, AccessRole.COORDINATOR, "ben", family=f"Beech {HOSTILE}")
        yield case
    finally:
        store.close_all()


def _app():
    async def anything(request):
        return PlainTextResponse("inside")

    parts = server.server_parts()
    return Starlette(
        routes=[*parts.routes, Route("/{path:path}", anything, methods=["GET", "POST"])],
        middleware=list(parts.middleware),
    )


class _Fields(HTMLParser):
    def __init__(self):
        super().__init__()
        self.inputs, self.tags, self.links, self.images = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "input":
            self.inputs.append(dict(attrs))
        if tag == "a":
            self.links.append(dict(attrs).get("href"))
        if tag == "img":
            self.images.append(dict(attrs))


def read(text):
    """Return what a page is made of: its fields, tags, links and pictures."""
    found = _Fields()
    found.feed(text)
    return found


def field_named(text, name):
    """Return the value of a page's field of that name; None where there is none."""
    return next((each.get("value") for each in read(text).inputs if each.get("name") == name), None)


def cookie_of(answer, name):
    """Return an answer's cookie as its parts in small letters, the value first."""
    for each in answer.set_cookies:
        if each.startswith(f"{name}="):
            first, *rest = (part.strip() for part in each.split(";"))
            return [first.partition("=")[2], *sorted(part.lower() for part in rest)]
    return None
