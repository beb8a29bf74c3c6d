"""Every call of AWS that the Lambda code makes, and the permissions that it takes.

`collect` finds the calls in the source; CALLS declares what each needs. A call without
a declaration is an error, and so is a declaration that no call needs any more. What AWS
and Snowflake do with the roles by themselves is declared below that.

Permissions are those of AWS's Service Authorization Reference; Snowflake's are in its
documentation (data-load-s3-config-storage-integration and
external-functions-creating-aws).
"""

import ast
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

FRONT, WORKER = "front", "worker"
BOTH = (FRONT, WORKER)


class CallError(ValueError):
    """A call cannot be told, is not declared, or is declared for nothing."""


@dataclass(frozen=True)
class Need:
    """One permission.

    Attributes:
        functions: Which of the two functions need it.
        action: IAM's name, such as "s3:GetObject".
        kind: What it is done to, see scripts/check_access.py: job, data, settings,
            bucket, key, worker, secret, secret_key, database_user, dead_letters, logs,
            interface, anything.
    """

    functions: tuple[str, ...]
    action: str
    kind: str


def _both(action: str, kind: str) -> Need:
    return Need(BOTH, action, kind)


def _worker(action: str, kind: str) -> Need:
    return Need((WORKER,), action, kind)


_ENCRYPT = _both("kms:GenerateDataKey", "key")
_DECRYPT = _both("kms:Decrypt", "key")

CALLS: dict[str, tuple[Need, ...]] = {
    # A conditional write (If-None-Match) takes the same permission as any other.
    "s3.put_object": (
        _both("s3:PutObject", "job"),
        _worker("s3:PutObject", "data"),
        _ENCRYPT,
    ),
    # Without s3:ListBucket an object that is not there reads as a refusal.
    "s3.get_object": (
        _both("s3:GetObject", "job"),
        _worker("s3:GetObject", "settings"),
        _both("s3:ListBucket", "bucket"),
        _DECRYPT,
    ),
    # Whose object it is that a conditional write met.
    "s3.head_object": (
        _both("s3:GetObject", "job"),
        _worker("s3:GetObject", "data"),
        _both("s3:ListBucket", "bucket"),
        _DECRYPT,
    ),
    # Which parts of a group's job are taken, and which are done.
    "s3.list_objects_v2": (_both("s3:ListBucket", "bucket"),),
    "s3.delete_object": (_worker("s3:DeleteObject", "data"),),
    "s3.create_multipart_upload": (_worker("s3:PutObject", "data"), _ENCRYPT),
    # Each part is encrypted with the data key that the first call made.
    "s3.upload_part": (_worker("s3:PutObject", "data"), _DECRYPT),
    "s3.complete_multipart_upload": (_worker("s3:PutObject", "data"), _DECRYPT),
    "s3.abort_multipart_upload": (_worker("s3:AbortMultipartUpload", "data"),),
    # A worker may hand over to the next one.
    "lambda.invoke": (_both("lambda:InvokeFunction", "worker"),),
    "secretsmanager.get_secret_value": (
        _worker("secretsmanager:GetSecretValue", "secret"),
        _worker("kms:Decrypt", "secret_key"),
    ),
    # Signed without a request; Aurora asks IAM.
    "rds.generate_db_auth_token": (_worker("rds-db:connect", "database_user"),),
    # Vault sends the signed GetCallerIdentity on, which IAM allows to everybody.
    "sts.signed_request": (),
}

# What Lambda does with a function's role outside of its code.
OF_LAMBDA = (
    _both("logs:CreateLogStream", "logs"),
    _both("logs:PutLogEvents", "logs"),
    _both("xray:PutTraceSegments", "anything"),
    _both("xray:PutTelemetryRecords", "anything"),
    _both("ec2:CreateNetworkInterface", "interface"),
    _both("ec2:DeleteNetworkInterface", "interface"),
    _both("ec2:AssignPrivateIpAddresses", "interface"),
    _both("ec2:UnassignPrivateIpAddresses", "interface"),
    _both("ec2:DescribeNetworkInterfaces", "anything"),
    _both("ec2:DescribeSubnets", "anything"),
    # The destination of failed events is an encrypted queue.
    _worker("sqs:SendMessage", "dead_letters"),
    _worker("kms:GenerateDataKey", "key"),
    _worker("kms:Decrypt", "key"),
)

# What Snowflake does with the roles that it assumes: action and kind.
OF_STORAGE_ROLE = (
    ("s3:GetObject", "data"),
    ("s3:GetObjectVersion", "data"),
    ("s3:ListBucket", "bucket"),
    ("s3:GetBucketLocation", "bucket"),
    ("kms:Decrypt", "key"),
)
OF_API_ROLE = (("execute-api:Invoke", "GET"), ("execute-api:Invoke", "POST"))
OF_ALERTS_ROLE = (
    ("sns:Publish", "topic"),
    ("kms:GenerateDataKey", "key"),
    ("kms:Decrypt", "key"),
)

