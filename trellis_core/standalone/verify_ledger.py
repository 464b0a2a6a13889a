#!/usr/bin/env python3
"""Check a ledger that Trellis exported, without Trellis.

One file that needs nothing but Python 3.8 or newer. Give it the ZIP file, or the folder into which
it was unpacked:

    python3 verify_ledger.py ledger.zip --key 3d4017c3...

It reads every entry and event, recomputes every hash, follows both chains, and verifies the
signature of every checkpoint with an Ed25519 of its own (RFC 8032). It changes nothing and opens no
connection. Exit status: 0 everything fits, 1 something does not, 2 the export cannot be read.

What is checked, in full, so that you can write a program of your own:

  ledger.ndjson     first line: a JSON object that names the practice and both chains' ends. Every
                    other line: ["ledger" or "journal", number, hash, body]. The body is a text.
                    hash = SHA-256(domain + hash before + body), with the domain
                    "trellis-entry-v1" or "trellis-event-v1" and one zero byte; the first of each
                    chain follows 32 zero bytes. Numbers count from 1 without gaps.
  checkpoints.jsonl each line: {"body": text, "signature": hex}. The signature is Ed25519 over
                    "trellis-checkpoint-v1", one zero byte and the body, by the key that the body
                    names last. The body also holds the ends of both chains as they stood and the
                    SHA-256 of the checkpoint before (domain and body).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

HOLDS, FOUND, UNREADABLE = 0, 1, 2

FORMAT = "trellis-ledger-export-v1"
LEDGER_FILE = "ledger.ndjson"
CHECKPOINT_FILE = "checkpoints.jsonl"
LONGEST_LINE = 1 << 20
SHOWN_AT_MOST = 50
GAP_AT_MOST = 1_000_000
ZEROS = "0" * 64

DOMAINS = {"ledger": b"trellis-entry-v1\x00", "journal": b"trellis-event-v1\x00"}
WORDS = {"ledger": "Entry", "journal": "Event"}
PLACES = {"ledger": 26, "journal": 15, "checkpoint": 12}
CHECKPOINT_DOMAIN = b"trellis-checkpoint-v1\x00"

SECONDS_AT, MONTH_AT = 10, 12  # places of an entry's body
KIND_AT, SUBJECT_AT, NAMED_SEQ_AT, NAMED_HEAD_AT = 4, 6, 12, 13  # places of an event's body
KEY_NAMED = "key_named"

HASH = re.compile("[0-9a-f]{64}")
SIGNATURE = re.compile("[0-9a-f]{128}")


# --- Ed25519, RFC 8032 section 5.1 ------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1, 1, 0)
KEY_BYTES, SIGNATURE_BYTES = 32, 64


def add(one: tuple[int, ...], two: tuple[int, ...]) -> tuple[int, ...]:
    """Add two points of the curve in extended coordinates."""
    x1, y1, z1, t1 = one
    x2, y2, z2, t2 = two
    a = (y1 - x1) * (y2 - x2) % P
    b = (y1 + x1) * (y2 + x2) % P
    c = 2 * D * t1 * t2 % P
    d = 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def double(one: tuple[int, ...]) -> tuple[int, ...]:
    """Add a point to itself."""
    x, y, z, _ = one
    a, b, c = x * x % P, y * y % P, 2 * z * z % P
    h = a + b
    e = h - (x + y) * (x + y) % P
    g = a - b
    f = c + g
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_of(text: bytes) -> tuple[int, ...] | None:
    """Read 32 bytes as a point; None for what is no point, or not its only spelling."""
    number = int.from_bytes(text, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    if y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P != u:
        x = x * ROOT_OF_MINUS_ONE % P
        if v * x * x % P != u:
            return None
    if x == 0 and sign:
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def bytes_of(point: tuple[int, ...]) -> bytes:
    """Write a point as 32 bytes."""
    x, y, z, _ = point
    inverse = pow(z, P - 2, P)
    return (y * inverse % P | (x * inverse % P & 1) << 255).to_bytes(KEY_BYTES, "little")


def _base() -> tuple[int, ...]:
    found = point_of((4 * pow(5, P - 2, P) % P).to_bytes(KEY_BYTES, "little"))
    if found is None:
        raise AssertionError
    return found


BASE = _base()


def ed25519_holds(key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether a signature over a message was made with the private half of a key.

    Refuses a second number of the signature that is not below the group's order, and points that
    are not written in their one canonical way.
    """
    if len(key) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    signer = point_of(key)
    r, s = signature[:KEY_BYTES], int.from_bytes(signature[KEY_BYTES:], "little")
    if signer is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L
    minus = (P - signer[0], signer[1], 1, P - signer[3])
    choice = (NEUTRAL, BASE, minus, add(BASE, minus))
    total: tuple[int, ...] = NEUTRAL
    for bit in range(252, -1, -1):
        total = double(total)
        which = (s >> bit & 1) | (h >> bit & 1) << 1
        if which:
            total = add(total, choice[which])
    return bytes_of(total) == r


