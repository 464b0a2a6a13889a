"""The same practice on both databases: the same chains, the same board, the same superbills."""

import json
import secrets
from collections.abc import Callable
from datetime import date
from itertools import count
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from tests.support.postgres import Databases
from trellis_core import cli
from trellis_core.ledger.journal import EVENT_FIELDS
from trellis_core.sample import load_sample
from trellis_core.services.integrity import check_store
from trellis_core.store.engine import open_store
from trellis_core.store.tables import EVENT

pytestmark = pytest.mark.postgres

DAY = date(2026, 11, 20)
_TIMELESS = EVENT_FIELDS.index("text_hmac")
"""Places of an event before those that depend on the second in which the test runs."""


@pytest.fixture
def start_counting(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what makes ids and salts count from one again instead of being drawn by lot."""

    def start() -> None:
        numbers = count(1)
        monkeypatch.setattr(secrets, "token_hex", lambda size=16: f"{next(numbers):0{2 * size}x}")
        monkeypatch.setattr(
            secrets, "token_bytes", lambda size=16: next(numbers).to_bytes(size, "big")
        )
        monkeypatch.setattr(
            "trellis_core.values.ids.uuid4", lambda: UUID(int=next(numbers), version=4)
        )

    return start


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert cli.main(list(words)) == 0
    said = capsys.readouterr()
    assert "Canary" not in said.out + said.err
    return said.out


def test_the_sample_practice_says_the_same_on_both(
    postgres: Databases,
    tmp_path: Path,
    start_counting: Callable[[], None],
    capsys: pytest.CaptureFixture[str],
):
    name = postgres.migrated()
    kept = []
    for url in (f"sqlite:///{tmp_path / 'trellis.db'}", postgres.url(name)):
        start_counting()
        store = open_store(url)
        load_sample(store, day=DAY)
        report = check_store(store)
        assert report.ok
        assert report.entries > 100
        with store.reading() as unit:
            events = unit.connection.execute(select(EVENT.c.body).order_by(EVENT.c.seq)).scalars()
            journal = [json.loads(body)[:_TIMELESS] for body in events]
        store.close()
        kept.append(
            {
                "heads": [(each.entries, each.head) for each in report.heads],
                "journal": journal,
                "board": answer(capsys, "board", "--month", "2026-11", "--json", "--store", url),
                "before": answer(capsys, "board", "--month", "2026-10", "--json", "--store", url),
                "superbills": answer(
                    capsys,
                    "superbills",
                    "2026-10",
                    "--format",
                    "json",
                    "--out",
                    "-",
                    "--store",
                    url,
                ),
            }
        )
    on_sqlite, on_postgres = kept
    for what in on_sqlite:
        assert on_postgres[what] == on_sqlite[what], what
    assert len(json.loads(on_sqlite["board"])["rows"]) > 20
    assert len(json.loads(on_sqlite["superbills"])["superbills"]) > 5
    postgres.drop(name)


def test_the_commands_work_on_a_server_and_never_say_its_password(
    postgres: Databases, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    """The password is not asked for on this server, and is in the URL all the same."""
    name = postgres.blank()
    url = postgres.url(name).replace("trellis_owner@", "trellis_owner:Canary@")
    answers = tmp_path / "answers.json"
    answers.write_text(
        json.dumps(
            {
                "practice": {"name": "Harbor Lane Clinic", "time_zone": "America/New_York"},
                "owner": {
                    "family_name": "Lantern",
                    "given_name": "Ada",
                    "credential": "MD",
                    "sign_in_name": "ada",
                    "password": "a long pass phrase",
                },
            }
        )
    )
    answer(capsys, "init", "--answers", str(answers), "--store", url, "--json")
    store = open_store(url)
    assert "Canary" not in store.url
    store.close()
    assert json.loads(answer(capsys, "check", "--json", "--store", url))["ok"]
    assert cli.main(["demo", "--fresh", "--store", url, "--no-browser"]) == 2
    refused = capsys.readouterr()
    assert "real people" in refused.err
    assert "Canary" not in refused.out + refused.err
    postgres.drop(name)
