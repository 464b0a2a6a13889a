"""Settings come from the environment, and the store's place from the settings."""

from datetime import date
from pathlib import Path

import pytest

from trellis_core.settings import default_store_url, load_settings, sqlite_url
from trellis_core.store.engine import open_store


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "TRELLIS_DATABASE_URL", "TRELLIS_TODAY", "TRELLIS_DATA_FOLDER"):
        monkeypatch.delenv(name, raising=False)


def test_without_settings_the_store_is_a_file_in_the_users_data_folder(monkeypatch):
    settings = load_settings()
    assert settings.today is None
    url = default_store_url(settings)
    assert url.startswith("sqlite:////")
    assert url.endswith("/trellis.db")


def test_the_database_url_decides_over_the_folder(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "sqlite:////srv/one.db")
    monkeypatch.setenv("TRELLIS_DATA_FOLDER", "/srv/data")
    assert default_store_url(load_settings()) == "sqlite:////srv/one.db"


def test_empty_variables_are_as_if_not_set(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("TRELLIS_TODAY", "")
    settings = load_settings()
    assert (settings.database_url, settings.today) == (None, None)


def test_folder_and_day_are_read(monkeypatch, tmp_path):
    monkeypatch.setenv("TRELLIS_DATA_FOLDER", str(tmp_path))
    monkeypatch.setenv("TRELLIS_TODAY", "2026-11-20")
    settings = load_settings()
    assert settings.today == date(2026, 11, 20)
    assert default_store_url(settings) == f"sqlite:///{tmp_path}/trellis.db"


@pytest.mark.parametrize("name", ["with space", "per%cent", "que?stion", "ha#sh", "\u00fcmlaut"])
def test_odd_folder_names_open(tmp_path: Path, name):
    path = tmp_path / name / "trellis.db"
    open_store(sqlite_url(path)).close()
    assert path.exists()
