#!/usr/bin/env python3
"""Check an audit packet that Trellis made, without Trellis.

One file that needs nothing but Python 3.8 or newer. Give it the ZIP file, or the folder into which
it was unpacked (the folder it lies in, where nothing is given):

    python3 check_packet.py packet.zip --key 3d4017c3...

With the practice's exported ledger it also proves that every entry stands in the ledger at its
place, and that none was left out:

    python3 check_packet.py packet.zip --ledger ledger.zip

It changes nothing and opens no connection. Exit status: 0 everything fits, 1 something does not,
2 the packet cannot be read.

What is checked, in full, so that you can write a program of your own ("packet.json"):

  entries      hash = SHA-256("trellis-entry-v1" NUL hash-before body). The body is a JSON array:
               version, practice, number, id, kind, program, patient, staff, author, start, seconds,
               day, month, activity, mode, condition, sharing, billed elsewhere, apart from a visit,
               contact, estimated, reverses, replaces, parent, note's digest, recorded at. The
               receipt is the hash's first eight digits. The note's digest is
               HMAC-SHA256(salt, note).
  superbills   "sha256" is of the text "document", which was stored when the month was closed.
  closes       The close's event (hash as above, "trellis-event-v1") names in its details the
               SHA-256 "digest" of a text: one line "D patient sha256" for every patient decided,
               then one line "S number sha256" for every superbill. The lines of other patients are
               not shown. Instead "state" is the state of the SHA-256 algorithm (FIPS 180-4) after
               the first "hashed" bytes of that text, and "rest" is the rest of it.
  checkpoint   Ed25519 over "trellis-checkpoint-v1" NUL body, by the key that the body names last.
               It names the hash of the close's event, or of an event after it ("following").
  minutes      The counted seconds of a line's entries, added up and rounded down to minutes once,
               are the line's minutes, and these reach what its last unit needs.
"""

from __future__ import annotations

import argparse
import calendar
import hashlib
import hmac
import json
import re
import sys
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HOLDS, FOUND, UNREADABLE = 0, 1, 2

SCHEMA = "trellis.packet/1"
PACKET_FILE = "packet.json"
LEDGER_FORMAT = "trellis-ledger-export-v1"
LARGEST_FILE = 1 << 30
SHOWN_AT_MOST = 50
RECEIPT_DIGITS = 8
BLOCK = 64
LEDGER_ROW = ("chain", "number", "hash", "body")
ZEROS = "0" * 64

ENTRY_DOMAIN = b"trellis-entry-v1\x00"
EVENT_DOMAIN = b"trellis-event-v1\x00"
CHECKPOINT_DOMAIN = b"trellis-checkpoint-v1\x00"

ENTRY_PLACES = (
    *("version", "practice", "number", "id", "kind", "program", "patient", "staff", "author"),
    *("started_at", "seconds", "day", "month", "activity", "mode", "condition", "sharing"),
    *("elsewhere", "apart", "contact", "estimated", "reverses", "replaces", "parent"),
    *("note", "recorded_at"),
)
EVENT_PLACES = (
    *("version", "practice", "number", "id", "kind", "subject_kind", "subject", "patient"),
    *("author", "system_user", "details", "text", "ledger_seq", "ledger_head", "recorded_at"),
)
CHECKPOINT_PLACES = (
    *("version", "store", "practice", "number", "ledger_seq", "ledger_head", "journal_seq"),
    *("journal_head", "made_at", "why", "previous", "key"),
)
HASH = re.compile("[0-9a-f]{64}")
SIGNATURE = re.compile("[0-9a-f]{128}")


# --- SHA-256 from a state, FIPS 180-4 -----------------------------------------------------------

WORD = 0xFFFFFFFF


def _roots(power: int) -> list[int]:
    """Return the first 32 bits of the fractional parts of the first 64 primes' roots."""
    primes: list[int] = []
    number = 2
    while len(primes) < BLOCK:
        if all(number % each for each in primes):
            primes.append(number)
        number += 1
    found = []
    for each in primes:
        scaled, low, high = each << 32 * power, 0, each << 32
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if middle**power <= scaled else (low, middle - 1)
        found.append(low & WORD)
    return found


ROUND = _roots(3)
START = tuple(_roots(2)[:8])


