"""``trellis roi``: inputs with their sources, and results, as text and as JSON."""

import io
import json
import stat
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from tests.support.small_panel import SmallPanel
from trellis_core.access import AccessRole
from trellis_core.cli import main
from trellis_core.documents.disclaimer import DISCLAIMER
from trellis_core.ledger.journal import EventKind, parse_event
from trellis_core.roi import RoiInputs, Worker
from trellis_core.services.billing_records import FeeListKind
from trellis_core.services.fee_lists import import_fee_list
from trellis_core.services.scenarios import SaveScenario, save_scenario
from trellis_core.store.engine import Store
from trellis_core.store.tables import EVENT
from trellis_core.values.clock import SystemClock


def answer_of(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert main(["roi", "--json", *words]) == 0
    answer: dict[str, object] = json.loads(capsys.readouterr().out)
    return answer


def written(folder: Path, document: object) -> str:
    file = folder / "inputs.json"
    file.write_text(json.dumps(document))
    return str(file)


def test_without_a_file_the_defaults_are_shown_with_source_and_date(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = answer_of(capsys)
    assert answer["schema"] == "trellis.roi/1"
    assert answer["disclaimer"] == DISCLAIMER
    rows = answer["assumptions"]
    assert isinstance(rows, list)
    share = next(row for row in rows if row["name"] == "medicare_share")
    assert (share["value"], share["default"], share["dated"]) == ("0.22", "0.22", "2013")
    assert "MGMA" in share["source"]


def test_a_file_of_inputs_gives_the_worked_check_from_the_published_amounts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, {"panel": 2000, "add_on_40": "0.15", "add_on_60": 0})
    results = answer_of(capsys, file)["results"]
    assert isinstance(results, dict)
    year = results["first_year"]
    assert (year["cash"], year["cost"], year["net"]) == ("22434.17", "16591.13", "5843.04")
    assert results["rates"][0]["schedule"] == "medicare-2026"


def test_the_answer_can_be_given_back_as_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = answer_of(capsys, written(tmp_path, {"worker": "RN", "reach": 0.5}))
    second = answer_of(capsys, written(tmp_path, first))
    assert second == first


def test_the_text_shows_inputs_results_floor_and_disclaimer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["roi"]) == 0
    text = capsys.readouterr().out
    assert "enter yours" in text
    assert "15 patients x 66.13 = 991.95 a month, 11903.40 a year" in text
    assert "15 patients x 62.00 = 930.00 a month, 11160.00 a year" in text
    assert "amounts of 2026, national, nonfacility" in text
    assert "It costs $16,591 and leaves a net of $6,611." in " ".join(text.split())
    assert "  = Net                               6610.77" in text
    assert "  licensed practical nurse: 32 hours, 0.19 of a full-time position, 1381.15" in text
    assert text.rstrip().endswith(DISCLAIMER)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('{"pannel": 1}', "UNKNOWN_KEY"),
        ('{"panel": NaN}', "NOT_JSON"),
        ('{"panel": 1, "panel": 2}', "DUPLICATE_KEY"),
        ("[]", "WRONG_TYPE"),
        ("", "NOT_JSON"),
    ],
)
def test_a_bad_file_is_refused_with_exit_status_two(
    tmp_path: Path, content: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "inputs.json"
    file.write_text(content)
    assert main(["roi", str(file)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert code in printed.err


def test_a_file_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["roi", "/nowhere/inputs.json"]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_the_answer_has_every_part_and_its_keys_add_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = {
        "programs": ["CCM", "PCM"],
        "worker": "RN",
        "payer_original": 0,
        "payer_medicaid": 1,
    }
    answer = answer_of(capsys, written(tmp_path, document))
    assert answer["link"] == "payer_original=0&payer_medicaid=1&worker=RN&programs=CCM%2CPCM"
    assert (answer["scenario"], answer["files"]) == (None, [])
    assert "Medicaid brings nothing" in str(answer["summary"])
    rows = answer["assumptions"]
    assert isinstance(rows, list)
    assert {"name": "worker", "value": "RN", "default": "LPN"}.items() <= next(
        row for row in rows if row["name"] == "worker"
    ).items()
    results = answer["results"]
    assert isinstance(results, dict)
    assert results["unpaid"] == ["medicaid"]
    assert [(part["program"], part["missing"]) for part in results["programs"]] == [
        ("CCM", []),
        ("PCM", ["pcm_share"]),
    ]
    assert [need["worker"] for need in results["staff"]] == ["RN"]
    taken = [Decimal(each["amount"]) for each in results["waterfall"] if not each["is_level"]]
    assert results["waterfall"][-1]["amount"] == results["first_year"]["net"] == str(sum(taken))


def test_files_are_written_whole_and_for_their_owner_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "roi-2026.csv").write_text("an older one")
    answer = answer_of(capsys, "--pdf", str(tmp_path / "x.pdf"), "--csv", str(tmp_path))
    files = answer["files"]
    assert isinstance(files, list)
    assert [Path(each["file"]).name for each in files] == ["x.pdf", "roi-2026.csv"]
    for each in files:
        content = Path(each["file"]).read_bytes()
        assert (each["bytes"], each["sha256"]) == (len(content), sha256(content).hexdigest())
        assert stat.S_IMODE(Path(each["file"]).stat().st_mode) == 0o600
    assert len(PdfReader(tmp_path / "x.pdf").pages) == 2
    assert (tmp_path / "roi-2026.csv").read_text().startswith("month,")
    assert main(["roi", "--pdf", str(tmp_path / "no" / "x.pdf")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_one_file_may_take_the_answers_place(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["roi", "--pdf", "-"]) == 0
    assert len(PdfReader(io.BytesIO(capsysbinary.readouterr().out)).pages) == 2
    assert main(["roi", "--pdf", "-", "--csv", "-"]) == 2
    assert b"Only one file" in capsysbinary.readouterr().err


@pytest.fixture
def practice(store: Store) -> list[str]:
    """The options that name a practice with a contract and a saved scenario, and its owner."""
    panel = SmallPanel(store)
    owner = panel.staff("own-1", "non_clinical", "")
    owner.access = AccessRole.OWNER.value
    panel.add(owner, panel.patient("pt-1", payer_name="Juniper Plan"))
    actor, clock = panel.actor(AccessRole.OWNER), SystemClock()
    import_fee_list(
        b"code,amount,effective_from,effective_through\n99490,70,2026-01-01,\n",
        kind=FeeListKind.CONTRACT, payer_name="Juniper Plan", name="", store=store,
        actor=actor, clock=clock,
    )  # fmt: skip
    inputs = RoiInputs(
        worker=Worker.RN,
        payer_original=Decimal(0),
        payer_commercial=Decimal(1),
        contract_commercial="Juniper Plan",
    )
    save_scenario(
        SaveScenario(name="Next year", inputs=inputs), store=store, actor=actor, clock=clock
    )
    return ["--store", f"sqlite:///{store.path}", "--as", "own-1"]


def test_a_saved_scenario_stands_on_its_practices_contracts(
    practice: list[str], store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = answer_of(
        capsys, "--scenario", "NEXT year", "--pdf", str(tmp_path / "x.pdf"), *practice
    )
    assert answer["scenario"] == "Next year"
    results, files = answer["results"], answer["files"]
    assert isinstance(results, dict)
    assert isinstance(files, list)
    assert {"code": "99490", "amount": "70.00", "payer": "Juniper Plan", "place": None}.items() <= (
        results["rates"][0].items()
    )
    text = PdfReader(tmp_path / "x.pdf").pages[0].extract_text()
    assert text.startswith("Next year")
    with store.reading() as unit:
        kinds = (EventKind.COMMAND_RUN.value, EventKind.DOWNLOADED.value)
        bodies = unit.connection.execute(select(EVENT.c.body).where(EVENT.c.kind.in_(kinds)))
        told = [parse_event(body) for body in bodies.scalars()]
    assert [(each.kind, each.subject_id) for each in told] == [
        (EventKind.COMMAND_RUN, "roi"),
        (EventKind.DOWNLOADED, files[0]["sha256"]),
    ]

    again = answer_of(capsys, written(tmp_path, answer), *practice)
    assert again["results"] == results


def test_a_scenario_is_refused_that_is_not_there_or_not_alone(
    practice: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, said in (
        (["--scenario", "Last year", *practice], "no scenario 'Last year'. Saved: Next year."),
        (["--scenario", "Next year", *practice[:2]], "Say who acts"),
        (["--scenario", "Next year", written(tmp_path, {}), *practice], "not both"),
        (["--csv", "-", *practice[:2]], "Say who acts"),
        ([written(tmp_path, {"contract_commercial": "Fern"}), *practice], "No contracted amounts"),
        ([written(tmp_path, {"contract_commercial": "Fern"})], "No contracted amounts"),
    ):
        assert main(["roi", *words]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert said in captured.err
    assert main(["roi", *practice[:2]]) == 0