# --- reading the export -----------------------------------------------------------------------


class ExportUnreadableError(Exception):
    """The export cannot be read at all."""


class Report:
    """What was found, in sentences."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.number = 0

    def add(self, sentence: str) -> None:
        """Note a problem; only the first ones are kept in words."""
        self.number += 1
        if self.number <= SHOWN_AT_MOST:
            self.problems.append(sentence)


class Export:
    """The files of an export: in a ZIP file, or in a folder."""

    def __init__(self, place: str) -> None:
        self._folder = Path(place)
        self._archive: zipfile.ZipFile | None = None
        if self._folder.is_dir():
            return
        try:
            self._archive = zipfile.ZipFile(place)
        except (OSError, zipfile.BadZipFile) as error:
            raise ExportUnreadableError(f"'{place}' cannot be opened: {error}.") from error

    def twice(self) -> list[str]:
        """Return names that the ZIP file holds more than once; which one is read would be chance."""
        names = self._archive.namelist() if self._archive else []
        return sorted({name for name in names if names.count(name) > 1})

    @contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """Open one file for reading."""
        if self._archive is not None and name not in self._archive.namelist():
            raise ExportUnreadableError(f"The export has no file '{name}'.")
        try:
            if self._archive is None:
                with (self._folder / name).open("rb") as file:
                    yield file
            else:
                with self._archive.open(name) as member:
                    yield member  # type: ignore[misc]
        except (OSError, EOFError, RuntimeError) as error:
            raise ExportUnreadableError(f"'{name}' cannot be read: {error}.") from error
        except (zipfile.BadZipFile, zlib.error) as error:
            raise ExportUnreadableError(f"The ZIP file is damaged at '{name}': {error}.") from error


def lines_of(file: BinaryIO, name: str) -> Iterator[str]:
    """Yield a file's lines without their ends; refuse what is no text of such lines."""
    number = 0
    while True:
        line = file.readline(LONGEST_LINE)
        if not line:
            return
        number += 1
        if not line.endswith(b"\n"):
            raise ExportUnreadableError(f"Line {number} of '{name}' is cut off, or far too long.")
        try:
            yield line[:-1].decode("ascii")
        except UnicodeDecodeError as error:
            raise ExportUnreadableError(f"Line {number} of '{name}' is not plain text.") from error


canonical = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
"""Writes JSON in the one way in which lines and bodies are written."""


def array_of(text: str, places: int) -> list[object] | None:
    """Read a canonical array of known length; None for anything else."""
    try:
        found = json.loads(text)
        is_good = isinstance(found, list) and len(found) == places and canonical(found) == text
    except (ValueError, RecursionError):
        return None
    return found if is_good else None


# --- the two chains ---------------------------------------------------------------------------