def compressed(state: tuple[int, ...], block: bytes) -> tuple[int, ...]:
    """Return the state after one more block of 64 bytes."""
    words = [int.from_bytes(block[at : at + 4], "big") for at in range(0, BLOCK, 4)]
    for at in range(16, BLOCK):
        x, y = words[at - 15], words[at - 2]
        low = (x >> 7 | x << 25) ^ (x >> 18 | x << 14) ^ x >> 3
        high = (y >> 17 | y << 15) ^ (y >> 19 | y << 13) ^ y >> 10
        words.append((words[at - 16] + (low & WORD) + words[at - 7] + (high & WORD)) & WORD)
    a, b, c, d, e, f, g, h = state
    for constant, word in zip(ROUND, words):  # noqa: B905 - older Pythons know no strict
        high = ((e >> 6 | e << 26) ^ (e >> 11 | e << 21) ^ (e >> 25 | e << 7)) & WORD
        one = h + high + (e & f ^ ~e & g) + constant + word
        low = ((a >> 2 | a << 30) ^ (a >> 13 | a << 19) ^ (a >> 22 | a << 10)) & WORD
        two = low + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = (one + two) & WORD, a, b, c, (d + one) & WORD, e, f, g
    new = (a, b, c, d, e, f, g, h)
    return tuple((one + two) & WORD for one, two in zip(state, new))  # noqa: B905


def state_after(content: bytes) -> str:
    """Return the state after whole blocks, hex; hashing goes on from it without them."""
    state = START
    for at in range(0, len(content), BLOCK):
        state = compressed(state, content[at : at + BLOCK])
    return b"".join(word.to_bytes(4, "big") for word in state).hex()


def finished(state_hex: str, hashed: int, rest: bytes) -> str:
    """Return the SHA-256, hex, of a text whose first bytes are known by their state alone."""
    state = tuple(int(state_hex[at : at + 8], 16) for at in range(0, BLOCK, 8))
    total = hashed + len(rest)
    padded = rest + b"\x80" + bytes((55 - total) % BLOCK) + (total * 8).to_bytes(8, "big")
    for at in range(0, len(padded), BLOCK):
        state = compressed(state, padded[at : at + BLOCK])
    return b"".join(word.to_bytes(4, "big") for word in state).hex()


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


# --- reading ------------------------------------------------------------------------------------


class PacketUnreadableError(Exception):
    """The packet, or the ledger beside it, cannot be read at all."""


class Report:
    """What was found, what was proved, and what could not be, in sentences."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.number = 0
        self.proved: list[str] = []
        self.open: list[str] = []

    def add(self, sentence: str) -> None:
        """Note a problem; only the first ones are kept in words."""
        self.number += 1
        if self.number <= SHOWN_AT_MOST:
            self.problems.append(sentence)

    def want(self, holds: object, sentence: str) -> bool:
        """Note a problem unless something holds; say whether it does."""
        if not holds:
            self.add(sentence)
        return bool(holds)


class Files:
    """Files in a ZIP file or in a folder."""

    def __init__(self, place: str) -> None:
        self._folder = Path(place)
        self._archive: zipfile.ZipFile | None = None
        if self._folder.is_dir():
            return
        try:
            self._archive = zipfile.ZipFile(place)
        except (OSError, zipfile.BadZipFile) as error:
            raise PacketUnreadableError(f"'{place}' cannot be opened: {error}.") from error

    def twice(self) -> list[str]:
        """Return names that the ZIP file holds more than once; which one is read would be chance."""
        names = self._archive.namelist() if self._archive else []
        return sorted({name for name in names if names.count(name) > 1})

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        try:
            if self._archive is None:
                content = (self._folder / name).read_bytes()
            else:
                if self._archive.getinfo(name).file_size > LARGEST_FILE:
                    raise PacketUnreadableError(f"'{name}' is far too large.")
                content = self._archive.read(name)
        except KeyError as error:
            raise PacketUnreadableError(f"There is no file '{name}'.") from error
        except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise PacketUnreadableError(f"'{name}' cannot be read: {error}.") from error
        return content


def no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that an object holds twice: which one is meant would be chance."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def json_of(text: str) -> Any:  # noqa: ANN401 - JSON has no type
    """Read JSON; refuse names that stand twice, and numbers that are none."""

    def refuse(name: str) -> None:
        raise ValueError(f"'{name}' is no number")

    return json.loads(text, object_pairs_hook=no_repeats, parse_constant=refuse)


canonical = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
"""Writes a body in the one way in which bodies are written."""


def named(body: object, places: tuple[str, ...]) -> dict[str, Any]:
    """Return a body's places by their names; nothing for what is not written as bodies are."""
    if not isinstance(body, str):
        return {}
    try:
        found = json.loads(body)
        is_good = isinstance(found, list) and len(found) == len(places) and canonical(found) == body
    except (ValueError, RecursionError):
        return {}
    return dict(zip(places, found)) if is_good and found[0] == 1 else {}  # noqa: B905


