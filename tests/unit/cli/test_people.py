"""``trellis people``: everybody, and the links they sign in with."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.signing_in import (
    HERE,
    NAMES,
    NEW_PASSWORD,
    NURSE,
    OWNER,
    PASSWORD,
    STRANGER,
    events,
    fill,
    opened,
)
from trellis_core.cli import main
from trellis_core.errors import SignInRefusedError
from trellis_core.ledger.journal import EventKind
from trellis_core.sample import load_sample
from trellis_core.services.invitations import use_link
from trellis_core.services.sign_in import actor_of_token, sign_in
from trellis_core.store.engine import Store
from trellis_core.values.clock import SystemClock

NEW = (
    *("--given-name", "Fern", "--family-name", "Alder", "--staff-role", "clinical_staff"),
    *("--credential", "RN", "--role", "coordinator", "--sign-in-name", "Fern"),
)
CLOCK = SystemClock()


@pytest.fixture
def store(any_store: Store) -> Store:
    fill(any_store)
    return any_store


def url_of(store: Store) -> str:
    return store.engine.url.render_as_string(hide_password=False)


@pytest.fixture
def people(store, capsys):
    """Run the command as an owner, or as somebody else; return its status and its answer."""

    def run(what, *words, who=NAMES[OWNER]):
        status = main(["people", what, *words, "--store", url_of(store), "--as", who, "--json"])
        told = capsys.readouterr()
        return status, json.loads(told.out) if status == 0 else told.err

    return run


def token_of(answer):
    return answer["link"]["address"].rpartition("/")[2]


def test_everybody_of_the_own_practice_is_listed(people):
    status, told = people("list")
    assert (status, told["schema"]) == (0, "trellis.people/1")
    assert {one["id"] for one in told["people"]} == {who.person_id for who in NAMES if who.practice_id == HERE}  # fmt: skip
    (nurse,) = [one for one in told["people"] if one["id"] == NURSE.person_id]
    assert nurse == {
        "id": NURSE.person_id,
        "name": NURSE.person_id,
        "role": "coordinator",
        "staff_role": "clinical_staff",
        "credential": None,
        "npi": None,
        "active": True,
        "sign_in_name": "ash",
        "can_sign_in": True,
        "has_codes": False,
        "is_locked": False,
        "has_link": False,
        "last_seen_at": None,
    }
    assert [one["sign_in_name"] for one in people("list", who="wren@there")[1]["people"]] == [
        "wren@there"
    ]


def test_a_new_person_signs_in_with_the_link_that_is_shown(store, people):
    _, told = people("add", *NEW, "--address", "https://trellis.example.org/")
    (made,) = told["people"]
    assert (made["name"], made["credential"], made["has_link"]) == ("Fern Alder", "RN", True)
    assert told["link"]["kind"] == "invitation"
    assert told["link"]["address"].startswith("https://trellis.example.org/auth/invite/")
    left = datetime.fromisoformat(told["link"]["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=71, minutes=50) < left <= timedelta(hours=72)
    use_link(token_of(told), PASSWORD, store=store, clock=CLOCK)
    assert sign_in("fern", PASSWORD, store=store, clock=CLOCK).actor.person_id == made["id"]
    assert people("list")[1]["people"][0]["id"] == made["id"]


def test_somebody_who_never_signs_in_gets_no_link(people):
    _, told = people("add", "--family-name", "Alder", "--staff-role", "non_clinical")
    assert (told["link"], told["people"][0]["role"]) == (None, None)


def test_a_reset_ends_what_is_open_and_shows_a_link_also_for_oneself(store, people):
    for who in (NURSE, OWNER):
        token, _ = opened(who, store=store, clock=CLOCK)
        _, told = people("reset", NAMES[who].upper())
        assert told["link"]["kind"] == "reset"
        assert told["link"]["address"].startswith("http://localhost:8501/auth/invite/")
        assert actor_of_token(token, store=store, clock=CLOCK) is None
        with pytest.raises(SignInRefusedError):
            sign_in(NAMES[who], PASSWORD, store=store, clock=CLOCK)
        use_link(token_of(told), NEW_PASSWORD, store=store, clock=CLOCK)
        assert opened(who, store=store, clock=CLOCK, password=NEW_PASSWORD)


def test_access_ends_and_comes_back_with_a_link(store, people):
    token, _ = opened(NURSE, store=store, clock=CLOCK)
    _, told = people("deactivate", NURSE.person_id)
    assert (told["people"][0]["active"], told["people"][0]["can_sign_in"]) == (False, False)
    assert actor_of_token(token, store=store, clock=CLOCK) is None
    assert people("deactivate", NURSE.person_id)[0] == 0  # twice is no error
    assert people("reset", NURSE.person_id)[0] == 2
    _, told = people("reactivate", NURSE.person_id)
    use_link(token_of(told), NEW_PASSWORD, store=store, clock=CLOCK)
    assert opened(NURSE, store=store, clock=CLOCK, password=NEW_PASSWORD)
    _, told = people("reactivate", NURSE.person_id)
    assert told["link"] is None
    assert opened(NURSE, store=store, clock=CLOCK, password=NEW_PASSWORD)


def test_a_change_of_role_leaves_everything_else(people):
    people("change", "ash", "--given-name", "Ash", "--npi", "1234567893", "--credential", "LPN")
    _, told = people("change", "ash", "--role", "biller")
    (made,) = told["people"]
    assert (made["role"], made["name"], made["npi"], made["credential"]) == (
        "biller",
        f"Ash {NURSE.person_id}",
        "1234567893",
        "LPN",
    )
    assert people("change", "ash", "--role", "none")[1]["people"][0]["role"] is None


@pytest.mark.parametrize(
    ("words", "who", "told"),
    [
        (("list",), "ash", "may not do this"),
        (("add", *NEW), "ash", "may not do this"),
        (("deactivate", "ash"), "ash", "may not do this"),
        (("reset", "ash"), "ash", "may not do this"),
        (("deactivate", "wren@here"), "wren@here", "keeps an active owner"),
        (("change", "wren@here", "--role", "biller"), "wren@here", "keeps an active owner"),
        (("deactivate", "wren@there"), "wren@here", "No person 'wren@there'"),
        (("reset", "nobody"), "wren@here", "No person 'nobody'"),
        (("list",), "nobody", "No active person 'nobody'"),
        (("list",), OWNER.person_id, "sign-in name of the one who acts"),
        (("add", *NEW[:-1], "ash"), "wren@here", "name is taken"),
        (("add", *NEW[:-2]), "wren@here", "needs a name"),
        (("add", *NEW, "--npi", "1"), "wren@here", "is not an NPI"),
        (("add", *NEW, "--address", "trellis"), "wren@here", "--address begins"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence_and_changes_nobody(people, words, who, told):
    before = people("list")[1]
    status, said = people(*words, who=who)
    assert status == 2
    assert told in said
    assert said.count("\n") == 1
    assert people("list")[1] == before


@pytest.mark.parametrize("words", [["people"], ["people", "add"], ["people", "reset"]])
def test_usage_is_told(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2


def test_people_read_a_table_and_the_link_alone_on_standard_output(store, capsys):
    common = ["--store", url_of(store), "--as", NAMES[OWNER]]
    assert main(["people", "add", *NEW, *common]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[1].startswith("http://localhost:8501/auth/invite/")
    assert "hand it over yourself" in told.err
    main(["people", "deactivate", "ash", *common])
    capsys.readouterr()
    assert main(["people", "list", *common]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["id", "name", "role", "profession", "signs", "in", "as", "sign-in"]
    assert lines[1].endswith("Fern Alder, RN  coordinator  clinical_staff  fern         link not used yet")  # fmt: skip
    assert lines[-1].endswith("left")


def test_the_journal_has_each_command_and_no_token(store, people):
    _, told = people("add", *NEW)
    token = token_of(told)
    people("deactivate", "ash")
    run = [one[1] for one in events(store) if one[0] is EventKind.COMMAND_RUN]
    assert run == ["people add", "people deactivate"]
    with store.reading() as unit:
        bodies = unit.connection.exec_driver_sql("SELECT body FROM event").scalars().all()
    assert not [body for body in bodies if token in body]
    assert STRANGER.practice_id not in "".join(body for body in bodies if "command_run" in body)


def test_in_the_sample_nobody_needs_a_link_and_none_is_made(tmp_path: Path, capsys):
    from trellis_core.store.engine import open_store

    url = f"sqlite:///{tmp_path / 'sample.db'}"
    sample = open_store(url)
    load_sample(sample, day=datetime.now(UTC).date())
    sample.close()
    assert main(["people", "add", *NEW, "--store", url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["link"] is None
    assert main(["people", "reset", "fern", "--store", url]) == 2
    assert "sample practice" in capsys.readouterr().err
