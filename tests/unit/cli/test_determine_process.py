"""``trellis determine`` as a process of its own: streams, statuses, signals, size."""

import json
import os
import signal
import subprocess
import sys
import time
from array import array
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import TRELLIS
from tests.support.scenario_case import complete, entry

ROOT = Path(__file__).parents[3]
MONTH = {"service_month": "2026-11"}
SECRET = "Margaret Whitfield"


def trellis(*words: str, given: bytes = b"", **more: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*TRELLIS, *words], input=given, capture_output=True, cwd=ROOT, check=False, **more
    )


def staffed(**more: object) -> dict[str, object]:
    staff = [
        {"id": "dr-1", "role": "billing_practitioner", "credential": "MD"},
        {"id": "rn-1", "role": "clinical_staff", "credential": "RN"},
    ]
    return {**MONTH, "staff": staff, **more}


def logged(**more: object) -> dict[str, object]:
    return staffed(time_entries=[entry("t1", 20, note=SECRET, **more)])


REFUSALS: list[tuple[str, str, bytes | object]] = [
    ("NOT_JSON", "", b""),
    ("NOT_JSON", "", b'{"service_month": "2026-11"'),
    ("NOT_JSON", "", '{"case": "Zoë"}'.encode("latin-1")),
    ("NOT_JSON", "[1].case", b'[{"service_month": "2026-11"}, {"case": NaN}]'),
    ("TOO_DEEP", "", b"[" * 100_000 + b"]" * 100_000),
    ("DUPLICATE_KEY", "patient.sex", b'{"patient": {"sex": "f", "sex": "m"}}'),
    (
        "DUPLICATE_ID",
        "time_entries[1].id",
        staffed(time_entries=[entry("t1", 20), entry("t1", 30)]),
    ),
    ("UNKNOWN_KEY", "[0].patient.name", [{**MONTH, "patient": {"name": SECRET}}]),
    ("UNKNOWN_VALUE", "staff[0].credential", {"staff": [{"credential": SECRET}], **MONTH}),
    ("UNKNOWN_REFERENCE", "time_entries[0].staff", logged(staff="rn-9")),
    ("WRONG_TYPE", "time_entries[0].billed_elsewhere", logged(billed_elsewhere=SECRET)),
    ("OUT_OF_RANGE", "time_entries[0].seconds", logged(seconds=86_401)),
    ("OUT_OF_RANGE", "case", b'{"service_month": "2026-11", "case": 1e400}'),
    ("BAD_DATE", "patient.birth_date", {**MONTH, "patient": {"birth_date": "1950-02-30"}}),
    ("BAD_DATE", "service_month", {"service_month": "2026-13"}),
    ("BAD_TIME", "time_entries[0].started_at", logged(at="2026-11-03T10:00:00")),
    (
        "BAD_NPI",
        "[1].staff[2].npi",
        [
            MONTH,
            staffed(staff=[*[{"role": "non_clinical"}] * 2, {"role": "non_clinical", "npi": "9"}]),
        ],
    ),
    ("BAD_ICD10", "patient.conditions[0].icd10", {"patient": {"conditions": [{"icd10": "E119"}]}}),
    ("BAD_TIME_ZONE", "practice.time_zone", {"practice": {"time_zone": "../../etc/passwd"}}),
    ("BAD_LOCALITY", "practice.locality", {"practice": {"state": "NY", "locality": "77"}, **MONTH}),
    ("MISSING_KEY", "service_month", {}),
    ("MISSING_KEY", "staff", {**MONTH, "time_entries": [entry("t1", 20)]}),
]


@pytest.mark.parametrize(("code", "path", "given"), REFUSALS)
def test_a_refusal_is_one_object_on_standard_error(
    code: str, path: str, given: bytes | object
) -> None:
    data = given if isinstance(given, bytes) else json.dumps(given).encode()
    done = trellis("determine", "-", given=data)
    assert done.returncode == 2
    assert done.stdout == b""
    told = json.loads(done.stderr)
    assert list(told) == ["error", "path", "message"]
    assert (told["error"], told["path"]) == (code, path)
    assert told["message"].endswith((".", "?"))
    assert done.stderr.isascii()
    assert b"\n" not in done.stderr.rstrip(b"\n")
    assert SECRET.encode() not in done.stderr
    assert len(done.stderr) < 1000