def link_hash(domain: bytes, prev: object, body: object) -> str:
    """Return the hash of a link; empty for what cannot be one."""
    if not isinstance(prev, str) or not HASH.fullmatch(prev) or not isinstance(body, str):
        return ""
    return hashlib.sha256(
        domain + bytes.fromhex(prev) + body.encode("ascii", "replace")
    ).hexdigest()


def sha256_of(text: str) -> str:
    """Return the SHA-256 of a text, hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def seconds_of(text: object) -> int | None:
    """Return an instant such as 2026-11-03T10:00:00-05:00 as seconds since 1970; None for none."""
    parts = re.fullmatch(
        r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|([+-])(\d\d):(\d\d)(?::(\d\d))?)",
        str(text),
    )
    if parts is None:
        return None
    moment, sign, hours, minutes, seconds = parts.groups()
    try:
        days = time.strptime(moment, "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return None
    offset = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return calendar.timegm(days) - (offset if sign != "-" else -offset)


# --- closes ---------------------------------------------------------------------------------------


class Close:
    """A close as far as it was proved."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.period = given["period"]
        self.event = given["event"]
        self.body = named(self.event["body"], EVENT_PLACES)
        try:
            self.details = json_of(self.body.get("details") or "{}")
        except ValueError:
            self.details = {}
        self.ledger_seq = given["ledger_seq"]
        self.ledger_head = given["ledger_head"]
        self.sealed: set[str] = set()
        self.is_sealed = False
        self.key = ""
        self.checkpoint: dict[str, Any] = {}


def check_close(given: dict[str, Any], packet: dict[str, Any], report: Report) -> Close:
    """Check a close: its event, the digest of its documents, and the checkpoint over it."""
    close = Close(given)
    event, body, details = close.event, close.body, close.details
    what = f"The close of {packet['month']}" + (f", period {close.period}" if close.period else "")
    good = report.want(
        link_hash(EVENT_DOMAIN, event["prev"], event["body"]) == event["hash"],
        f"{what}: its event {event['seq']} does not fit its hash.",
    )
    ym = int(packet["month"].replace("-", ""))
    good &= report.want(
        body.get("practice") == packet["practice"]["id"]
        and body.get("number") == event["seq"]
        and body.get("kind") == "month_closed"
        and body.get("subject") == packet["month"]
        and (details.get("ym"), details.get("period")) == (ym, close.period),
        f"{what}: event {event['seq']} is no close of this practice, month and period.",
    )
    good &= report.want(
        (details.get("ledger_seq"), details.get("ledger_head"))
        == (close.ledger_seq, close.ledger_head)
        and (body.get("ledger_seq"), body.get("ledger_head"))
        == (close.ledger_seq, close.ledger_head),
        f"{what}: its event names another end of the ledger.",
    )
    rest = given["rest"]
    lines = [line for line in rest.splitlines() if line.startswith("S ")]
    is_whole = report.want(
        HASH.fullmatch(given["state"])
        and given["hashed"] >= 0
        and given["hashed"] % BLOCK == 0
        and (given["hashed"] or given["state"] == state_after(b""))
        and finished(given["state"], given["hashed"], rest.encode()) == details.get("digest"),
        f"{what}: the list of its superbills does not fit the digest that its event names.",
    )
    if good and is_whole:
        close.sealed = set(lines)
    check_seal(given, close, what, packet, report)
    return close


