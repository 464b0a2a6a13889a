"""``trellis schema``: the shipped schemas are valid and belong to the documents."""

import json

import jsonschema
import pytest

from trellis_core.cli import main
from trellis_core.cli.schema import documents


@pytest.mark.parametrize("document", documents())
def test_a_schema_is_a_valid_schema(document: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", document]) == 0
    jsonschema.Draft202012Validator.check_schema(json.loads(capsys.readouterr().out))


def test_case_and_determination_always_have_one() -> None:
    assert {"case", "determination"} <= set(documents())


def test_an_unknown_document_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["schema", "invoice"])
    assert caught.value.code == 2
    assert "invoice" in capsys.readouterr().err
