"""Connects to Snowflake, a real account or the local one.

Later settings win: the connection file, then SNOWFLAKE_* variables, then options.
Secrets are never options: command lines are visible to every user of the machine.
"""

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import snowflake.connector
from snowflake.connector.errors import Error as SnowflakeError

_ENVIRONMENT = {
    "SNOWFLAKE_ACCOUNT": "account",
    "SNOWFLAKE_USER": "user",
    "SNOWFLAKE_PASSWORD": "password",
    "SNOWFLAKE_ROLE": "role",
    "SNOWFLAKE_WAREHOUSE": "warehouse",
    "SNOWFLAKE_AUTHENTICATOR": "authenticator",
    "SNOWFLAKE_PRIVATE_KEY_FILE": "private_key_file",
    "SNOWFLAKE_PRIVATE_KEY_FILE_PWD": "private_key_file_pwd",
    "SNOWFLAKE_TOKEN": "token",
    "SNOWFLAKE_HOST": "host",
    "SNOWFLAKE_PORT": "port",
    "SNOWFLAKE_PROTOCOL": "protocol",
}
# Of the connector's other parameters those that say how one logs in, and by which way.
# What changes the session itself (autocommit, session_parameters, ...) is refused: a
# deployment rests on its own.
_LOGIN = frozenset(
    {
        *("passcode", "passcode_in_password", "token_file_path", "private_key"),
        *("private_key_passphrase", "oauth_client_id", "oauth_client_secret"),
        *("oauth_authorization_url", "oauth_token_request_url", "oauth_redirect_uri"),
        *("oauth_scope", "workload_identity_provider", "client_request_mfa_token"),
        *("client_store_temporary_credential", "external_browser_timeout"),
        *("login_timeout", "network_timeout", "socket_timeout", "ocsp_fail_open"),
        *("proxy_host", "proxy_port", "proxy_user", "proxy_password", "no_proxy"),
    }
)
_KNOWN = frozenset(_ENVIRONMENT.values()) | _LOGIN | {"database", "schema", "region"}


class ConnectionSettingsError(ValueError):
    """The settings do not describe a connection, or Snowflake refused it."""


def read_settings(
    *,
    file: Path | None,
    name: str | None,
    options: Mapping[str, str | None],
    environment: Mapping[str, str] = os.environ,
) -> dict[str, Any]:
    """Returns the connector's parameters.

    Args:
        file: connections.json of the local stack, or connections.toml.
        name: Connection to take from the TOML file; "default" if not given.
        options: Parameters from the command line; None is not set.
        environment: Process environment.

    Raises:
        ConnectionSettingsError: The file cannot be used, or account or user is missing.
    """
    settings: dict[str, Any] = {}
    if file is not None:
        settings.update(_read_file(file, name or "default"))
    settings.update(
        {
            key: environment[var]
            for var, key in _ENVIRONMENT.items()
            if var in environment
        }
    )
    settings.update({key: value for key, value in options.items() if value is not None})
    unknown = sorted(set(settings) - _KNOWN)
    if unknown:
        raise ConnectionSettingsError(
            f"unknown settings: {', '.join(unknown)}. Taken are those that say how to"
            f" log in: {', '.join(sorted(_KNOWN))}."
        )
    missing = sorted({"account", "user"} - set(settings))
    if missing:
        raise ConnectionSettingsError(
            f"missing: {', '.join(missing)}. Give --connection-file, --account and "
            "--user, or SNOWFLAKE_ACCOUNT and SNOWFLAKE_USER."
        )
    if "private_key_file" in settings and "authenticator" not in settings:
        settings["authenticator"] = "SNOWFLAKE_JWT"
    if "port" in settings:
        settings["port"] = int(settings["port"])
    return settings


def connect(settings: Mapping[str, Any]) -> Any:
    """Opens a connection.

    Raises:
        ConnectionSettingsError: Snowflake cannot be reached or refuses the login.
    """
    # The database may not exist yet; the SQL files select it after creating it.
    parameters = {k: v for k, v in settings.items() if k not in ("database", "schema")}
    try:
        return snowflake.connector.connect(
            **parameters,
            application="aurora_sync_deploy",
            session_parameters={"QUERY_TAG": "aurora_sync deploy"},
        )
    except (SnowflakeError, OSError) as error:
        raise ConnectionSettingsError(
            f"cannot connect to Snowflake: {error}"
        ) from error
    except (TypeError, ValueError) as error:
        # What the connector raises before it asks anybody: the key cannot be read.
        if "private_key_file" not in parameters:
            raise
        raise ConnectionSettingsError(
            f"{parameters['private_key_file']} cannot be read as a private key: it must"
            " be PEM (PKCS 8), and an encrypted one needs its passphrase in"
            " SNOWFLAKE_PRIVATE_KEY_FILE_PWD"
        ) from error


def _read_file(path: Path, name: str) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise ConnectionSettingsError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise ConnectionSettingsError(f"{path}: {error}") from error
    if path.suffix == ".json":
        section = content.get("snowflake", content)
    else:
        connections = content.get("connections", content)
        if name not in connections:
            known = ", ".join(sorted(connections)) or "none"
            raise ConnectionSettingsError(f"{path} has no connection {name}: {known}")
        section = connections[name]
    return _rename_cli_settings(section)


def _rename_cli_settings(section: Mapping[str, Any]) -> dict[str, Any]:
    """The Snowflake CLI calls the key file private_key_path; the connector does not."""
    renamed = dict(section)
    if "private_key_path" in renamed:
        renamed["private_key_file"] = renamed.pop("private_key_path")
    return renamed