def check_seal(
    given: dict[str, Any], close: Close, what: str, packet: dict[str, Any], report: Report
) -> None:
    """Follow the journal from a close to the checkpoint over it, and verify its signature."""
    last = close.event
    for link in given["following"]:
        report.want(
            link["seq"] == last["seq"] + 1
            and link["prev"] == last["hash"]
            and link_hash(EVENT_DOMAIN, link["prev"], link["body"]) == link["hash"],
            f"{what}: event {link['seq']} does not follow event {last['seq']}.",
        )
        last = link
    signed = given["checkpoint"]
    if signed is None:
        report.open.append(f"{what} is not sealed by a checkpoint yet.")
        return
    body = named(signed["body"], CHECKPOINT_PLACES)
    key, signature = body.get("key"), signed["signature"]
    if not report.want(
        isinstance(key, str)
        and HASH.fullmatch(key)
        and isinstance(signature, str)
        and SIGNATURE.fullmatch(signature)
        and ed25519_holds(
            bytes.fromhex(key),
            CHECKPOINT_DOMAIN + signed["body"].encode("ascii", "replace"),
            bytes.fromhex(signature),
        ),
        f"{what}: the signature of its checkpoint does not hold.",
    ):
        return
    close.key, close.checkpoint = str(key), body
    report.want(
        body["practice"] == packet["practice"]["id"],
        f"{what}: its checkpoint is of another practice.",
    )
    if body["journal_seq"] == last["seq"]:
        close.is_sealed = report.want(
            body["journal_head"] == last["hash"],
            f"{what}: its checkpoint names another event {last['seq']}: the journal was rewritten.",
        )
    elif body["journal_seq"] > last["seq"] and not given["following"]:
        report.open.append(
            f"{what}: {body['journal_seq'] - last['seq']} events lie between it and its checkpoint, "
            "which are not shown. Give the exported ledger with --ledger."
        )
    else:
        report.add(f"{what}: its checkpoint does not follow its event.")


# --- one patient's month --------------------------------------------------------------------------


def check_entries(of: dict[str, Any], packet: dict[str, Any], report: Report) -> dict[str, Any]:
    """Check every entry by itself; return those that can be read by their ids."""
    practice, ym = packet["practice"]["id"], int(packet["month"].replace("-", ""))
    found: dict[str, Any] = {}
    last: dict[str, Any] | None = None
    for entry in of["entries"]:
        what = f"Entry {entry['number']}"
        report.want(
            link_hash(ENTRY_DOMAIN, entry["prev"], entry["body"]) == entry["hash"],
            f"{what} does not fit its hash: it was changed.",
        )
        body = named(entry["body"], ENTRY_PLACES)
        if not body:
            report.add(f"{what} is not written as entries are.")
            continue
        report.want(
            (body["practice"], body["patient"], body["month"])
            == (practice, of["patient"]["id"], ym),
            f"{what} is of another practice, patient or month.",
        )
        report.want(
            (entry["number"], entry["receipt"]) == (body["number"], entry["hash"][:RECEIPT_DIGITS]),
            f"{what} has another number or receipt inside than outside.",
        )
        report.want(
            (entry["kind"], entry["seconds"], entry["program"], entry["mode"])
            == (body["kind"], body["seconds"], body["program"], body["mode"]),
            f"{what} says another length, kind, program or mode outside than inside.",
        )
        check_note(entry, body, what, report)
        if last is not None:
            report.want(
                entry["number"] > last["number"]
                and (entry["number"] > last["number"] + 1 or entry["prev"] == last["hash"]),
                f"{what} does not follow entry {last['number']}.",
            )
        report.want(body["id"] not in found, f"{what} has the id of another entry.")
        found[body["id"]] = {**entry, "inside": body}
        last = entry
    reversals = {each["inside"]["reverses"]: each for each in found.values()}
    for entry in found.values():
        body = entry["inside"]
        what = f"Entry {entry['number']}"
        if body["kind"] == "reversal":
            taken = found.get(body["reverses"])
            report.want(
                taken is not None and taken["inside"]["seconds"] == -body["seconds"],
                f"{what} takes back an entry that is not here, or another length.",
            )
        report.want(
            entry["is_reversed"] == (body["id"] in reversals),
            f"{what} is said to be taken back, or to stand, and the ledger says otherwise.",
        )
    return found


def check_note(entry: dict[str, Any], body: dict[str, Any], what: str, report: Report) -> None:
    """Compare an entry's words with the digest in its body."""
    note, salt, digest = entry["note"], entry["salt"], body["note"]
    if digest is None:
        report.want(note is None, f"{what} has a note that it was recorded without.")
    elif note is None:
        report.want(entry["withheld"], f"{what} was recorded with a note, which was taken out.")
    else:
        try:
            made = hmac.new(bytes.fromhex(salt), note.encode("utf-8"), "sha256").hexdigest()
        except (ValueError, TypeError):
            made = ""
        report.want(made == digest, f"{what}: its note is not the one that was recorded.")


LINE_KEYS = ("id", "program", "code", "units", "minutes", "needed_minutes", "entries")
LINE_TEXTS = ("date_of_service", "allowed", "charge")


