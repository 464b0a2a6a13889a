"""Whose a file is that the server holds for a browser, without a server."""

import asyncio
import contextvars
from datetime import UTC, datetime, timedelta

import pytest
from streamlit.runtime import memory_media_file_storage
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.media_file_storage import MediaFileKind, MediaFileStorageError

from pages.shared import media, store
from trellis_core.values.clock import FixedClock

BIG = bytes(2 * 1024 * 1024)


@pytest.fixture
def clock(monkeypatch):
    fixed = FixedClock(datetime(2026, 11, 20, 15, 0, tzinfo=UTC))
    monkeypatch.setattr(store, "clock", lambda: fixed)
    return fixed


@pytest.fixture
def files(clock, monkeypatch):
    monkeypatch.setattr(media, "_held", {})
    return media.OwnedFiles("/media")


def made_for(token, files, content=b"paper", name="a.pdf", kind=MediaFileKind.DOWNLOADABLE):
    """Make a file as a click does: in a context of its own."""

    def make():
        media.belongs_to(token)
        return files.get_url(files.load_and_get_id(content, "application/pdf", kind, name))

    return contextvars.copy_context().run(make)


def test_only_the_sign_in_that_had_a_file_made_may_fetch_it(files):
    address = made_for("ada", files)
    assert media.refusal(address, "ada") is None
    assert media.refusal(address, "ben") == 403
    assert media.refusal(address, None) == 403


def test_a_file_made_for_nobody_is_given_to_nobody(files):
    address = files.get_url(
        files.load_and_get_id(b"x", "application/pdf", MediaFileKind.DOWNLOADABLE, "a.pdf")
    )
    assert media.refusal(address, None) == 403
    assert media.refusal(address, "ada") == 403


@pytest.mark.parametrize("name", ["", "x", "x.pdf", "../x", "/", ".pdf", "a/b.pdf", "%2e%2e"])
def test_an_unknown_file_is_not_there(files, name):
    made_for("ada", files)
    assert media.refusal(f"/media/{name}", "ada") == 404


def test_equal_bytes_of_two_people_are_two_files(files):
    first, second = made_for("ada", files), made_for("ben", files)
    assert first != second
    assert (media.refusal(first, "ben"), media.refusal(second, "ada")) == (403, 403)
    assert (media.refusal(first, "ada"), media.refusal(second, "ben")) == (None, None)


def test_the_same_file_for_the_same_person_is_one(files):
    assert made_for("ada", files) == made_for("ada", files)


def test_files_of_one_size_that_differ_in_a_byte_of_the_middle_are_two(files):
    """Streamlit itself looks at parts of a large file only, and would give both one name."""
    other = bytearray(BIG)
    other[300_000] = 1
    plain = memory_media_file_storage._calculate_file_id
    assert plain(BIG, "x", "a") == plain(bytes(other), "x", "a")
    first, second = made_for("ada", files, BIG), made_for("ada", files, bytes(other))
    assert first != second
    assert files.get_file(second.removeprefix("/media/")).content == bytes(other)


def test_a_name_cannot_be_computed_from_what_is_in_the_file(files, monkeypatch):
    first = made_for("ada", files)
    monkeypatch.setattr(media, "_SECRET", b"another server")
    assert made_for("ada", files) != first


@pytest.mark.parametrize(("after", "status"), [(300, None), (301, 404)])
def test_a_download_can_be_fetched_for_five_minutes(files, clock, after, status):
    address = made_for("ada", files)
    clock.advance(seconds=after)
    assert media.refusal(address, "ada") == status


def test_what_a_page_shows_can_be_fetched_as_long_as_it_shows_it(files, clock):
    address = made_for("ada", files, kind=MediaFileKind.MEDIA)
    clock.advance(hours=2)
    assert media.refusal(address, "ada") is None
    assert media.refusal(address, "ben") == 403
    files.delete_file(address.removeprefix("/media/").partition(".")[0])
    assert media.refusal(address, "ada") == 404


def test_old_downloads_are_dropped_from_memory(files, clock):
    address = made_for("ada", files)
    name = address.removeprefix("/media/")
    clock.advance(seconds=300)
    media.forget_old()
    assert files.get_file(name).content == b"paper"
    clock.advance(seconds=1)
    media.forget_old()
    with pytest.raises(MediaFileStorageError):
        files.get_file(name)


def test_reruns_of_others_do_not_drop_a_download_before_it_was_fetched(files):
    """Between the answer that names a file and the request for it anybody's page may run again."""
    manager = MediaFileManager(files)

    def make():
        media.belongs_to("ada")
        return b"paper"

    name = manager.add_deferred(make, "application/pdf", "0.1", "a.pdf")

    async def click():
        return await asyncio.to_thread(manager.execute_deferred, name)

    address = asyncio.run(click())
    for _ in range(5):
        manager.clear_session_refs("another")
        manager.remove_orphaned_files()
    assert media.refusal(address, "ada") is None
    assert files.get_file(address.removeprefix("/media/")).content == b"paper"


def test_a_click_leaves_no_owner_behind_for_the_next(files):
    manager = MediaFileManager(files)

    def make():
        media.belongs_to("ada")
        return b"paper"

    first = manager.add_deferred(make, "text/csv", "0.1", "a.csv")
    second = manager.add_deferred(lambda: b"nobody's", "text/csv", "0.2", "b.csv")

    async def click():
        return [await asyncio.to_thread(manager.execute_deferred, each) for each in (first, second)]

    mine, nobodys = asyncio.run(click())
    assert media.refusal(mine, "ada") is None
    assert media.refusal(nobodys, "ada") == 403


def test_the_server_keeps_files_by_owner(monkeypatch):
    monkeypatch.setattr(
        memory_media_file_storage,
        "MemoryMediaFileStorage",
        memory_media_file_storage.MemoryMediaFileStorage,
    )
    media.keep_owners()
    assert memory_media_file_storage.MemoryMediaFileStorage is media.OwnedFiles
    assert timedelta(minutes=5) == media.LIFETIME
