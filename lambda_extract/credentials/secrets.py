"""Credentials of a source: Vault, AWS Secrets Manager, RDS IAM, or the environment.

`read` returns them, cached in the Lambda container: for its life, or well within their
lease if they have one. If PostgreSQL refuses a cached login, the password has
probably been rotated: `forget` it and read again.
"""

import dataclasses
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lambda_extract import log
from lambda_extract.credentials import vault
from lambda_extract.errors import CredentialsError
from lambda_extract.settings import VERIFIED, Source
from lambda_extract.values import protect

# Cached credentials are used for this share of their lease.
LEASE_SHARE = 2 / 3

_cache: dict[str, "_Cached"] = {}


@dataclass(frozen=True)
class Credentials:
    """A login, and the key that hashes columns. Secrets do not show in repr().

    Attributes:
        lease_seconds: Lifetime of the login from when it was read; None: no end.
    """

    user: str
    password: str = field(repr=False)
    hash_key: str = field(default="", repr=False)
    lease_seconds: float | None = None


@dataclass(frozen=True)
class _Cached:
    """Credentials, and the time (of time.monotonic) until which they are handed out."""

    credentials: Credentials
    until: float


def read(source: Source, *, needed_seconds: float = 0.0) -> Credentials:
    """Returns the credentials of a source.

    Args:
        needed_seconds: An extraction takes up to this long. Cached credentials whose
            lease would end before that are not handed out: Vault drops the role at the
            end of its lease, in the middle of a COPY too.

    Raises:
        CredentialsError: credentials_unavailable, credentials_denied,
            secret_not_found, vault_sealed.
    """
    if not is_cached(source):
        asked = time.monotonic()
        credentials = _READERS[source.credentials["kind"]](source, source.credentials)
        until = float("inf")
        if (lease := credentials.lease_seconds) is not None:
            if lease < needed_seconds:
                log.emit("lease_short", source=source.name, lease_seconds=lease)
            until = asked + min(lease * LEASE_SHARE, lease - needed_seconds)
        _cache[_place(source)] = _Cached(credentials, until)
        return credentials
    return _cache[_place(source)].credentials


def hash_key(source: Source, *, needed_seconds: float = 0.0) -> str:
    """Returns the key that hashes the columns of a source.

    It stands beside the password: field "hash_key" of the secret (or the one that
    `hash_key_field` names), or variable SOURCE_<NAME>_HASH_KEY. If the login has no
    secret of its own, or one that is rotated as a whole, `hash_key_path` (Vault) or
    `hash_key_secret_id` (Secrets Manager) names another one. Sources whose hashes are
    to be equal hold the same key.

    Raises:
        CredentialsError: credentials_unavailable; hash_key_missing.
    """
    key = read(source, needed_seconds=needed_seconds).hash_key
    if not key:
        # It may have been added since this container read the secret.
        forget(source)
        key = read(source, needed_seconds=needed_seconds).hash_key
    if len(key) < protect.SHORTEST_KEY:
        wrong = "is too short" if key else "is missing"
        raise CredentialsError(
            "hash_key_missing",
            f"A column is to be hashed, and the hash key of source {source.name!r}"
            f" {wrong}.",
        )
    return key


def _place(source: Source) -> str:
    """A reader has the same secret, but a login and a signed token of its own."""
    return f"{source.name} {source.host}:{source.port}"


def is_cached(source: Source) -> bool:
    """True if `read` would not ask anybody."""
    cached = _cache.get(_place(source))
    return cached is not None and time.monotonic() < cached.until


def forget(source: Source) -> None:
    """Drops the cached credentials."""
    _cache.pop(_place(source), None)


def _unavailable(source: str, reason: str) -> CredentialsError:
    return CredentialsError(
        "credentials_unavailable",
        f"The credentials of source {source!r} could not be read: {reason}.",
    )


def _required(source: str, options: Mapping[str, Any], name: str) -> str:
    if not options.get(name):
        raise _unavailable(source, f"the setting credentials.{name} is missing")
    return str(options[name])


def _pick(
    source: str,
    options: Mapping[str, Any],
    secret: Any,
    lease_seconds: float | None = None,
) -> Credentials:
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
    return Credentials(secret[user_field], secret[password_field], key, lease_seconds)