def test_every_code_of_the_contract_comes_from_a_process() -> None:
    text = (ROOT / "docs" / "case-format.md").read_text("utf-8")
    listed = text.split("## What is refused")[1].split("\n## ")[0]
    codes = {line.split("`")[1] for line in listed.splitlines() if line.startswith("| `")}
    assert {code for code, _, _ in REFUSALS} == codes
    assert len(codes) == 16


def test_files_lists_and_standard_input_give_one_flat_list_in_order(tmp_path: Path) -> None:
    one, several, none = (tmp_path / name for name in ("one.json", "several.json", "none.json"))
    one.write_text(json.dumps({"case": "1", **MONTH}), "utf-8")
    several.write_text(json.dumps([{"case": "2", **MONTH}, {"case": "3", **MONTH}]), "utf-8")
    none.write_bytes(b"\xef\xbb\xbf[]\n")
    piped = json.dumps([{"case": "4", **MONTH}]).encode()

    def cases(*names: Path | str) -> object:
        done = trellis("determine", *map(str, names), given=piped)
        assert (done.returncode, done.stderr) == (0, b"")
        told = json.loads(done.stdout)
        return [each["case"] for each in told] if isinstance(told, list) else told["case"]

    assert cases(one) == "1"
    assert cases("-") == ["4"]
    assert cases(none) == []
    assert cases(none, none) == []
    assert cases(none, one) == ["1"]
    assert cases(several, none, one, "-", several) == ["2", "3", "1", "4", "2", "3"]


def test_no_text_of_a_case_steers_the_terminal() -> None:
    hostile = "a\x1b[31m\u202e\n\nMay be billed\n  9 x 99490\x07"
    case = staffed(case=hostile, time_entries=[entry("t\x1b]0;x", 5, activity="administrative")])
    done = trellis("determine", "-", "--format", "text", given=json.dumps(case).encode())
    assert done.returncode == 0
    text = done.stdout.decode("utf-8")
    first = text.splitlines()[0]
    assert first.startswith(
        "Service month 2026-11: a\\u001b[31m\\u202e May be billed 9 x 99490\\u0007"
    )
    assert "t\\u001b]0;x" in text
    assert text.replace("\n", "").isprintable()
    answer = json.loads(trellis("determine", "-", given=json.dumps(case).encode()).stdout)
    assert answer["case"] == hostile


def test_one_bad_case_anywhere_refuses_everything(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps([MONTH] * 50), "utf-8")
    bad.write_text(json.dumps([*[MONTH] * 49, {}]), "utf-8")
    for names in ((bad,), (good, bad), (bad, good)):
        done = trellis("determine", *map(str, names))
        assert (done.returncode, done.stdout) == (2, b"")
        told = json.loads(done.stderr)
        assert (told["error"], told["path"]) == ("MISSING_KEY", "[49].service_month")
        assert ("bad.json" in told["message"]) == (len(names) > 1)


def test_what_is_no_file_is_refused_by_its_name(tmp_path: Path) -> None:
    unreadable = tmp_path / "locked.json"
    unreadable.write_text("{}", "utf-8")
    unreadable.chmod(0)
    names: list[str | bytes] = [str(tmp_path), str(tmp_path / "gone.json"), b"\xff\xfe.json"]
    if os.getuid():
        names.append(str(unreadable))
    for name in names:
        done = trellis("determine", name)  # type: ignore[arg-type]
        assert (done.returncode, done.stdout) == (2, b"")
        told = json.loads(done.stderr.decode("ascii"))
        assert (told["error"], told["path"]) == ("NOT_JSON", "")
        assert "cannot be read" in told["message"]
        told["message"].encode("utf-8")


def test_standard_input_is_read_once() -> None:
    done = trellis("determine", "-", "-", given=json.dumps(MONTH).encode())
    assert (done.returncode, done.stdout) == (2, b"")
    assert "once" in json.loads(done.stderr)["message"]