class Chain:
    """One chain as far as it was read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.length = 0
        self.last_number = 0
        self.last_hash = ZEROS
        self.hashes = bytearray()

    def hash_at(self, number: int) -> str | None:
        """Return the hash of an entry by its number; None for one that is not there."""
        if number == 0:
            return ZEROS
        if not 0 < number <= len(self.hashes) // KEY_BYTES:
            return None
        return self.hashes[(number - 1) * KEY_BYTES : number * KEY_BYTES].hex()

    def keep(self, number: int, digest: str) -> None:
        """Remember a hash under its number, with room for numbers that were left out."""
        here, read = (number - 1) * KEY_BYTES, len(self.hashes)
        if 0 <= here < read:
            self.hashes[here : here + KEY_BYTES] = bytes.fromhex(digest)
        elif here >= read and number <= self.length + GAP_AT_MOST:
            self.hashes += bytes(here - read) + bytes.fromhex(digest)


class Found(NamedTuple):
    """What the ledger file holds."""

    header: dict[str, object]
    chains: dict[str, Chain]
    seconds: dict[int, int]
    keys: dict[str, int]


def read_ledger(export: Export, report: Report) -> Found:
    """Read the ledger file once: every hash, link and number."""
    with export.opened(LEDGER_FILE) as file:
        lines = lines_of(file, LEDGER_FILE)
        header = read_header(next(lines, ""))
        found = Found(header, {name: Chain(name) for name in DOMAINS}, {}, {})
        for number, line in enumerate(lines, start=2):
            read_row(line, number, found, report)
    return found


def read_header(line: str) -> dict[str, object]:
    """Read the first line."""
    try:
        header = json.loads(line)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ExportUnreadableError(
            f"'{LEDGER_FILE}' does not begin as a ledger exported by Trellis does ({FORMAT})."
        )
    return header


def read_row(line: str, line_number: int, found: Found, report: Report) -> None:
    """Check one entry or event against the one before it."""
    row = array_of(line, 4)
    chain_name, number, digest, body = row if row is not None else (None, None, None, None)
    if (
        chain_name not in ("ledger", "journal")
        or type(number) is not int
        or not isinstance(digest, str)
        or not HASH.fullmatch(digest)
        or not isinstance(body, str)
    ):
        report.add(f"Line {line_number} is no entry and no event.")
        return
    chain = found.chains[str(chain_name)]
    what = f"{WORDS[chain.name]} {number:,}"
    if chain.name == "ledger" and found.chains["journal"].length:
        report.add(f"{what} stands after the journal's events; it was put in or moved.")
    if number != chain.last_number + 1:
        report.add(
            f"{what} follows {WORDS[chain.name].lower()} {chain.last_number:,}: "
            "one was removed, put in or moved."
        )
    data = body.encode("ascii", "replace")
    before = bytes.fromhex(chain.last_hash)
    if hashlib.sha256(DOMAINS[chain.name] + before + data).hexdigest() != digest:
        report.add(
            f"{what} does not fit its hash and what stands before it: it was changed, or something "
            "before it was removed, put in or moved."
        )
    chain.length += 1
    chain.keep(number, digest)
    chain.last_number, chain.last_hash = number, digest
    places = array_of(body, PLACES[chain.name])
    if places is None or places[0] != 1:
        report.add(f"{what} is not written as this version writes it.")
    elif places[1] != found.header.get("practice") or places[2] != number:
        report.add(f"{what} names another practice or number inside than outside.")
    elif chain.name == "ledger":
        count_time(places, what, found, report)
    else:
        check_event(places, what, found, report)


def count_time(places: list[object], what: str, found: Found, report: Report) -> None:
    """Add an entry's seconds to its month."""
    seconds, month = places[SECONDS_AT], places[MONTH_AT]
    if isinstance(seconds, int) and isinstance(month, int):
        found.seconds[month] = found.seconds.get(month, 0) + seconds
    else:
        report.add(f"{what} has no time or no month.")


def check_event(places: list[object], what: str, found: Found, report: Report) -> None:
    """See that the end of the ledger that an event names is in the ledger; note keys it names."""
    number, head = places[NAMED_SEQ_AT], places[NAMED_HEAD_AT]
    if not isinstance(number, int) or found.chains["ledger"].hash_at(number) != head:
        report.add(
            f"{what} names an end of the ledger, entry {number}, that this ledger does not have."
        )
    key = places[SUBJECT_AT]
    if places[KIND_AT] == KEY_NAMED and isinstance(key, str):
        found.keys.setdefault(key, found.chains["journal"].length)


def check_ends(found: Found, report: Report) -> None:
    """Compare the ends of both chains with what the first line says."""
    for name, chain in found.chains.items():
        said = found.header.get(name)
        if said != {"length": chain.length, "head": chain.last_hash}:
            report.add(
                f"The {name} ends at {chain.last_number:,}, but the export's first line names "
                "another end: something was cut off or added."
            )


# --- checkpoints ------------------------------------------------------------------------------


