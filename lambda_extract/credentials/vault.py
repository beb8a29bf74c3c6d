"""The only module that talks to HashiCorp Vault; its failures become ours.

Every credential that is asked for takes a login of its own, by AWS IAM or AppRole: no
Vault token is kept, so none can expire in a warm container. A lease of the database
secrets engine ends with the token that asked for it, so the shorter of the two counts.

hvac and boto3 are imported where they are used: importing hvac costs a cold start about
0.2 s, and a function that keeps its secret elsewhere need not pay that.
"""

import base64
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lambda_extract.errors import CredentialsError

CONNECT_SECONDS = 3.0
# Between two bytes; one answer as a whole gets ANSWER_SECONDS.
READ_SECONDS = 5.0
ANSWER_SECONDS = 8.0
MAX_ANSWER_BYTES = 1 << 20
# Waited before the second and the third attempt; there is no fourth. If each of three
# attempts at each of three requests takes all of its 3 + 5 + 8 s, they take 148 s of a
# worker's 300.
PAUSES = (0.3, 1.0)
STS_BODY = "Action=GetCallerIdentity&Version=2011-06-15"
SERVER_ID_HEADER = "X-Vault-AWS-IAM-Server-ID"


@dataclass(frozen=True)
class Answer:
    """What Vault gave.

    Attributes:
        fields: The secret. Never in a log.
        lease_seconds: How long it is valid; None: until somebody changes it.
    """

    fields: Mapping[str, Any]
    lease_seconds: float | None = None

    def __repr__(self) -> str:
        return f"Answer(fields=..., lease_seconds={self.lease_seconds})"