def check_superbill(
    given: dict[str, Any],
    of: dict[str, Any],
    entries: dict[str, Any],
    closes: dict[int, Close],
    packet: dict[str, Any],
    report: Report,
) -> dict[str, Any]:
    """Check one superbill; return it as it was issued, or nothing."""
    what = f"Superbill {given['number']}"
    try:
        bill: dict[str, Any] = json_of(given["document"])["superbill"]
    except (ValueError, KeyError, TypeError):
        report.add(f"{what} cannot be read.")
        return {}
    digest = sha256_of(given["document"])
    report.want(digest == given["sha256"], f"{what} does not fit its SHA-256: it was changed.")
    close = closes.get(given["period"])
    if close is None:
        report.add(f"{what} names a close that is not in the packet.")
        return bill
    if f"S {given['number']} {digest}" not in close.sealed:
        report.add(f"{what} is not among the superbills that its close sealed.")
    month = bill["service_month"]
    report.want(
        bill["number"] == given["number"]
        and bill["version"] == given["version"]
        and bill["replaces"] == given["replaces"]
        and bill["patient"]["id"] == of["patient"]["id"]
        and bill["practice"]["id"] == packet["practice"]["id"]
        and f"{month['year']:04d}-{month['month']:02d}" == packet["month"]
        and bill["closed"]["period"] == given["period"]
        and bill["closed"]["event"] == close.event["seq"]
        and bill["closed"]["ledger_seq"] == close.ledger_seq
        and bill["closed"]["ledger_head"] == close.ledger_head,
        f"{what} is of another number, patient, practice, month or close inside than outside.",
    )
    shown = [{key: line.get(key) for key in (*LINE_KEYS, *LINE_TEXTS)} for line in given["lines"]]
    issued = [{key: line.get(key) for key in (*LINE_KEYS, *LINE_TEXTS)} for line in bill["lines"]]
    report.want(shown == issued, f"{what}: its lines were issued otherwise than they are listed.")
    check_time(bill, what, entries, close, report)
    return bill


def check_time(
    bill: dict[str, Any], what: str, entries: dict[str, Any], close: Close, report: Report
) -> None:
    """Compare the time on a superbill with the entries, and its lines' minutes with both."""
    upto = {name: each for name, each in entries.items() if each["number"] <= close.ledger_seq}
    reversed_then = {each["inside"]["reverses"] for each in upto.values()}
    rows = {row["entry_id"]: row for row in bill["time"]}
    report.want(len(rows) == len(bill["time"]), f"{what} lists an entry twice.")
    for name, row in rows.items():
        entry = upto.get(name)
        if entry is None:
            report.add(f"{what} rests on entry {row['number']}, which is not in the packet.")
            continue
        body = entry["inside"]
        report.want(
            body["kind"] == "time"
            and (row["number"], row["code"]) == (entry["number"], entry["receipt"])
            and (row["seconds"], row["program"]) == (body["seconds"], body["program"])
            and (row["mode"] or body["mode"]) == body["mode"]
            and (row["replaces"], row["is_estimated"])
            == (body["replaces"], bool(body["estimated"]))
            and seconds_of(row["started_at"]) == body["started_at"]
            and (
                row["recorded_at"] is None or seconds_of(row["recorded_at"]) == body["recorded_at"]
            )
            and row["is_reversed"] == (name in reversed_then)
            and 0 <= row["counted_seconds"] <= row["seconds"]
            and not (row["is_reversed"] and row["counted_seconds"]),
            f"{what} says something else of entry {row['number']} than the entry itself.",
        )
    programs = {row["program"] for row in rows.values()}
    for name, entry in upto.items():
        body = entry["inside"]
        if body["kind"] == "time" and body["program"] in programs:
            report.want(name in rows, f"{what} leaves out entry {entry['number']}.")
    if bill["ledger_head"] is not None and upto:
        newest = max(upto.values(), key=lambda each: int(each["number"]))
        report.want(
            newest["hash"] == bill["ledger_head"],
            f"{what} names another newest entry of the month: one was left out, put in or changed.",
        )
    for line in bill["lines"]:
        check_line(line, what, rows, report)


def check_line(line: dict[str, Any], what: str, rows: dict[str, Any], report: Report) -> None:
    """Add up the seconds that a line counts."""
    if any(name not in rows for name in line["entries"]):
        report.add(f"{what}: {line['code']} rests on an entry that it does not list.")
        return
    if line["minutes"] is None:
        return
    counted = sum(rows[name]["counted_seconds"] for name in line["entries"])
    report.want(
        counted // 60 == line["minutes"],
        f"{what}: {line['code']} says {line['minutes']} minutes; its entries count "
        f"{counted // 60}.",
    )
    if line["needed_minutes"] is not None:
        report.want(
            line["minutes"] >= line["needed_minutes"],
            f"{what}: {line['code']} needs {line['needed_minutes']} minutes and has "
            f"{line['minutes']}.",
        )


