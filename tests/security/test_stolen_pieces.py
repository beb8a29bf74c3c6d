"""What each role of AWS and Vault gives to whoever steals it, as Terraform writes it.

scripts/check_terraform.sh judges the same policies after an apply.
"""

from collections.abc import Iterator
from pathlib import Path

from scripts.terraform_blocks import Block, read_blocks

MODULES = Path(__file__).resolve().parents[2] / "terraform" / "modules"
BLOCKS = {
    module.name: [b for path in sorted(module.glob("*.tf")) for b in read_blocks(path)]
    for module in MODULES.iterdir()
}


def resource(module: str, *labels: str) -> Block:
    (found,) = (block for block in BLOCKS[module] if block.labels == labels)
    return found


def statements(module: str, document: str) -> Iterator[Block]:
    """Yields all of a policy document, those that depend on something, too."""
    block = resource(module, "aws_iam_policy_document", document)
    yield from block.all("statement")
    for dynamic in block.all("dynamic"):
        yield from dynamic.all("content")


def words(text: str) -> set[str]:
    return {word.strip('" ') for word in text.strip("[]").split(",") if word.strip()}


def allowed(module: str, *documents: str) -> dict[str, set[str]]:
    """Action -> what it may be done to."""
    found: dict[str, set[str]] = {}
    for document in documents:
        for one in statements(module, document):
            if one.attributes.get("effect") == '"Deny"':
                continue
            for action in words(one.attributes["actions"]):
                places = words(one.attributes.get("resources", ""))
                found.setdefault(action, set()).update(places)
    return found


def test_the_front_has_jobs_and_nothing_else() -> None:
    may = allowed("compute", "function", "front")
    jobs = {"${var.bucket_arn}/${var.landing_prefix}jobs/*"}
    assert may["s3:GetObject"] == may["s3:PutObject"] == jobs
    assert may["lambda:InvokeFunction"] == {"local.worker_arn"}
    assert {action for action in may if action.startswith("s3:")} == {
        "s3:GetObject",
        "s3:PutObject",
        "s3:ListBucket",
    }
    services = {action.partition(":")[0] for action in may}
    assert not {"secretsmanager", "rds-db", "iam", "sts", "sqs"} & services


def test_the_worker_reads_its_own_secrets_alone() -> None:
    may = allowed("compute", "function", "worker")
    assert may["secretsmanager:GetSecretValue"] == {"local.secret_ids"}
    assert may["rds-db:connect"] == {"local.database_users"}
    assert may["kms:Decrypt"] == {"var.kms_key_arn", "var.secret_kms_key_arns"}
    for action, places in may.items():
        if "*" in places:
            assert action.startswith("xray:") or action == "local.interface_lists"


def test_nobody_writes_a_file_of_rows_twice() -> None:
    """Not even the worker: S3 takes each name once."""
    document = {one.attributes["sid"]: one for one in statements("storage", "landing")}
    once, other = document['"WrittenOnce"'], document['"NoOtherWriter"']
    assert once.attributes["effect"] == other.attributes["effect"] == '"Deny"'
    for folder in ("changes", "data", "pipe"):
        assert f'"{folder}"' in once.attributes["resources"]
    conditions = {
        (c.attributes["test"], c.attributes["variable"], c.attributes["values"])
        for c in once.all("condition")
    }
    assert conditions == {
        ('"Null"', '"s3:if-none-match"', '["true"]'),
        ('"Bool"', '"s3:ObjectCreationOperation"', '["true"]'),
    }
    (whom,) = other.all("condition")
    assert whom.attributes["values"] == "var.writer_role_arns"
    for statement in (once, other):
        (principals,) = statement.all("principals")
        assert principals.attributes["identifiers"] == '["*"]'


def test_snowflakes_roles_only_read_and_call() -> None:
    assert set(allowed("snowflake", "storage")) == {
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:GetBucketLocation",
        "s3:ListBucket",
        "kms:Decrypt",
    }
    assert set(allowed("snowflake", "api")) == {"execute-api:Invoke"}
    for trust in ("storage_trust", "api_trust", "alerts_trust"):
        (statement,) = statements("snowflake", trust)
        (condition,) = statement.all("condition")
        assert condition.attributes["variable"] == '"sts:ExternalId"', trust


def test_the_api_denies_everybody_else() -> None:
    (denied,) = (
        one
        for one in statements("compute", "api")
        if one.attributes.get("sid") == '"NobodyElse"'
    )
    (condition,) = denied.all("condition")
    assert denied.attributes["effect"] == '"Deny"'
    assert condition.attributes["test"] == '"ArnNotEquals"'
    assert condition.attributes["values"] == "[local.caller_role_arn]"
    method = resource("compute", "aws_api_gateway_method", "extract")
    assert method.attributes["authorization"] == '"AWS_IAM"'


def test_a_token_of_vault_only_reads() -> None:
    policy = resource("vault", "vault_policy", "function").attributes["policy"]
    assert policy.count("capabilities") == 1 and r"[\"read\"]" in policy
    login = resource("vault", "vault_aws_auth_backend_role", "function").attributes
    assert login["bound_iam_principal_arns"] == "[var.worker_role_arn]"
    assert login["token_no_default_policy"] == "true"
    assert login["token_ttl"] == login["token_max_ttl"] == "var.token_seconds"


def test_nobody_in_terraform_may_change_code_or_policies() -> None:
    """Code, policies and keys are the administrators' own."""
    powers = ("lambda:Update", "lambda:Add", "lambda:Publish", "iam:", "sts:Assume")
    powers += ("s3:PutBucket", "s3:DeleteBucket", "s3:PutLifecycle", "kms:Put")
    for module, blocks in BLOCKS.items():
        for block in blocks:
            if block.labels[:1] != ("aws_iam_policy_document",):
                continue
            name = block.labels[1]
            if name.endswith("trust") or (module, name) == ("storage", "key"):
                continue
            for action in allowed(module, name):
                assert not action.startswith(powers), (module, name, action)
