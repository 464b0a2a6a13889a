"""``trellis rates``: amounts with schedule, release and formula, in JSON and for people."""

import json
from pathlib import Path

import pytest

from tests.support.small_panel import SmallPanel
from trellis_core.access import AccessRole
from trellis_core.cli import main
from trellis_core.services.billing_records import FeeListKind
from trellis_core.services.fee_lists import import_fee_list
from trellis_core.store.engine import Store
from trellis_core.values.clock import SystemClock


def rates(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, object]]:
    assert main(["rates", *words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["schema"] == "trellis.rates/1"
    found: list[dict[str, object]] = answer["rates"]
    return found


def test_a_national_rate_says_where_it_is_from(capsys: pytest.CaptureFixture[str]) -> None:
    (rate,) = rates(capsys, "99490", "--on", "2026-06-30")
    assert rate == {
        "code": "99490",
        "on": "2026-06-30",
        "allowed": "66.13",
        "currency": "USD",
        "schedule": "medicare-2026",
        "release": "RVU26C",
        "locality": None,
        "setting": "nonfacility",
        "formula": "1.98 RVU x 33.4009 = 66.13",
        "is_estimate": False,
    }


def test_place_setting_and_factor_decide(capsys: pytest.CaptureFixture[str]) -> None:
    on = ("--on", "2026-06-30")
    assert rates(capsys, "99490", *on, "--facility")[0]["allowed"] == "43.76"
    assert rates(capsys, "99490", *on, "--qualifying-apm")[0]["allowed"] == "66.46"
    (local,) = rates(capsys, "g0568", *on, "--state", "wi", "--locality", "00")
    assert (local["code"], local["allowed"], local["locality"]) == ("G0568", "154.25", "WI-00")


def test_a_year_without_tables_has_no_amount(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rates", "99490", "99439", "--on", "2027-01-31", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["rates"] == [
        {"code": "99490", "on": "2027-01-31"},
        {"code": "99439", "on": "2027-01-31"},
    ]
    assert captured.err.splitlines() == [
        "99490: no amount is on file for 2027-01-31.",
        "99439: no amount is on file for 2027-01-31.",
        (
            "Medicare's amounts on file end on 2026-12-31. Once CMS has published those of 2027, load "
            "them with 'trellis import medicare'."
        ),
    ]


def test_a_year_without_localities_has_national_amounts_only(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["99490", "g0568", "--on", "2024-06-30"]
    assert main(["rates", *words, "--state", "WI", "--locality", "00", "--json"]) == 0
    captured = capsys.readouterr()
    assert [each.keys() for each in json.loads(captured.out)["rates"]] == [{"code", "on"}] * 2
    local, unknown = captured.err.splitlines()
    assert local.startswith("99490: national only for 2024")
    assert unknown == "G0568: no amount is on file for 2024-06-30."
    assert rates(capsys, "99490", "--on", "2024-06-30")[0]["locality"] is None


def test_a_practices_lists_are_asked_for_by_name_or_payer(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    panel = SmallPanel(store)
    owner = panel.staff("own-1", "non_clinical", "")
    owner.access = AccessRole.OWNER.value
    panel.add(owner)
    for payer in ("Fernbank Mutual", "Juniper Plan"):
        panel.add(panel.patient(payer, payer_name=payer))
    content = b"code,amount,effective_from,effective_through\n99490,%s,2026-01-01,2026-12-31\n"
    for kind, payer, amount, name in (
        (FeeListKind.CHARGES, "", b"95", ""),
        (FeeListKind.CHARGES, "Fernbank Mutual", b"97", ""),
        (FeeListKind.CONTRACT, "Fernbank Mutual", b"71.50", ""),
        (FeeListKind.CONTRACT, "Juniper Plan", b"70", "Agreed 2026"),
    ):
        import_fee_list(
            content % amount, kind=kind, payer_name=payer, name=name, store=store,
            actor=panel.actor(AccessRole.OWNER), clock=SystemClock(),
        )  # fmt: skip
    words = ["99490", "--on", "2026-06-30", "--store", f"sqlite:///{store.path}", "--as", "own-1"]

    (rate,) = rates(capsys, *words, "--schedule", "juniper plan")
    assert (rate["allowed"], rate["schedule"], rate["kind"], rate["payer"]) == (
        "70.00", "Agreed 2026", "contract", "Juniper Plan",
    )  # fmt: skip
    assert str(rate["release"]).startswith("imported 20")
    assert rate["formula"] == "as listed from 2026-01-01 through 2026-12-31"
    (rate,) = rates(capsys, *words, "--schedule", "charges")
    assert (rate["allowed"], rate["payer"]) == ("95.00", None)
    (rate,) = rates(capsys, *words, "--schedule", "Contract, Fernbank Mutual")
    assert rate["allowed"] == "71.50"

    assert rates(capsys, *words)[0]["schedule"] == "medicare-2026"

    for name, said in (
        (
            "Fernbank Mutual",
            (
                "2 lists: 'Charges, Fernbank Mutual' (charges, Fernbank Mutual); "
                "'Contract, Fernbank Mutual' (contract, Fernbank Mutual)."
            ),
        ),
        ("gold", "'Agreed 2026' (contract, Juniper Plan)"),
    ):
        assert main(["rates", *words, "--schedule", name]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert said in captured.err


def test_the_quoted_estimate_is_called_one(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["rates", "99490", "--on", "2026-06-30", "--schedule", "published-estimate"]
    assert main([*words, "--json"]) == 0
    captured = capsys.readouterr()
    (rate,) = json.loads(captured.out)["rates"]
    assert (rate["allowed"], rate["is_estimate"]) == ("62.00", True)
    assert "estimate" in captured.err
    assert "not a Medicare amount" in captured.err


def test_a_practice_reads_its_own_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "charges.csv"
    own.write_text("code,amount,effective_from\n99490,95.00,2026-01-01\n")
    (rate,) = rates(capsys, "99490", "--on", "2026-06-30", "--schedule", str(own))
    assert (rate["allowed"], rate["schedule"]) == ("95.00", "charges")


def test_the_table_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rates", "99490", "--on", "2026-06-30"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "code   on          allowed  schedule       release  locality  setting",
        "99490  2026-06-30    66.13  medicare-2026  RVU26C   national  nonfacility",
        "       1.98 RVU x 33.4009 = 66.13",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["99490", "--on", "2026-06-30", "--state", "NY"], "--state and --locality together"),
        (["99490", "--on", "2026-06-30", "--locality", "01"], "--state and --locality together"),
        (
            ["99490", "--on", "2026-06-30", "--state", "NY", "--locality", "77"],
            "No Medicare locality NY 77",
        ),
        (["99490", "--on", "2026-06-30", "--schedule", "gold"], "no fee schedule 'gold'"),
        (["99490", "--on", "2026-06-30", "--schedule", "gone.csv"], "'gone.csv' cannot be read"),
        (["banana", "--on", "2026-06-30"], "'BANANA' is not a HCPCS code"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rates", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err


def test_a_day_that_is_none_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["rates", "99490", "--on", "2026-02-29"])
    assert caught.value.code == 2
    assert "'2026-02-29' is not a day" in capsys.readouterr().err
