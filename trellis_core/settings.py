"""What the machine's owner may set: where the store is, and the day of a demonstration.

Read from the environment once, at start. Everything a practice decides about itself is in its
store, never here.
"""

from datetime import date
from pathlib import Path

from platformdirs import user_data_path
from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL


class Settings(BaseSettings):
    """Settings from ``DATABASE_URL`` and the ``TRELLIS_…`` variables.

    Attributes:
        database_url: Where the store is (``DATABASE_URL``); None for a file in the data folder.
        data_folder: Where Trellis keeps its files (``TRELLIS_DATA_FOLDER``).
        today: The day a demonstration takes place on (``TRELLIS_TODAY``); None for the calendar's.
        signing_key: The file of the key that signs checkpoints (``TRELLIS_SIGNING_KEY``); None for one
            in the data folder.
        checkpoints: The file that checkpoints are added to (``TRELLIS_CHECKPOINTS``); None for one
            beside the store.
        backup_recipients: Public keys of age that backups are made for, with commas or blanks between
            (``TRELLIS_BACKUP_RECIPIENTS``); None for those that a command names.
        secret: The server's secret (``TRELLIS_SECRET``); None for none, or one in a file.
        secret_previous: The one before it, while a change of it goes on (``TRELLIS_SECRET_PREVIOUS``).
        secret_file: The file that holds the secret (``TRELLIS_SECRET_FILE``).
        public_url: Where other machines reach the dashboard (``TRELLIS_PUBLIC_URL``); set by
            ``trellis serve --public``, which checks what belongs to it. None for this machine only.
        public_hosts: Further names that the dashboard answers to, with blanks between
            (``TRELLIS_PUBLIC_HOSTS``).
        proxies: The addresses of the program that speaks TLS for it, with blanks between
            (``TRELLIS_PROXIES``); None where it speaks TLS itself.
    """

    model_config = SettingsConfigDict(
        env_prefix="TRELLIS_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    database_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("database_url", "DATABASE_URL", "TRELLIS_DATABASE_URL"),
    )
    data_folder: Path = Field(default_factory=lambda: user_data_path("trellis", appauthor=False))
    today: date | None = None
    signing_key: Path | None = None
    checkpoints: Path | None = None
    backup_recipients: str | None = None
    secret: SecretStr | None = None
    secret_previous: SecretStr | None = None
    secret_file: Path | None = None
    public_url: str | None = None
    public_hosts: str | None = None
    proxies: str | None = None


def load_settings() -> Settings:
    """Read the settings from the environment."""
    return Settings()


def default_store_url(settings: Settings) -> str:
    """Return the store's URL: the one that was set, or a SQLite file in the data folder.

    Example:
        >>> default_store_url(Settings(database_url="sqlite:////srv/trellis/practice.db"))
        'sqlite:////srv/trellis/practice.db'
    """
    if settings.database_url is not None:
        return settings.database_url
    path = settings.data_folder.expanduser().absolute() / "trellis.db"
    return sqlite_url(path)


def sqlite_url(path: Path) -> str:
    """Return the URL of a store in one SQLite file.

    Example:
        >>> sqlite_url(Path("/srv/trellis.db"))
        'sqlite:////srv/trellis.db'
    """
    return URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)