def test_usage_that_is_wrong_ends_with_2_and_no_answer() -> None:
    for words in (("determine",), ("determine", "x", "--format", "xml"), ("determine", "--huh")):
        done = trellis(*words)
        assert (done.returncode, done.stdout) == (2, b"")
        assert done.stderr.startswith(b"usage: trellis determine")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_full_disk_is_told_in_one_sentence(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        for words in (("determine", "-"), ("schema", "case")):
            done = subprocess.run(
                [*TRELLIS, *words],
                input=json.dumps(MONTH).encode(),
                stdout=full,
                stderr=subprocess.PIPE,
                cwd=ROOT,
                check=False,
            )
            assert done.returncode == 2
            assert done.stderr.startswith(b"trellis: ")
            assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("closed", "status", "errors"), [("<&-", 2, b"NOT_JSON"), (">&-", 0, b""), ("2>&-", 2, b"")]
)
def test_a_stream_that_is_closed_leaves_no_traceback(
    closed: str, status: int, errors: bytes, tmp_path: Path
) -> None:
    given = tmp_path / "case.json"
    given.write_text(json.dumps(MONTH) if status == 0 else "x", "utf-8")
    name = "-" if closed == "<&-" else str(given)
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$0" "$@" {closed}', *TRELLIS, "determine", name],
        capture_output=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == status
    assert done.stdout == b""
    assert errors in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_reader_that_stops_early_gets_no_traceback(tmp_path: Path) -> None:
    file = tmp_path / "case.json"
    file.write_text(json.dumps([{"case": "x" * 2000, **MONTH}] * 200), "utf-8")
    for words in (["determine", str(file)], ["schema", "case"]):
        with subprocess.Popen(
            [*TRELLIS, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.read(10)
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode == 0


def wait_until_it_waits(process_id: int, pipe: int) -> None:
    """Return when the command has read what was written and sleeps until more comes.

    A signal between two reads is noticed by Python only after the second one has returned.
    """
    fcntl, termios = (pytest.importorskip(name) for name in ("fcntl", "termios"))
    unread = array("i", [1])
    status = Path(f"/proc/{process_id}/stat")
    for _ in range(3000):
        fcntl.ioctl(pipe, termios.FIONREAD, unread)
        if not unread[0] and (not status.exists() or state_of(status) == "S"):
            break
        time.sleep(0.01)
    time.sleep(0 if status.exists() else 2)  # where no file tells, all it needs is a moment


def state_of(status: Path) -> str:
    """Return the letter the system has for what a process does; S is asleep."""
    return status.read_text(encoding="utf-8").rpartition(")")[2].split()[0]


def test_stopping_from_the_keyboard_answers_nothing(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with (
        subprocess.Popen(
            [*TRELLIS, "determine", str(pipe)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
        ) as process,
        pipe.open("wb") as writer,
    ):  # returns once the command has opened its end
        writer.write(b"[")
        writer.flush()
        wait_until_it_waits(process.pid, writer.fileno())
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert output == b""
    assert errors == b"trellis: stopped.\n"


def full_case() -> dict[str, Any]:
    """Return a case of every program with a month's entries."""
    plan = (("CCM", "rn-1"), ("BHI", "rn-1"), ("CoCM", "bhcm-1"), ("PCM", "rn-1"))
    entries = [
        entry(
            f"{program}-{day}",
            17,
            program=program,
            staff=staff,
            at=f"2026-11-{day:02d}T{8 + hour:02d}:00:00-05:00",
        )
        for hour, (program, staff) in enumerate(plan)
        for day in (3, 9, 17, 24)
    ]
    return complete("CCM", "PCM", "BHI", "CoCM", "APCM", "TCM") | {"time_entries": entries}


def most_memory(*words: str) -> tuple[int, int]:
    """Run the command in a process of its own; return its status and its most memory in megabytes."""
    program = (
        "import sys\n"
        "from trellis_core.cli import main\n"
        f"status = main({list(words)!r})\n"
        "with open('/proc/self/status') as lines:\n"
        "    most = next(line for line in lines if line.startswith('VmHWM'))\n"
        "print(status, most.split()[1], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        check=True,
    )
    status, kilobytes = done.stderr.splitlines()[-1].split()
    return int(status), int(kilobytes) // 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux to ask for memory")
def test_a_long_list_takes_little_more_than_the_memory_of_its_text(tmp_path: Path) -> None:
    file = tmp_path / "many.json"
    file.write_text(json.dumps([full_case()] * 2000), "utf-8")
    status, megabytes = most_memory("determine", str(file))
    assert status == 0
    assert megabytes < 400


def test_a_list_that_is_refused_at_its_end_answers_nothing(tmp_path: Path) -> None:
    file = tmp_path / "many.json"
    file.write_text(json.dumps([*[MONTH] * 20_000, {}]), "utf-8")
    done = trellis("determine", str(file))
    assert done.returncode == 2
    assert done.stdout == b""
    assert json.loads(done.stderr)["path"] == "[20000].service_month"
