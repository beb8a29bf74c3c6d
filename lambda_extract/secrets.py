"""Credentials of a source: Vault, AWS Secrets Manager, or the environment.

`read` returns them, cached for the life of the Lambda container. Where PostgreSQL
refuses a cached login, the password has probably been rotated: `forget` it and read
once more.

hvac and boto3 are imported where they are used: importing hvac costs a cold start about
0.2 s, and a function that keeps its secret elsewhere need not pay that.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lambda_extract import protect
from lambda_extract.errors import CredentialsError
from lambda_extract.settings import Source

_cache: dict[str, "Credentials"] = {}


@dataclass(frozen=True)
class Credentials:
    """A login, and the key that hashes columns. Secrets do not show in repr()."""

    user: str
    password: str = field(repr=False)
    hash_key: str = field(default="", repr=False)


def read(source: Source) -> Credentials:
    """Returns the credentials of a source.

    Raises:
        CredentialsError: credentials_unavailable.
    """
    if source.name not in _cache:
        kind = source.credentials["kind"]
        _cache[source.name] = _READERS[kind](source.name, source.credentials)
    return _cache[source.name]


def hash_key(source: Source) -> str:
    """Returns the key that hashes the columns of a source.

    It stands beside the password: field "hash_key" of the secret (or the one that
    `hash_key_field` names), or variable SOURCE_<NAME>_HASH_KEY. Sources whose hashes
    are to be equal hold the same key.

    Raises:
        CredentialsError: credentials_unavailable; hash_key_missing.
    """
    key = read(source).hash_key
    if not key:
        # It may have been added since this container read the secret.
        forget(source)
        key = read(source).hash_key
    if len(key) < protect.SHORTEST_KEY:
        wrong = "is too short" if key else "is missing"
        raise CredentialsError(
            "hash_key_missing",
            f"A column is to be hashed, and the hash key of source {source.name!r}"
            f" {wrong}.",
        )
    return key


def is_cached(source: Source) -> bool:
    """True where `read` would not ask anybody."""
    return source.name in _cache


def forget(source: Source) -> None:
    """Drops the cached credentials."""
    _cache.pop(source.name, None)


def _unavailable(source: str, reason: str) -> CredentialsError:
    return CredentialsError(
        "credentials_unavailable",
        f"The credentials of source {source!r} could not be read: {reason}.",
    )


def _required(source: str, options: Mapping[str, Any], name: str) -> str:
    if not options.get(name):
        raise _unavailable(source, f"the setting credentials.{name} is missing")
    return str(options[name])


def _pick(source: str, options: Mapping[str, Any], secret: Any) -> Credentials:
    """Takes user and password out of a secret's fields."""
    user_field = str(options.get("user_field", "username"))
    password_field = str(options.get("password_field", "password"))
    if not isinstance(secret, dict):
        raise _unavailable(source, "the secret is not an object with fields")
    for name in (user_field, password_field):
        if not isinstance(secret.get(name), str):
            raise _unavailable(source, f"the secret has no text field {name!r}")
    key = secret.get(str(options.get("hash_key_field", "hash_key")), "")
    if not isinstance(key, str):
        raise _unavailable(source, "the secret's hash key is not text")
    return Credentials(secret[user_field], secret[password_field], key)


def _from_environment(source: str, options: Mapping[str, Any]) -> Credentials:
    """Reads SOURCE_<NAME>_USER, _PASSWORD and _HASH_KEY, unless named otherwise."""
    default = f"SOURCE_{source.upper().replace('-', '_')}"
    user_variable = str(options.get("user_variable", f"{default}_USER"))
    password_variable = str(options.get("password_variable", f"{default}_PASSWORD"))
    user = os.environ.get(user_variable)
    if not user:
        raise _unavailable(source, f"the variable {user_variable} is not set")
    key_variable = str(options.get("hash_key_variable", f"{default}_HASH_KEY"))
    return Credentials(
        user,
        os.environ.get(password_variable, ""),
        os.environ.get(key_variable, ""),
    )


def _from_secrets_manager(source: str, options: Mapping[str, Any]) -> Credentials:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    secret_id = _required(source, options, "secret_id")
    try:
        client = boto3.client("secretsmanager")
        text = client.get_secret_value(SecretId=secret_id)["SecretString"]
        secret = json.loads(text)
    except ClientError as error:
        reason = error.response.get("Error", {}).get("Code", "error")
        raise _unavailable(source, f"Secrets Manager answered {reason}") from error
    except (BotoCoreError, KeyError) as error:
        raise _unavailable(
            source, f"Secrets Manager failed ({type(error).__name__})"
        ) from error
    except ValueError:
        # Its text would quote the secret.
        raise _unavailable(source, "the secret is not JSON text") from None
    return _pick(source, options, secret)


def _from_vault(source: str, options: Mapping[str, Any]) -> Credentials:
    import hvac
    import requests

    url = _required(source, options, "url")
    path = _required(source, options, "path")
    try:
        client = hvac.Client(url=url, namespace=options.get("namespace"), timeout=10)
        _log_in(client, source, options.get("login") or {})
        secret = client.secrets.kv.v2.read_secret_version(
            path=path,
            mount_point=str(options.get("mount", "secret")),
            raise_on_deleted_version=True,
        )["data"]["data"]
    except hvac.exceptions.VaultError as error:
        raise _unavailable(source, f"Vault answered {type(error).__name__}") from error
    except (requests.RequestException, KeyError, TypeError) as error:
        raise _unavailable(
            source, f"Vault was not reached ({type(error).__name__})"
        ) from error
    return _pick(source, options, secret)


def _log_in(client: Any, source: str, login: Mapping[str, Any]) -> None:
    """Logs in to Vault by AppRole, or by AWS IAM with the Lambda's own role."""
    method = login.get("method")
    if method == "approle":
        variable = str(login.get("secret_id_variable", "VAULT_SECRET_ID"))
        client.auth.approle.login(
            role_id=_required(source, login, "role_id"),
            secret_id=os.environ.get(variable) or None,
            mount_point=str(login.get("mount", "approle")),
        )
    elif method == "aws_iam":
        import boto3

        session = boto3.Session()
        frozen = session.get_credentials()
        if frozen is None:
            raise _unavailable(source, "the function has no AWS credentials")
        keys = frozen.get_frozen_credentials()
        client.auth.aws.iam_login(
            access_key=keys.access_key,
            secret_key=keys.secret_key,
            session_token=keys.token,
            header_value=login.get("header_value"),
            role=login.get("role"),
            region=session.region_name or "us-east-1",
            mount_point=str(login.get("mount", "aws")),
        )
    else:
        raise _unavailable(
            source, "the setting credentials.login.method must be approle or aws_iam"
        )


_READERS = {
    "environment": _from_environment,
    "secrets_manager": _from_secrets_manager,
    "vault": _from_vault,
}