def check_counted(bills: list[dict[str, Any]], entries: dict[str, Any], report: Report) -> None:
    """Compare what entries are said to count with the superbills."""
    on_bills: dict[str, int] = {}
    for bill in bills:
        for row in bill.get("time", ()):
            on_bills[row["entry_id"]] = row["counted_seconds"]
    for name, entry in entries.items():
        told = entry["counted_seconds"]
        if name in on_bills:
            report.want(
                told == on_bills[name],
                f"Entry {entry['number']} is said to count otherwise than on its superbill.",
            )
        elif told is not None:
            report.want(
                isinstance(told, int) and 0 <= told <= max(entry["inside"]["seconds"], 0),
                f"Entry {entry['number']} is said to count more than its length.",
            )


def check_decided(of: dict[str, Any], bills: list[dict[str, Any]], report: Report) -> None:
    """Compare what a close decided of a patient with the superbills that it issued."""
    decided = of["decided"]
    if decided is None:
        return
    what = f"What was decided of patient {of['patient']['id']}"
    report.want(
        sha256_of(decided["document"]) == decided["sha256"],
        f"{what} does not fit its SHA-256: it was changed.",
    )
    try:
        answer = json_of(decided["document"])
    except ValueError:
        report.add(f"{what} cannot be read.")
        return
    lines = {
        (each["program"], each["code"], each["date_of_service"]): each for each in answer["lines"]
    }
    for bill in bills:
        if bill and bill["closed"]["period"] == decided["period"]:
            for line in bill["lines"]:
                then = lines.get((line["program"], line["code"], line["date_of_service"]))
                report.want(
                    then is not None
                    and (then["units"], then["minutes"]) == (line["units"], line["minutes"]),
                    f"{what} has no line {line['code']} as superbill {bill['number']} has it.",
                )
    for meter in answer["meters"]:
        report.want(
            meter["minutes"] == meter["seconds"] // 60,
            f"{what}: the minutes of {meter['program']} are not its seconds.",
        )
    newest = [bill for bill in bills if bill and bill["closed"]["period"] == decided["period"]]
    for program in sorted({each["program"] for each in answer["meters"]}):
        rows = {
            row["entry_id"]: row["counted_seconds"]
            for bill in newest
            for row in bill["time"]
            if row["program"] == program
        }
        meters = [each["seconds"] for each in answer["meters"] if each["program"] == program]
        counted = sum(rows.values())
        # Several meters of one program may each count the same seconds.
        report.want(
            not rows or max(meters) <= counted <= sum(meters),
            f"{what} counts {max(meters)} seconds of {program}; the superbill counts {counted}.",
        )


# --- the exported ledger --------------------------------------------------------------------------


def ledger_lines(place: str) -> Iterator[list[Any]]:
    """Yield an exported ledger's first line and its rows."""
    content = Files(place).read("ledger.ndjson")
    try:
        for line in content.decode("ascii").splitlines():
            yield json.loads(line)
    except (ValueError, RecursionError) as error:
        raise PacketUnreadableError("The exported ledger cannot be read.") from error


