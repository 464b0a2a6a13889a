"""The documents of the contract stay true: their examples are read and validated as printed."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from trellis_core.care import vocabulary
from trellis_core.case_file import case_schema, determination_schema, read_cases
from trellis_core.cli import COMMANDS, available_commands, main

DOCS = Path(__file__).parents[2] / "docs"


def example(number: int) -> object:
    block = (DOCS / "case-format.md").read_text("utf-8").split("```jsonc")[number].split("```")[0]
    document: object = json.loads(re.sub(r"//.*", "", block))
    return document


def test_the_case_of_the_document_is_read_and_has_every_key() -> None:
    case = example(1)
    facts = read_cases(json.dumps(case).encode()).facts[0]
    assert facts.case == "anything; comes back unchanged"
    jsonschema.validate(case, case_schema())
    assert isinstance(case, dict)
    properties = case_schema()["$defs"]["case"]["properties"]  # type: ignore[index]
    assert set(case) == set(properties)
    for name in ("practice", "patient"):
        assert set(case[name]) == set(properties[name]["properties"])
    assert set(case["payer"]["policy"]) == set(
        properties["payer"]["properties"]["policy"]["properties"]
    )
    for name in ("enrollments", "consents", "care_plans", "time_entries", "discharges", "visits"):
        assert set(case[name][0]) == set(properties[name]["items"]["properties"]), name


def test_the_defaults_of_the_document_are_those_of_the_reader() -> None:
    case = example(1)
    assert isinstance(case, dict)
    properties = case_schema()["$defs"]["case"]["properties"]  # type: ignore[index]
    policy = properties["payer"]["properties"]["policy"]["properties"]
    for key, value in case["payer"]["policy"].items():
        if key not in {"tcm_bundles", "unit_caps"}:
            assert policy[key]["default"] == value, key


def test_the_determination_of_the_document_validates() -> None:
    jsonschema.validate(example(2), determination_schema())


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ("program", vocabulary.Program),
        ("staff role", vocabulary.StaffRole),
        ("credential", vocabulary.Credential),
        ("activity", vocabulary.Activity),
        ("discharged from", vocabulary.DischargedFrom),
        ("discharged to", vocabulary.DischargedTo),
    ],
)
def test_the_closed_lists_of_the_document_are_those_of_the_code(
    row: str, kind: type[vocabulary.Program]
) -> None:
    text = (DOCS / "case-format.md").read_text("utf-8")
    (listed,) = re.findall(rf"^\| {row} \| (.*) \|$", text, re.MULTILINE)
    assert re.findall(r"`([^`\"]+)`", listed) == [each.value for each in kind if each.value]


def test_every_command_is_in_its_document() -> None:
    text = (DOCS / "cli.md").read_text("utf-8")
    assert set(re.findall(r"^\| `trellis ([a-z]+)", text, re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("name", sorted(available_commands()))
def test_every_option_of_the_document_is_one_of_the_command(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (DOCS / "cli.md").read_text("utf-8")
    rows = re.findall(rf"^\| `trellis {name}\b.*$", text, re.MULTILINE)
    assert rows
    for usage in re.findall(r"`trellis ([^`]*)`", "\n".join(rows)):
        words = usage.split()[: 2 if name in {"import", "export", "month", "people"} else 1]
        with pytest.raises(SystemExit):
            main([*words, "--help"])
        told = capsys.readouterr().out
        assert [option for option in re.findall(r"--[a-z-]+", usage) if option not in told] == []