def _variables(source: str) -> str:
    return f"SOURCE_{source.upper().replace('-', '_')}"


def _hash_key_variable(source: str, options: Mapping[str, Any]) -> str:
    name = options.get("hash_key_variable", f"{_variables(source)}_HASH_KEY")
    return os.environ.get(str(name), "")


def _from_environment(source: Source, options: Mapping[str, Any]) -> Credentials:
    """Reads SOURCE_<NAME>_USER, _PASSWORD and _HASH_KEY, unless named otherwise."""
    default = _variables(source.name)
    user_variable = str(options.get("user_variable", f"{default}_USER"))
    password_variable = str(options.get("password_variable", f"{default}_PASSWORD"))
    user = os.environ.get(user_variable)
    if not user:
        raise _unavailable(source.name, f"the variable {user_variable} is not set")
    return Credentials(
        user,
        os.environ.get(password_variable, ""),
        _hash_key_variable(source.name, options),
    )


def _from_secrets_manager(source: Source, options: Mapping[str, Any]) -> Credentials:
    secret_id = _required(source.name, options, "secret_id")
    found = _pick(source.name, options, _managed_secret(source.name, secret_id))
    if options.get("hash_key_secret_id"):
        key = _managed_hash_key(source.name, options)
        found = dataclasses.replace(found, hash_key=key)
    return found


def _managed_hash_key(source: str, options: Mapping[str, Any]) -> str:
    """Reads the key from a secret of its own: RDS writes its logins' secrets again."""
    secret = _managed_secret(source, str(options["hash_key_secret_id"]))
    name = str(options.get("hash_key_field", "hash_key"))
    key = secret.get(name) if isinstance(secret, dict) else None
    if not isinstance(key, str):
        raise _unavailable(source, f"the hash key's secret has no text field {name!r}")
    return key


def _managed_secret(source: str, secret_id: str) -> Any:
    """Reads a secret of AWS Secrets Manager, which is JSON text."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client = boto3.client("secretsmanager")
        return json.loads(client.get_secret_value(SecretId=secret_id)["SecretString"])
    except ClientError as error:
        raise _refused(source, error.response.get("Error", {})) from None
    except (BotoCoreError, KeyError) as error:
        raise _unavailable(
            source, f"Secrets Manager failed ({type(error).__name__})"
        ) from None
    except (ValueError, RecursionError):
        # Its text would quote the secret.
        raise _unavailable(source, "the secret is not JSON text") from None


def _refused(source: str, error: Mapping[str, Any]) -> CredentialsError:
    name = str(error.get("Code", "error"))
    code = {
        "AccessDeniedException": "credentials_denied",
        "ResourceNotFoundException": "secret_not_found",
    }.get(name, "credentials_unavailable")
    return CredentialsError(
        code,
        f"The credentials of source {source!r} could not be read: Secrets Manager"
        f" answered {name}.",
    )


def _from_vault(source: Source, options: Mapping[str, Any]) -> Credentials:
    answer = vault.read(source.name, options)
    return _pick(source.name, options, answer.fields, answer.lease_seconds)


def _from_rds_iam(source: Source, options: Mapping[str, Any]) -> Credentials:
    """Signs a login token with the Lambda role's own credentials; no secret is kept.

    PostgreSQL grants the user rds_iam, IAM the role rds-db:connect on that user.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    if source.sslmode != VERIFIED:
        # The token is a password: whoever stands in between would be sent it.
        raise _unavailable(source.name, f"rds_iam needs sslmode {VERIFIED}")
    user = _required(source.name, options, "user")
    region = options.get("region")
    try:
        token = boto3.client("rds", region_name=region).generate_db_auth_token(
            DBHostname=source.host, Port=source.port, DBUsername=user
        )
    except (BotoCoreError, ClientError, ValueError) as error:
        raise _unavailable(
            source.name, f"no RDS token could be signed ({type(error).__name__})"
        ) from None
    key = (
        _managed_hash_key(source.name, options)
        if options.get("hash_key_secret_id")
        else _hash_key_variable(source.name, options)
    )
    return Credentials(user, token, key, 900.0)


_READERS = {
    "environment": _from_environment,
    "rds_iam": _from_rds_iam,
    "secrets_manager": _from_secrets_manager,
    "vault": _from_vault,
}