def check_with_ledger(
    place: str, packet: dict[str, Any], closes: dict[int, Close], report: Report
) -> None:
    """Prove with an exported ledger that the packet's entries are all of it and in their places."""
    rows = ledger_lines(place)
    header: Any = next(rows, None)
    if not isinstance(header, dict) or header.get("format") != LEDGER_FORMAT:
        raise PacketUnreadableError(
            "The file given with --ledger is no ledger exported by Trellis."
        )
    if not report.want(
        header.get("practice") == packet["practice"]["id"], "The ledger is another practice's."
    ):
        return
    wanted = {each["patient"]["id"] for each in packet["patients"]}
    ym = int(packet["month"].replace("-", ""))
    hashes: dict[str, list[str]] = {"ledger": [ZEROS], "journal": [ZEROS]}
    there: dict[int, tuple[str, str]] = {}
    domains = {"ledger": ENTRY_DOMAIN, "journal": EVENT_DOMAIN}
    for row in rows:
        chain, number, digest, body = row if len(row) == len(LEDGER_ROW) else LEDGER_ROW
        known = hashes.get(chain)
        if known is None:
            raise PacketUnreadableError("A line of the exported ledger is no entry and no event.")
        report.want(
            number == len(known) and link_hash(domains[chain], known[-1], body) == digest,
            f"The exported ledger is broken at {chain} {number}: run verify_ledger.py on it.",
        )
        known.append(str(digest))
        if chain == "ledger":
            places = named(body, ENTRY_PLACES)
            if places.get("patient") in wanted and places.get("month") == ym:
                there[int(number)] = (str(places["patient"]), str(digest))
    for name, known in hashes.items():
        report.want(
            header.get(name) == {"length": len(known) - 1, "head": known[-1]},
            f"The exported ledger's {name} does not end as its first line says.",
        )
    shown = {
        entry["number"]: (of["patient"]["id"], entry["hash"])
        for of in packet["patients"]
        for entry in of["entries"]
    }
    ends = (packet["ledger"]["entries"], len(hashes["ledger"]) - 1)
    for number in sorted(there.keys() | shown.keys()):
        if number <= min(ends):
            report.want(
                there.get(number) == shown.get(number),
                f"Entry {number} is not in the packet as it is in the ledger.",
            )
    check_ends_with_ledger(packet, closes, hashes, report)
    if max(shown, default=0) > ends[1]:
        report.open.append(
            "The exported ledger is older than the packet: later entries are not in it."
        )


def check_ends_with_ledger(
    packet: dict[str, Any], closes: dict[int, Close], hashes: dict[str, list[str]], report: Report
) -> None:
    """Compare closes, their checkpoints and the packet's end of the ledger with an exported one."""

    def at(chain: str, number: int) -> str:
        return hashes[chain][number] if 0 <= number < len(hashes[chain]) else ""

    end = packet["ledger"]
    if end["entries"] < len(hashes["ledger"]):
        report.want(
            at("ledger", end["entries"]) == end["head"],
            "The packet names another end of the ledger than the ledger has.",
        )
    for close in closes.values():
        what = f"The close of {packet['month']}, event {close.event['seq']},"
        report.want(
            at("journal", close.event["seq"]) == close.event["hash"],
            f"{what} is not in the exported journal as it is in the packet.",
        )
        report.want(
            at("ledger", close.ledger_seq) == close.ledger_head,
            f"{what} names another end of the ledger than the ledger has.",
        )
        body = close.checkpoint
        if body:
            close.is_sealed = report.want(
                at("journal", body["journal_seq"]) == body["journal_head"]
                and at("ledger", body["ledger_seq"]) == body["ledger_head"]
                and body["journal_seq"] >= close.event["seq"],
                f"{what} is not sealed by its checkpoint: the ledger was rewritten after it.",
            )


# --- all of it ------------------------------------------------------------------------------------


