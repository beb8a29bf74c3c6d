"""Where the connection's parameters come from, and which win."""

import json
from pathlib import Path

import pytest

from scripts.snowflake_connection import (
    ConnectionSettingsError,
    connect,
    read_settings,
)


def read(file: Path | None = None, name: str | None = None, **given: str) -> dict:
    environment = {k: v for k, v in given.items() if k.isupper()}
    options = {k: v for k, v in given.items() if not k.isupper()}
    return read_settings(file=file, name=name, options=options, environment=environment)


def test_options_win_over_the_environment_and_that_over_the_file(
    tmp_path: Path,
) -> None:
    file = tmp_path / "connections.toml"
    file.write_text('[default]\naccount = "a"\nuser = "file"\nrole = "file"\n')
    settings = read(
        file, SNOWFLAKE_USER="environment", SNOWFLAKE_ROLE="environment", role="option"
    )
    assert settings == {"account": "a", "user": "environment", "role": "option"}


def test_the_local_stack_s_file_is_understood(tmp_path: Path) -> None:
    file = tmp_path / "connections.json"
    snowflake = {"host": "127.0.0.1", "port": 1, "account": "a", "user": "u"}
    file.write_text(json.dumps({"aurora": {"dsn": "x"}, "snowflake": snowflake}))
    assert read(file) == snowflake


def test_a_named_connection_of_the_cli_is_understood(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        '[connections.prod]\naccount = "a"\nuser = "u"\nprivate_key_path = "key.p8"\n'
    )
    assert read(file, "prod") == {
        "account": "a",
        "user": "u",
        "private_key_file": "key.p8",
        "authenticator": "SNOWFLAKE_JWT",
    }
    with pytest.raises(ConnectionSettingsError, match="no connection test: prod"):
        read(file, "test")


def test_a_port_from_the_environment_becomes_a_number() -> None:
    settings = read(SNOWFLAKE_ACCOUNT="a", SNOWFLAKE_USER="u", SNOWFLAKE_PORT="8080")
    assert settings["port"] == 8080


def test_missing_settings_are_named() -> None:
    with pytest.raises(ConnectionSettingsError, match="missing: account"):
        read(SNOWFLAKE_USER="u")


def test_unknown_settings_are_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "connections.toml"
    file.write_text('[default]\naccount = "a"\nuser = "u"\npasswort = "x"\n')
    with pytest.raises(ConnectionSettingsError, match="unknown settings: passwort"):
        read(file)


@pytest.mark.parametrize(("name", "text"), [("a.json", "{"), ("a.toml", "=")])
def test_a_malformed_file_is_named(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConnectionSettingsError, match=name):
        read(tmp_path / name)


def test_a_missing_key_file_is_explained(tmp_path: Path) -> None:
    settings = read(
        account="a", user="u", private_key_file=str(tmp_path / "missing.p8")
    )
    with pytest.raises(ConnectionSettingsError, match="cannot connect to Snowflake"):
        connect(settings)