# Of CloudWatch Logs with a key: "Encrypt log data in CloudWatch Logs using KMS".
KEY_ACTIONS_OF_LOGS = (
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:DescribeKey",
)
# Of flow logs: "IAM role for publishing flow logs to CloudWatch Logs".
OF_FLOW_LOGS = (
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
)


def collect(folders: Iterable[Path]) -> dict[str, str]:
    """Returns "service.method" -> one place ("file:line") of every call in the source.

    A method counts wherever its name stands: called, passed on, or as a text that
    `getattr` is given. Services are those that a client is made of.

    Raises:
        CallError: A client is made of a service that cannot be read from the source.
    """
    files = {
        path: ast.parse(path.read_text(encoding="utf-8"), str(path))
        for folder in folders
        for path in sorted(folder.rglob("*.py"))
    }
    makers = {
        name for path, tree in files.items() for name in _makers_of_clients(path, tree)
    }
    services = {
        service for tree in files.values() for service in _services(tree, makers)
    }
    methods = {
        method: f"{service}.{method}"
        for service in sorted(services)
        for method in _methods(service)
    }
    found: dict[str, str] = {}
    for path, tree in files.items():
        for line, name in _names(tree):
            if call := methods.get(name):
                found.setdefault(call, f"{path.name}:{line}")
        for line, service in _signed(tree):
            found.setdefault(f"{service}.signed_request", f"{path.name}:{line}")
    return found


def undeclared(found: dict[str, str]) -> list[str]:
    """Says which calls lack a declaration, and which declarations a call."""
    return [
        f"{place} calls {call}, and scripts/aws_calls.py does not say what that needs"
        for call, place in sorted(found.items())
        if call not in CALLS
    ] + [
        f"scripts/aws_calls.py declares {call}, which nothing calls any more"
        for call in sorted(CALLS.keys() - found.keys())
    ]


def _calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call with the last part of the name that is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Attribute):
                yield function.attr, node
            elif isinstance(function, ast.Name):
                yield function.id, node


def _text(node: ast.AST | None) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def _service_of(call: ast.Call) -> ast.expr | None:
    named = [word.value for word in call.keywords if word.arg == "service_name"]
    return next(iter([*call.args[:1], *named]), None)


def _makes_client(name: str, call: ast.Call) -> bool:
    return (
        name in ("client", "resource")
        and isinstance(call.func, ast.Attribute)
        and _service_of(call) is not None
    )


def _makers_of_clients(path: Path, tree: ast.AST) -> Iterator[str]:
    """Names of functions that make a client of a service which their caller names."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        parameters = {argument.arg for argument in function.args.args}
        for name, call in _calls(function):
            service = _service_of(call)
            if not _makes_client(name, call) or _text(service) is not None:
                continue
            if not (isinstance(service, ast.Name) and service.id in parameters):
                raise CallError(
                    f"{path.name}:{call.lineno}: a client of which service?"
                )
            yield function.name


def _services(tree: ast.AST, makers: set[str]) -> Iterator[str]:
    for name, call in _calls(tree):
        if _makes_client(name, call) or name in makers:
            if service := _text(_service_of(call)):
                yield service


@functools.cache
def _methods(service: str) -> frozenset[str]:
    """Names of a client's methods, also those that botocore adds to the operations."""
    # Here: it takes 0.3 s, and only this needs it.
    import boto3

    session = boto3.Session("none", "none", region_name="us-east-1")
    client = session.client(service)
    common = {"can_paginate", "close", "exceptions", "get_paginator", "get_waiter"}
    common |= {"meta", "waiter_names"}
    names = {name for name in dir(client) if not name.startswith("_")}
    return frozenset(names - common)


def _names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            # One word, such as `invoke` or `copy`, is a method of much else as well.
            if "_" in node.attr or _may_be_client(node.value):
                yield node.lineno, node.attr
        elif isinstance(node, ast.Constant) and "_" in (text := _text(node) or ""):
            # A text of one word, such as "copy", says too little.
            yield node.lineno, text


def _may_be_client(node: ast.expr) -> bool:
    """True for what a call returned, and for names such as `s3` and `self._client`."""
    if isinstance(node, ast.Attribute):
        name = node.attr
    elif isinstance(node, ast.Name):
        name = node.id
    else:
        return isinstance(node, ast.Call)
    return "client" in name or name.strip("_") in ("s3", "lambda", "sqs", "sns", "sts")


def _signed(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Requests that are signed by hand, such as the one for Vault."""
    for name, call in _calls(tree):
        if name.startswith("SigV4") and len(call.args) > 1:
            yield call.lineno, _text(call.args[1]) or "unknown"