class Checkpoint(NamedTuple):
    """A checkpoint whose form is right."""

    body: str
    signature: str
    number: int
    ledger_seq: int
    ledger_head: str
    journal_seq: int
    journal_head: str
    made_at: int
    previous: str
    key: str
    store: object
    practice: object

    @property
    def digest(self) -> str:
        """The digest by which the next checkpoint names this one."""
        return hashlib.sha256(CHECKPOINT_DOMAIN + self.body.encode("ascii")).hexdigest()


def checkpoint_of(line: str) -> Checkpoint | None:
    """Read one line; None for anything that is not written exactly as a checkpoint is."""
    try:
        named = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if (
        not isinstance(named, dict)
        or json.dumps(named) != line
        or [*named] != ["body", "signature"]
    ):
        return None
    body, signature = named["body"], named["signature"]
    places = array_of(body, PLACES["checkpoint"]) if isinstance(body, str) else None
    if places is None or not isinstance(signature, str) or not SIGNATURE.fullmatch(signature):
        return None
    version, store, practice, number, seq, head, journal, journal_head, made_at, _, before, key = (
        places
    )
    numbers, digests = (version, number, seq, journal, made_at), (head, journal_head, before, key)
    if not all(type(each) is int and each >= 0 for each in numbers) or version != 1:
        return None
    if not all(isinstance(each, str) and HASH.fullmatch(each) for each in digests):
        return None
    return Checkpoint(
        body=body,
        signature=signature,
        number=int(str(number)),
        ledger_seq=int(str(seq)),
        ledger_head=str(head),
        journal_seq=int(str(journal)),
        journal_head=str(journal_head),
        made_at=int(str(made_at)),
        previous=str(before),
        key=str(key),
        store=store,
        practice=practice,
    )


def read_checkpoints(
    export: Export, found: Found, keys: list[str], report: Report
) -> list[Checkpoint]:
    """Read every checkpoint and compare it with the chains, the one before and the keys."""
    checkpoints: list[Checkpoint] = []
    with export.opened(CHECKPOINT_FILE) as file:
        for number, line in enumerate(lines_of(file, CHECKPOINT_FILE), start=1):
            checkpoint = checkpoint_of(line)
            if checkpoint is None:
                report.add(f"Line {number} of '{CHECKPOINT_FILE}' is no checkpoint.")
                continue
            check_checkpoint(checkpoint, checkpoints[-1:], found, keys, report)
            checkpoints.append(checkpoint)
    if not checkpoints:
        report.add(
            "There is no signed checkpoint: nothing shows that the whole ledger was not rewritten."
        )
    return checkpoints


def check_checkpoint(
    this: Checkpoint, last: list[Checkpoint], found: Found, keys: list[str], report: Report
) -> None:
    """Check one checkpoint."""
    what = f"Checkpoint {this.number:,}"
    message = CHECKPOINT_DOMAIN + this.body.encode("ascii")
    if not ed25519_holds(bytes.fromhex(this.key), message, bytes.fromhex(this.signature)):
        report.add(f"{what}: its signature does not hold. It was changed, or somebody forged it.")
    if (this.store, this.practice) != (found.header.get("store"), found.header.get("practice")):
        report.add(f"{what} is of another practice or store.")
    before = (last[-1].number, last[-1].digest) if last else (0, ZEROS)
    if (this.number - 1, this.previous) != before:
        report.add(f"{what} does not follow the checkpoint before it: one was removed or put in.")
    for name, seq, head in (
        ("ledger", this.ledger_seq, this.ledger_head),
        ("journal", this.journal_seq, this.journal_head),
    ):
        here = found.chains[name].hash_at(seq)
        if here is None:
            report.add(f"{what} names {WORDS[name].lower()} {seq:,}, which is not there: cut off.")
        elif here != head:
            report.add(
                f"{what} names another hash of {WORDS[name].lower()} {seq:,}: the {name} was "
                "rewritten after that checkpoint was made."
            )
    if found.keys.get(this.key, this.journal_seq + 1) > this.journal_seq:
        report.add(f"{what} is signed with a key that the journal had not named by then.")
    if keys and this.key not in keys:
        report.add(f"{what} is signed with another key than you gave: {this.key}.")


def check_noted(
    checkpoints: list[Checkpoint], noted: list[tuple[int, str]], report: Report
) -> None:
    """Compare with checkpoints that the auditor noted, for example from a superbill's foot."""
    for number, code in noted:
        here = [each for each in checkpoints if each.number == number]
        if not here:
            report.add(f"Checkpoint {number:,}, which you noted, is not there.")
        elif not here[0].digest.startswith(code):
            report.add(
                f"Checkpoint {number:,} is {here[0].digest[: len(code)]} here; you noted {code}."
            )


