"""Where the connection's parameters come from, and which win."""

import json
from pathlib import Path

import pytest
from snowflake.connector.connection import DEFAULT_CONFIGURATION

from scripts import snowflake_connection
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


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('passcode = "123456"', "passcode"),
        ('token_file_path = "/run/token"', "token_file_path"),
        ("client_request_mfa_token = true", "client_request_mfa_token"),
        ('proxy_host = "proxy"', "proxy_host"),
        ('oauth_client_id = "id"', "oauth_client_id"),
    ],
)
def test_every_way_to_log_in_is_taken(tmp_path: Path, line: str, key: str) -> None:
    """Keys that other tools write into connections.toml (K8-K18)."""
    file = tmp_path / "connections.toml"
    file.write_text(f'[default]\naccount = "a"\nuser = "u"\n{line}\n')
    assert key in read(file)
    assert snowflake_connection._LOGIN <= set(DEFAULT_CONFIGURATION)


@pytest.mark.parametrize("line", ["autocommit = false", 'paramstyle = "qmark"'])
def test_what_would_change_the_session_is_refused(tmp_path: Path, line: str) -> None:
    file = tmp_path / "connections.toml"
    file.write_text(f'[default]\naccount = "a"\nuser = "u"\n{line}\n')
    with pytest.raises(ConnectionSettingsError, match="how to log in"):
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