def check(files: Files, ledger: str | None, keys: list[str], report: Report) -> dict[str, Any]:
    """Check a packet; return it."""
    for name in files.twice():
        report.add(f"The ZIP file holds '{name}' twice.")
    try:
        packet = json_of(files.read(PACKET_FILE).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise PacketUnreadableError(f"'{PACKET_FILE}' cannot be read: {error}.") from error
    if not isinstance(packet, dict) or packet.get("schema") != SCHEMA:
        raise PacketUnreadableError(f"'{PACKET_FILE}' is no audit packet ({SCHEMA}).")
    try:
        closes = {
            close.period: close
            for close in (check_close(each, packet, report) for each in packet["closes"])
        }
        seen: set[int] = set()
        for of in packet["patients"]:
            entries = check_entries(of, packet, report)
            bills = [
                check_superbill(each, of, entries, closes, packet, report)
                for each in of["superbills"]
            ]
            check_counted(bills, entries, report)
            check_decided(of, bills, report)
            numbers = {entry["number"] for entry in of["entries"]}
            report.want(not numbers & seen, "An entry is shown for two patients.")
            seen |= numbers
        if ledger is not None:
            check_with_ledger(ledger, packet, closes, report)
        for name, digest in packet["files"].items():
            report.want(
                re.fullmatch("[a-z_]+[.][a-z]+", name)
                and hashlib.sha256(files.read(name)).hexdigest() == digest,
                f"'{name}' is not the file that was made with this packet.",
            )
    except (KeyError, TypeError, AttributeError, IndexError, ValueError, RecursionError) as error:
        report.add(f"'{PACKET_FILE}' is not written as packets are ({type(error).__name__}).")
        return packet
    for close in closes.values():
        if close.key and keys:
            report.want(
                close.key in keys,
                f"The checkpoint is signed with another key than you gave: {close.key}.",
            )
    judge(packet, closes, ledger, keys, report)
    return packet


def judge(
    packet: dict[str, Any],
    closes: dict[int, Close],
    ledger: str | None,
    keys: list[str],
    report: Report,
) -> None:
    """Say what was proved and what could not be."""
    is_sealed = all(close.is_sealed for close in closes.values())
    report.proved.append("Every entry fits its own hash and receipt, and its note its digest.")
    if any(each["superbills"] for each in packet["patients"]):
        report.proved.append(
            "Every superbill is word for word what its close issued: its SHA-256 is in the list that "
            "the close's event names."
        )
        report.proved.append(
            "Every line's minutes are the counted seconds of its entries, rounded down once, and "
            "reach what the line needs; every entry carries the receipt that stands on the superbill."
        )
    if is_sealed:
        report.proved.append("Every close is sealed by a checkpoint, whose signature holds.")
    if ledger is not None:
        report.proved.append(
            "Every entry stands at its place in the exported ledger, and none of these patients' "
            "month is left out."
        )
    else:
        report.open.append(
            "That the whole hash of an entry stands at its place in the ledger, and that nothing was "
            "recorded that no superbill lists: give the exported ledger with --ledger."
        )
    if not keys:
        for key in dict.fromkeys(close.key for close in closes.values() if close.key):
            report.open.append(
                f"That the checkpoint is the practice's own: it is signed with the key {key}. Compare "
                "it with one you noted earlier, or give that with --key."
            )
    if any(not each["superbills"] for each in packet["patients"]):
        report.open.append(
            "What was decided of a patient without a superbill: its digest is among those of other "
            "patients, which are not shown."
        )
    report.open.append(
        "That the minutes which count were chosen rightly: that is decided by rules. The packet says "
        "by which, and what the program answered when it decided again."
    )
    report.open.append("That somebody did the work they recorded; only that the record stands.")


def say(sentence: str = "") -> None:
    """Print one line, also where the terminal lacks a letter."""
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(sentence.encode(encoding, "replace").decode(encoding) + "\n")


def tell(packet: dict[str, Any], report: Report) -> None:
    """Say what was read and what was found."""
    if report.number:
        for at, problem in enumerate(report.problems, start=1):
            say(f"{at}. {problem}")
        more = report.number - len(report.problems)
        if more:
            say(f"... and {more:,} more.")
        say(f"This packet does not hold: {report.number:,} finding(s).")
        return
    patients = packet["patients"]
    bills = sum(len(each["superbills"]) for each in patients)
    entries = sum(len(each["entries"]) for each in patients)
    say(
        f"Practice {packet['practice']['id']}, {packet['month']}: {len(patients):,} patient(s), "
        f"{bills:,} superbill(s), {entries:,} entries."
    )
    say("Everything fits.")
    say()
    say("Proved:")
    for sentence in report.proved:
        say(f"  - {sentence}")
    say()
    say("Not proved by this packet alone:")
    for sentence in report.open:
        say(f"  - {sentence}")
    say()
    say("What the program itself said when the packet was made (not checked here):")
    for each in patients:
        for result in each["replays"]:
            say(f"  - Patient {each['patient']['id']}: {result['words']}")


def noted_key(text: str) -> str:
    """Read an option that is a public key."""
    if not HASH.fullmatch(text.lower()):
        raise argparse.ArgumentTypeError("a key is 64 hexadecimal digits")
    return text.lower()


def main(arguments: list[str] | None = None) -> int:
    """Check a packet and return the exit status."""
    parser = argparse.ArgumentParser(
        description="Check an audit packet that Trellis made. Exit status: 0 everything fits, "
        "1 something does not, 2 it cannot be read."
    )
    parser.add_argument(
        "packet",
        nargs="?",
        default=".",
        help="the ZIP file, or the folder into which it was unpacked; this folder where absent",
    )
    parser.add_argument("--ledger", metavar="FILE", help="the practice's exported ledger")
    parser.add_argument(
        "--key", type=noted_key, action="append", default=[], help="the public key that you noted"
    )
    options = parser.parse_args(arguments)
    report = Report()
    try:
        packet = check(Files(options.packet), options.ledger, options.key, report)
    except PacketUnreadableError as error:
        sys.stderr.write(f"{error}\n")
        return UNREADABLE
    tell(packet, report)
    return FOUND if report.number else HOLDS


if __name__ == "__main__":
    sys.exit(main())