# --- what is said -----------------------------------------------------------------------------


def say(sentence: str = "") -> None:
    """Print one line."""
    sys.stdout.write(sentence + "\n")


def moment(seconds: int) -> str:
    """Write an instant, where it is one."""
    try:
        return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return "an unknown time"


def tell(found: Found, checkpoints: list[Checkpoint], keys: list[str], report: Report) -> None:
    """Say what was read and what was found."""
    ledger, journal = found.chains["ledger"], found.chains["journal"]
    say(f"Practice {found.header.get('practice')}, store {found.header.get('store')}.")
    say(f"Ledger: {ledger.length:,} entries. Journal: {journal.length:,} events.")
    say(f"Signed checkpoints: {len(checkpoints):,}.")
    if found.seconds:
        say()
        say("Minutes recorded per month, corrections taken off (not all of them need be billable):")
        for month in sorted(found.seconds):
            say(f"  {month // 100:04d}-{month % 100:02d}  {found.seconds[month] // 60:>10,}")
    say()
    for problem in report.problems:
        say(f"PROBLEM  {problem}")
    if report.number:
        more = report.number - len(report.problems)
        if more:
            say(f"... and {more:,} more.")
        say(f"This export does not hold: {report.number:,} problem(s).")
        return
    last = checkpoints[-1]
    say("Everything fits: every hash, link and number, and every signature.")
    say(
        f"The last checkpoint, No. {last.number:,} of {moment(last.made_at)} "
        f"({last.digest[:8]}), seals the first {last.ledger_seq:,} entries and "
        f"{last.journal_seq:,} events."
    )
    after = ledger.length - last.ledger_seq, journal.length - last.journal_seq
    if any(after):
        say(f"{after[0]:,} entries and {after[1]:,} events after it are linked, but not sealed.")
    for key in dict.fromkeys(each.key for each in checkpoints):
        say(f"Signed with the key {key}.")
    if not keys:
        say(
            "Compare that key with the one you noted earlier, or give it with --key: somebody who "
            "rewrites everything signs with a key of their own."
        )


def noted_checkpoint(text: str) -> tuple[int, str]:
    """Read an option such as 12=a1b2c3d4."""
    number, _, code = text.partition("=")
    if not re.fullmatch("[0-9]{1,9}", number) or not re.fullmatch("[0-9a-f]{8,64}", code.lower()):
        raise argparse.ArgumentTypeError("write the number, = and its code: 12=a1b2c3d4")
    return int(number), code.lower()


def noted_key(text: str) -> str:
    """Read an option that is a public key."""
    if not HASH.fullmatch(text.lower()):
        raise argparse.ArgumentTypeError("a key is 64 hexadecimal digits")
    return text.lower()


def main(arguments: list[str] | None = None) -> int:
    """Check an export and return the exit status."""
    parser = argparse.ArgumentParser(
        description="Check a ledger that Trellis exported. Exit status: 0 everything fits, "
        "1 something does not, 2 the export cannot be read."
    )
    parser.add_argument("export", help="the ZIP file, or the folder into which it was unpacked")
    parser.add_argument(
        "--key",
        type=noted_key,
        action="append",
        default=[],
        help="the public key that you noted earlier; several where it was changed",
    )
    parser.add_argument(
        "--checkpoint",
        type=noted_checkpoint,
        action="append",
        default=[],
        metavar="NUMBER=CODE",
        help="a checkpoint that you noted, for example from a superbill: 12=a1b2c3d4",
    )
    options = parser.parse_args(arguments)
    report = Report()
    try:
        export = Export(options.export)
        for name in export.twice():
            report.add(f"The ZIP file holds '{name}' twice.")
        found = read_ledger(export, report)
        check_ends(found, report)
        checkpoints = read_checkpoints(export, found, options.key, report)
        check_noted(checkpoints, options.checkpoint, report)
    except ExportUnreadableError as error:
        sys.stderr.write(f"{error}\n")
        return UNREADABLE
    tell(found, checkpoints, options.key, report)
    return FOUND if report.number else HOLDS


if __name__ == "__main__":
    sys.exit(main())
