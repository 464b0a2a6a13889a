"""The command's frame: help, refusals, interruptions."""

from pathlib import Path

import pytest

from trellis_core import cli
from trellis_core.cli import COMMANDS, Command, available_commands, main
from trellis_core.cli import rates as rates_module


def test_help_lists_every_available_command_with_its_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for name, command in available_commands().items():
        assert f"    {name} " in text
        assert command.help.split(",")[0].split(":")[0] in text


def test_a_command_without_its_module_is_not_offered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "COMMANDS", {**COMMANDS, "fly": Command("no_such_module", "fly away")})
    assert "fly" not in available_commands()
    with pytest.raises(SystemExit) as caught:
        main(["fly"])
    assert caught.value.code == 2
    assert "invalid choice: 'fly'" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(available_commands()))
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    assert f"usage: trellis {name}" in capsys.readouterr().out


def test_every_command_module_is_in_the_table() -> None:
    folder = Path(cli.__file__).parent
    modules = {file.stem for file in folder.glob("*.py")} - {"__init__", "__main__", "common"}
    assert {name for name in modules if not name.startswith("_")} <= {
        each.module for each in COMMANDS.values()
    }


def test_nothing_asked_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("trellis 0.")


def test_a_refusal_is_one_plain_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rates", "9949", "--on", "2026-06-30"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("trellis: '9949' is not a HCPCS code")
    assert captured.err.count("\n") == 1


def test_stopping_from_the_keyboard_leaves_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(rates_module, "run", stopped)
    assert main(["rates", "99490", "--on", "2026-06-30"]) == 130
    assert capsys.readouterr().err == "trellis: stopped.\n"
