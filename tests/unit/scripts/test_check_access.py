"""E3: the calls of the code are collected and declared; policies judged as IAM does."""

import json
from pathlib import Path

import pytest

from scripts import aws_calls
from scripts.iam_policies import PolicyError, Request, judge, judge_resource_policy

# Each reads all of the product's code.
pytestmark = pytest.mark.large

ROOT = Path(__file__).resolve().parents[3]
ROLE = "arn:aws:iam::123456789012:role/r"


def test_every_call_is_declared_and_every_declaration_is_a_call() -> None:
    found = aws_calls.collect([ROOT / "lambda_extract"])
    assert aws_calls.undeclared(found) == []
    assert {"s3.upload_part", "lambda.invoke", "rds.generate_db_auth_token"} <= set(
        found
    )


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("boto3.client('sqs').send_message(QueueUrl='q')", "sqs.send_message"),
        ("s3.copy_object(Bucket='b')", "s3.copy_object"),
        ("getattr(s3, 'list_parts')(Bucket='b')", "s3.list_parts"),
        ("s3.get_paginator('list_multipart_uploads')", "s3.list_multipart_uploads"),
        ("s3.upload_fileobj(f, 'b', 'k')", "s3.upload_fileobj"),
        ("SigV4Auth(keys, 'es', region).add_auth(request)", "es.signed_request"),
    ],
)
def test_a_new_call_without_a_declaration_is_told(
    tmp_path: Path, line: str, call: str
) -> None:
    text = f"import boto3\ns3 = boto3.client('s3')\n{line}\n"
    (tmp_path / "new.py").write_text(text, encoding="utf-8")
    found = aws_calls.collect([ROOT / "lambda_extract", tmp_path])
    (told,) = aws_calls.undeclared(found)
    assert told.startswith(f"new.py:3 calls {call},")


def test_a_client_of_an_unknown_service_is_an_error(tmp_path: Path) -> None:
    text = "import boto3\ndef f():\n    return boto3.client(NAME)\n"
    (tmp_path / "new.py").write_text(text, encoding="utf-8")
    with pytest.raises(aws_calls.CallError, match="which service"):
        aws_calls.collect([tmp_path])


def document(effect: str = "Allow", **more: object) -> str:
    statement = {"Effect": effect, "Action": "s3:GetObject", "Resource": "arn:b/*"}
    return json.dumps({"Statement": statement | more})


def test_a_deny_beats_an_allow() -> None:
    request = Request(ROLE, "s3:GetObject", "arn:b/x")
    verdict = judge([document(), document("Deny")], request)
    assert (verdict.allowed, verdict.denied) == (True, True)
    assert not judge([document()], Request(ROLE, "s3:PutObject", "arn:b/x")).allowed
    assert not judge([document()], Request(ROLE, "s3:GetObject", "arn:c/x")).allowed


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringEquals": {"k": ["a", "b"]}}, {"k": "b"}, True),
        ({"StringEquals": {"k": "a"}}, {}, False),
        ({"StringNotEquals": {"k": "a"}}, {}, True),
        ({"ArnNotEquals": {"k": "a"}}, {"k": "a"}, False),
        ({"ArnLike": {"k": "a*"}}, {"k": "ab"}, True),
        ({"Null": {"k": "false"}}, {"k": "a"}, True),
        ({"Null": {"k": "true"}}, {"k": "a"}, False),
        ({"Bool": {"k": "false"}}, {"k": "true"}, False),
        ({"StringEquals": {"k": "a"}, "Null": {"j": "true"}}, {"k": "a"}, True),
    ],
)
def test_conditions(
    condition: dict[str, object], context: dict[str, str], holds: bool
) -> None:
    request = Request(ROLE, "s3:GetObject", "arn:b/x", context)
    assert judge([document(Condition=condition)], request).allowed is holds


def test_an_operator_that_nobody_has_looked_at_is_an_error() -> None:
    with pytest.raises(PolicyError, match="IpAddress"):
        condition = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
        judge([document(Condition=condition)], Request(ROLE, "s3:GetObject", "arn:b/x"))


@pytest.mark.parametrize(
    ("principal", "who", "named"),
    [
        ("*", "", True),
        ({"AWS": ROLE}, ROLE, True),
        ({"AWS": "arn:aws:iam::123456789012:root"}, ROLE, True),
        ({"AWS": "arn:aws:iam::999999999999:root"}, ROLE, False),
        ({"Service": "events.amazonaws.com"}, "events.amazonaws.com", True),
        ({"Service": "events.amazonaws.com"}, ROLE, False),
    ],
)
def test_principals(principal: object, who: str, named: bool) -> None:
    request = Request(who, "s3:GetObject", "arn:b/x")
    verdict = judge_resource_policy(document(Principal=principal), request)
    assert verdict.allowed is named