class _Failure(Exception):
    """An attempt failed: the error to report, and whether to try again."""

    def __init__(self, error: CredentialsError, *, again: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.again = again


def read(
    source: str,
    options: Mapping[str, Any],
    *,
    pause: Callable[[float], None] = time.sleep,
) -> Answer:
    """Logs in and reads the secret that the options name.

    Args:
        source: Name of the source, for messages.
        options: `credentials` of the source, see docs/SECURITY.md: url, namespace,
            ca_bundle, login, and either path and mount (engine "kv", version 2) or
            role and mount (engine "database").
        pause: Waits between attempts, in seconds.

    Raises:
        CredentialsError: vault_sealed, credentials_denied, secret_not_found,
            credentials_unavailable.
    """
    attempts = _Attempts(source, pause)
    client = _client(source, options)
    started = time.monotonic()
    token_seconds = attempts.run(
        "the login", lambda: _log_in(client, source, options.get("login") or {})
    )
    if options.get("engine", "kv") == "database":
        answer = attempts.run(
            "the database role", lambda: _from_database(client, source, options)
        )
        # The token was given first: its time has run since.
        left = token_seconds - (time.monotonic() - started) if token_seconds else None
        limits = [s for s in (answer.lease_seconds, left) if s is not None]
        answer = Answer(answer.fields, min(limits, default=None))
    else:
        answer = attempts.run("the secret", lambda: _from_kv(client, source, options))
    if not options.get("hash_key_path"):
        return answer
    place = {"path": options["hash_key_path"]} | _only(options, "kv_mount")
    more = attempts.run(
        "the hash key", lambda: _from_kv(client, source, place, "kv_mount")
    )
    # Nothing else of that secret: it may hold the login of somebody else.
    key = _only(more.fields, str(options.get("hash_key_field", "hash_key")))
    return Answer(dict(answer.fields) | key, answer.lease_seconds)


class _Attempts:
    """Repeats a request that may succeed in a moment, and names it in the error."""

    def __init__(self, source: str, pause: Callable[[float], None]) -> None:
        self._source = source
        self._pause = pause

    def run(self, what: str, request: Callable[[], Any]) -> Any:
        """Returns the request's result.

        Raises:
            CredentialsError: It was refused, or failed at every attempt.
        """
        for seconds in (*PAUSES, None):
            try:
                return self._once(what, request)
            except _Failure as failure:
                if seconds is None or not failure.again:
                    # Not `from failure`: what Vault says may quote the secret.
                    raise failure.error from None
                self._pause(seconds)
        raise AssertionError("the last attempt returns or raises")

    def _once(self, what: str, request: Callable[[], Any]) -> Any:
        import hvac
        import requests
        import urllib3

        try:
            return request()
        except hvac.exceptions.VaultError as error:
            raise self._refused(what, error) from None
        except requests.exceptions.SSLError:
            raise self._failed(
                "its TLS certificate was not accepted",
                again=False,
                hint="Set credentials.ca_bundle to the CA of Vault's certificate, and"
                " credentials.url to a name that the certificate carries.",
            ) from None
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            raise self._failed(f"{what} timed out", again=True) from None
        except _TooSlow:
            raise self._failed(f"{what} was answered too slowly", again=True) from None
        except _Redirected:
            raise self._failed(
                f"{what} was redirected",
                again=False,
                hint="Set credentials.url to the active node or its load balancer, or"
                " let standby nodes forward requests: a token is never sent to another"
                " address.",
            ) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            raise self._failed("it was not reached", again=True) from None
        except (KeyError, TypeError, ValueError, AttributeError):
            # A proxy's page, or another version of the secrets engine.
            raise self._failed(
                f"the answer to {what} has not Vault's shape", again=False
            ) from None

    def _failed(self, reason: str, *, again: bool, hint: str = "") -> _Failure:
        return _Failure(
            _error(self._source, "credentials_unavailable", reason, hint), again=again
        )

    def _refused(self, what: str, error: Exception) -> _Failure:
        import hvac.exceptions as kinds

        name = type(error).__name__
        if isinstance(error, (kinds.VaultDown, kinds.VaultNotInitialized)):
            reason = "it is sealed or not ready (HTTP 503 or 501)"
            return _Failure(_error(self._source, "vault_sealed", reason), again=True)
        login = what == "the login"
        if isinstance(error, (kinds.Forbidden, kinds.Unauthorized)) or (
            login and isinstance(error, kinds.InvalidRequest)
        ):
            hint = LOGIN_HINT if login else POLICY_HINT
            reason = f"{what} was denied ({name})"
            return _Failure(
                _error(self._source, "credentials_denied", reason, hint), again=False
            )
        if isinstance(error, (kinds.InvalidPath, kinds.InvalidRequest)):
            reason = f"there is nothing where {what} is looked for ({name})"
            return _Failure(
                _error(self._source, "secret_not_found", reason), again=False
            )
        # 429, 412 (a replica that lags behind), 500, 502.
        return self._failed(f"{what} failed ({name})", again=True)


LOGIN_HINT = (
    "Check credentials.login: the Vault role, the role or secret id, and for aws_iam"
    " the role's bound principal and the server id header."
)
POLICY_HINT = "Let the policy of the Vault role read this path, in this namespace."


def _error(source: str, code: str, reason: str, hint: str = "") -> CredentialsError:
    return CredentialsError(
        code,
        f"Vault did not give the credentials of source {source!r}: {reason}.",
        hint=hint,
    )


def _setting(source: str, options: Mapping[str, Any], name: str) -> str:
    if not options.get(name):
        raise _error(
            source,
            "credentials_unavailable",
            f"the setting credentials.{name} is missing",
            hint="Complete the SOURCES setting of the Lambda function.",
        )
    return str(options[name])


def _only(options: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {name: options[name]} if name in options else {}


class _TooSlow(Exception):
    """An answer dripped in for longer than it may take, or is far too large."""


class _Redirected(Exception):
    """Vault sent the request on to another address."""


def _check_answer(response: Any, **_: Any) -> None:
    """Refuses redirects, and reads the body within bounds.

    requests follows a redirect with X-Vault-Token still on it, and limits only the time
    between two bytes.
    """
    if 300 <= response.status_code < 400:
        response.close()
        raise _Redirected
    deadline = time.monotonic() + ANSWER_SECONDS
    body = bytearray()
    # read1 returns what is there; read and iter_content wait until a block is full.
    while block := response.raw.read1(65536, decode_content=True):
        body += block
        if time.monotonic() > deadline or len(body) > MAX_ANSWER_BYTES:
            response.close()
            raise _TooSlow
    # requests has no public way to say "this is what was read".
    response._content = bytes(body)


def _client(source: str, options: Mapping[str, Any]) -> Any:
    import hvac
    import requests

    url = _setting(source, options, "url")
    if not url.startswith("https://"):
        raise _error(
            source,
            "credentials_unavailable",
            "the setting credentials.url does not begin with https://",
            hint="Vault is spoken to over TLS alone.",
        )
    session = requests.Session()
    # Neither a proxy nor ~/.netrc nor REQUESTS_CA_BUNDLE of the surroundings.
    session.trust_env = False
    session.verify = str(options.get("ca_bundle") or "") or True
    session.hooks["response"].append(_check_answer)
    return hvac.Client(
        url=url,
        namespace=options.get("namespace"),
        timeout=(CONNECT_SECONDS, READ_SECONDS),
        session=session,
        allow_redirects=False,
        verify=session.verify,
        token="",
    )


def _log_in(client: Any, source: str, login: Mapping[str, Any]) -> float:
    """Logs in; returns how many seconds the token lives, 0 for ever."""
    method = login.get("method")
    if method == "approle":
        variable = str(login.get("secret_id_variable", "VAULT_SECRET_ID"))
        answer = client.auth.approle.login(
            role_id=_setting(source, login, "role_id"),
            secret_id=os.environ.get(variable) or None,
            mount_point=str(login.get("mount", "approle")),
        )
    elif method == "aws_iam":
        mount = str(login.get("mount", "aws")).strip("/")
        answer = client.adapter.login(
            url=f"/v1/auth/{mount}/login",
            use_token=True,
            json=_signed_identity(source, login),
        )
    else:
        raise _error(
            source,
            "credentials_unavailable",
            "the setting credentials.login.method must be approle or aws_iam",
        )
    return float(answer["auth"].get("lease_duration") or 0)


def _signed_identity(source: str, login: Mapping[str, Any]) -> dict[str, Any]:
    """Signs sts:GetCallerIdentity, which Vault sends on to learn who asks.

    hvac's own signer always names the global endpoint, whose signatures are valid for
    us-east-1 alone; here `sts_region` chooses a regional one, as the Vault
    administrator has configured it (sts_endpoint, sts_region).
    """
    import boto3
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    keys = boto3.Session().get_credentials()
    if keys is None:
        raise _error(
            source, "credentials_denied", "the function has no AWS credentials"
        )
    region = str(login.get("sts_region") or "")
    host = f"sts.{region}.amazonaws.com" if region else "sts.amazonaws.com"
    headers = {
        "Host": host,
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
    }
    if login.get("header_value"):
        headers[SERVER_ID_HEADER] = str(login["header_value"])
    request = AWSRequest("POST", f"https://{host}/", data=STS_BODY, headers=headers)
    signer = SigV4Auth(keys.get_frozen_credentials(), "sts", region or "us-east-1")
    signer.add_auth(request)
    signed = json.dumps(dict(request.headers.items()))
    body = {
        "iam_http_request_method": "POST",
        "iam_request_url": _base64(f"https://{host}/"),
        "iam_request_body": _base64(STS_BODY),
        "iam_request_headers": _base64(signed),
    }
    return body | ({"role": str(login["role"])} if login.get("role") else {})


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _from_kv(
    client: Any, source: str, options: Mapping[str, Any], mount: str = "mount"
) -> Answer:
    found = client.secrets.kv.v2.read_secret_version(
        path=_setting(source, options, "path"),
        mount_point=str(options.get(mount, "secret")),
        raise_on_deleted_version=True,
    )
    return Answer(dict(found["data"]["data"]))


def _from_database(client: Any, source: str, options: Mapping[str, Any]) -> Answer:
    found = client.secrets.database.generate_credentials(
        name=_setting(source, options, "role"),
        mount_point=str(options.get("mount", "database")),
    )
    return Answer(dict(found["data"]), float(found["lease_duration"]))
