"""Where settings come from, and what is told of wrong ones."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from hubbub.settings import Settings, SettingsError, load_settings, variables

DOCUMENT = Path(__file__).parents[1] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def wrong(environment: dict[str, str] | None = None, **given: Any) -> str:
    with pytest.raises(SettingsError) as refused:
        load_settings(environment or {}, **given)
    return str(refused.value)


def test_defaults() -> None:
    assert load_settings({}) == Settings()


def test_each_source_goes_over_the_former(home: Path) -> None:
    (home / "hubbub.toml").write_text('port = 1\nhost = "0.0.0.0"\nworld = "file"\nmax_upload = 5\n')
    environment = {"HUBBUB_PORT": "2", "HUBBUB_HOST": "::1", "HUBBUB_WORLD": ""}
    settings = load_settings(environment, port=3, host=None)
    assert settings == Settings(port=3, host="::1", world="file", max_upload=5)


def test_a_file_that_is_named(home: Path) -> None:
    (home / "a.toml").write_text('world = "a"')
    (home / "b.toml").write_text('world = "b"')
    assert load_settings({"HUBBUB_CONFIG": "a.toml"}).world == "a"
    assert load_settings({"HUBBUB_CONFIG": "a.toml"}, file=home / "b.toml").world == "b"
    assert "nowhere.toml cannot be read" in wrong({"HUBBUB_CONFIG": "nowhere.toml"})


def test_rates(home: Path) -> None:
    (home / "hubbub.toml").write_text("[rates.message]\nper_second = 5\nburst = 10\n")
    rates = load_settings({}).all_rates()
    assert (rates["message"].per_second, rates["message"].burst) == (5, 10)
    assert rates["login"].burst > 0


def test_applications(home: Path) -> None:
    text = '[groupme.applications]\na = "https://a.example/x?y=z"\nb = "org.example.b:/in"\n'
    (home / "hubbub.toml").write_text(text)
    assert load_settings({}).groupme.applications == {"a": "https://a.example/x?y=z", "b": "org.example.b:/in"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("port = [", "hubbub.toml is not TOML"),
        ("prot = 80", "prot in hubbub.toml is no setting"),
        ('port = "80"', "port in hubbub.toml is wrong: Expected `int`"),
        ("max_upload = 0", "max_upload in hubbub.toml is wrong: it is at least 1"),
        ("[rates.mesage]\nper_second = 5\nburst = 10", "there is no class mesage"),
        ("[rates.message]\nper_second = 0\nburst = 10", "message needs a per_second over 0"),
        ("[rates.message]\nper_second = 5", "missing required field `burst`"),
        ('[groupme.applications]\nx = "javascript:alert(1)"', "the address of the application 'x' is like"),
        ('[groupme.applications]\nx = "https://a.example/#x"', "the address of the application 'x' is like"),
        ('[groupme.applications]\n"" = "https://a.example/"', "the address of the application '' is like"),
        ("[groupme]\napplication = 1", "groupme in hubbub.toml is wrong"),
    ],
)
def test_a_wrong_file(home: Path, text: str, told: str) -> None:
    (home / "hubbub.toml").write_text(text)
    assert told in wrong()


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("HUBBUB_PORT", "http", "HUBBUB_PORT is wrong: Expected `int`"),
        ("HUBBUB_PORT", "65536", "HUBBUB_PORT is wrong: it is 0 to 65535, not 65536"),
        ("HUBBUB_NODE", "16", "HUBBUB_NODE is wrong: it is 0 to 15"),
        ("HUBBUB_DATABASE", "hubbub.db", "HUBBUB_DATABASE is wrong: it is a URL such as sqlite:///hubbub.db"),
        ("HUBBUB_URL", "chat.example.org", "HUBBUB_URL is wrong: it begins with"),
    ],
)
def test_a_wrong_variable(variable: str, value: str, told: str) -> None:
    assert told in wrong({variable: value})


def test_a_wrong_option() -> None:
    assert wrong(port=-1).startswith("--port is wrong")


def test_a_password_in_a_setting_is_not_told() -> None:
    assert "s3cret" not in wrong({"HUBBUB_DATABASE": "postgresql:me:s3cret@db"})


def test_every_setting_is_documented() -> None:
    text = DOCUMENT.read_text()
    for field in msgspec.structs.fields(Settings):
        assert f"`{field.name}`" in text, f"docs/settings.md does not tell of {field.name}"
    for variable in variables():
        assert f"`{variable}`" in text, f"docs/settings.md does not tell of {variable}"
