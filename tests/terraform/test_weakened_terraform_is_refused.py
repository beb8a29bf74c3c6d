"""Terraform code that somebody weakened does not pass the check.

Each case changes one place of a copy of terraform/ and expects the test there, checkov
or check_access to name it. A copy has all cases that are looked for in one way: a run
for each took a quarter of CI's time. The environments are those of
scripts/check_terraform.sh.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.check_access import check
from scripts.deployment import read_deployment

ROOT = Path(__file__).resolve().parents[2]
OFFLINE = ROOT.parent / "shared" / "terraform-check"
TOOLS = ROOT / ".local" / "terraform-lint" / "bin" / "python"
CHECKOV = ROOT / ".local" / "checkov" / "bin" / "checkov"
LIBRARY = ROOT / ".local" / "terraform" / "bin" / "python"

pytestmark = [
    pytest.mark.large,
    pytest.mark.skipif(
        not OFFLINE.is_dir(), reason="../shared/terraform-check is not there"
    ),
    # CI runs scripts/check_terraform.sh first: there a missing environment fails.
    pytest.mark.skipif(
        "CI" not in os.environ and not (TOOLS.exists() and CHECKOV.exists()),
        reason="scripts/check_terraform.sh has not made its environments yet",
    ),
]


@dataclass(frozen=True)
class Weakening:
    """One change for the worse.

    Attributes:
        file: Below terraform/.
        old: Text that occurs there exactly once.
        new: What stands there instead.
        test: The test file that is to fail.
        message: What it says then.
    """

    file: str
    old: str
    new: str
    test: str
    message: str


WEAKENINGS = {
    "the worker may do anything to objects": Weakening(
        "modules/compute/iam.tf",
        '"s3:DeleteObject", "s3:GetObject"',
        '"s3:*"',
        "compute",
        "a wildcard action",
    ),
    "the function may read every secret": Weakening(
        "modules/compute/iam.tf",
        "resources = local.secret_ids",
        'resources = ["*"]',
        "compute",
        "a wildcard resource where AWS knows a narrower one",
    ),
    "the API asks for no signature": Weakening(
        "modules/compute/api_gateway.tf",
        '"AWS_IAM"',
        '"NONE"',
        "compute",
        "a method that anybody may call",
    ),
    "the API is open to the account": Weakening(
        "modules/compute/api_gateway.tf",
        "arn:aws:iam::${var.account_id}:role/${var.caller_role_name}",
        "arn:aws:iam::${var.account_id}:root",
        "compute",
        "the API may be called by others than Snowflake's session",
    ),
    "a log group without a key": Weakening(
        "modules/compute/logs.tf",
        '  name              = "/${var.name}/worker"\n'
        "  kms_key_id        = var.kms_key_arn\n",
        '  name              = "/${var.name}/worker"\n',
        "compute",
        "a log group without our key",
    ),
    "the bucket answers without TLS": Weakening(
        "modules/storage/s3.tf",
        '"aws:SecureTransport"',
        '"aws:ViaAWSService"',
        "storage",
        "the bucket answers without TLS",
    ),
    "files may be written over": Weakening(
        "modules/storage/s3.tf",
        'variable = "s3:if-none-match"',
        'variable = "s3:if-match"',
        "storage",
        "a file of rows can be written a second time",
    ),
    "the bucket may become public": Weakening(
        "modules/storage/s3.tf",
        "restrict_public_buckets = true",
        "restrict_public_buckets = false",
        "storage",
        "the bucket can be made public",
    ),
    "the endpoints are open to all": Weakening(
        "modules/network/security_groups.tf",
        "  security_group_id            = aws_security_group.endpoints.id\n"
        '  description                  = "HTTPS from the extraction function"\n'
        '  ip_protocol                  = "tcp"\n'
        "  from_port                    = 443\n"
        "  to_port                      = 443\n"
        "  referenced_security_group_id = aws_security_group.function.id\n",
        "  security_group_id = aws_security_group.endpoints.id\n"
        '  ip_protocol       = "tcp"\n'
        "  from_port         = 443\n"
        "  to_port           = 443\n"
        '  cidr_ipv4         = "0.0.0.0/0"\n',
        "network",
        "something is open to others than the function",
    ),
    "private subnets lead to the internet": Weakening(
        "modules/vpc/nat.tf",
        "nat_gateway_id         = aws_nat_gateway.this[0].id",
        "gateway_id = aws_internet_gateway.this[0].id",
        "network",
        "the private subnets lead straight to the internet",
    ),
    "the role is assumed without the external id": Weakening(
        "modules/snowflake/iam.tf",
        "      values   = [snowflake_storage_integration_aws.landing"
        ".describe_output[0].external_id]",
        '      values   = ["anything"]',
        "snowflake",
        "the storage role does not pin Snowflake's external id",
    ),
    "anybody may subscribe to new files": Weakening(
        "modules/pipe/sns.tf",
        "identifiers = [jsondecode(data.snowflake_system_get_aws_sns_iam_policy.pipe"
        ".aws_sns_topic_policy_json).Statement[0].Principal.AWS]",
        'identifiers = ["*"]',
        "snowflake",
        "others than Snowflake's user may subscribe",
    ),
    "Vault's policy allows writing": Weakening(
        "modules/vault/auth.tf",
        r"[\"read\"]",
        r"[\"read\", \"update\"]",
        "vault",
        "the policy allows more than reading",
    ),
    "silence counts as health": Weakening(
        "modules/observability/alarms.tf",
        '"breaching"',
        '"notBreaching"',
        "observability",
        "silence is taken for health",
    ),
}

# What no assertion of ours looks at, or checkov sees as well: file, old, new, its rule.
FOR_CHECKOV = (
    (
        "modules/storage/s3.tf",
        "block_public_policy     = true",
        "block_public_policy     = false",
        "CKV_AWS_54",
    ),
    (
        "modules/storage/kms.tf",
        "enable_key_rotation     = true",
        "enable_key_rotation     = false",
        "CKV_AWS_7",
    ),
    (
        "modules/compute/api_gateway.tf",
        "xray_tracing_enabled = true",
        "xray_tracing_enabled = false",
        "CKV_AWS_73",
    ),
    (
        "modules/compute/sqs.tf",
        "  kms_master_key_id         = var.kms_key_arn\n",
        "",
        "CKV_AWS_27",
    ),
)


# E3: taken away, nothing is too wide, but something does not work any more. What
# scripts/check_access.py says of the state after an apply.
TAKEN_AWAY = {
    "kms:Decrypt of the storage role": Weakening(
        "modules/snowflake/iam.tf",
        '    actions   = ["kms:Decrypt"]',
        '    actions   = ["kms:DescribeKey"]',
        "example",
        "role storage: kms:Decrypt on arn:aws:kms:",
    ),
    "one S3 action of the worker": Weakening(
        "modules/compute/iam.tf",
        '"s3:AbortMultipartUpload", "s3:DeleteObject"',
        '"s3:DeleteObject"',
        "example",
        "role worker: s3:AbortMultipartUpload on ",
    ),
    "the front's right to start a worker": Weakening(
        "modules/compute/iam.tf",
        "resources = [local.worker_arn]",
        "resources = [local.front_arn]",
        "example",
        "role front: lambda:InvokeFunction on ",
    ),
    "the S3 endpoint": Weakening(
        "modules/network/endpoints.tf",
        "count             = var.given_s3_endpoint ? 0 : 1",
        "count             = 0",
        "example",
        "S3 is not reached: no gateway endpoint",
    ),
    "the Deny of the API's policy": Weakening(
        "modules/compute/api_gateway.tf",
        '    sid       = "NobodyElse"\n    effect    = "Deny"\n',
        '    sid       = "NobodyElse"\n    effect    = "Allow"\n',
        "example",
        "C1: the API's policy does not deny arn:aws:iam::",
    ),
    "the Deny of other VPCs": Weakening(
        "modules/compute/api_gateway.tf",
        '      sid       = "NowhereElse"\n      effect    = "Deny"\n',
        '      sid       = "NowhereElse"\n      effect    = "Allow"\n',
        "every_option",
        "C1: the API's policy does not deny other VPCs",
    ),
    "the wait for the peering": Weakening(
        "modules/vpc/outputs.tf",
        "  depends_on  = [aws_vpc_peering_connection.aurora]\n",
        "",
        "every_option",
        "A4: what uses vpc.vpc_id does not wait",
    ),
    "names in the new VPC": Weakening(
        "modules/vpc/vpc.tf",
        "enable_dns_hostnames = true",
        "enable_dns_hostnames = false",
        "every_option",
        "the new VPC resolves no private names",
    ),
}


def weaken(folder: Path, file: str, old: str, new: str) -> None:
    """Replaces the one place; a text that is gone makes the case worthless."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} has {text.count(old)} times: {old}"
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables with which `terraform` finds itself and the offline providers."""
    folder = tmp_path_factory.mktemp("terraform")
    if not shutil.which("terraform"):
        if not LIBRARY.exists():
            pytest.skip("scripts/check_terraform.sh has not fetched Terraform yet")
        launcher = folder / "terraform"
        library = ROOT / "scripts" / "terraform_library.py"
        launcher.write_text(f'#!/bin/sh\nexec "{LIBRARY}" "{library}" "$@"\n')
        launcher.chmod(0o755)
    mirror = folder / "mirror"
    schemas = [str(path) for path in sorted((OFFLINE / "schemas").glob("*.json.gz"))]
    source = str(ROOT / "terraform")
    command = [str(TOOLS), "-m", "tfstub.install", str(mirror), *schemas]
    subprocess.run(
        [*command, "--for", source], cwd=OFFLINE, check=True, stdout=subprocess.DEVNULL
    )
    return os.environ | {
        "CHECKPOINT_DISABLE": "1",
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "TFSTUB_FIXTURES": str(ROOT / "tests" / "terraform" / "fixtures.json"),
        "TF_CLI_CONFIG_FILE": str(mirror / "terraform.rc"),
        "TF_INPUT": "0",
    }


def terraform(
    folder: Path, environment: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Runs one command in the folder."""
    return subprocess.run(
        ["terraform", arguments[0], "-no-color", *arguments[1:]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def prepared(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A copy of terraform/ after `terraform init`."""
    parent = tmp_path_factory.mktemp("prepared")
    shutil.copy(ROOT / "pyproject.toml", parent)
    folder = parent / "terraform"
    ignored = shutil.ignore_patterns(".terraform*", "*.tfstate*")
    shutil.copytree(ROOT / "terraform", folder, ignore=ignored)
    (folder / "lambda_extract.zip").write_bytes(b"a package")
    done = terraform(folder, environment, "init", "-backend=false")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def copy(prepared: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of one's own, to be weakened."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    folder = tmp_path / "terraform"
    shutil.copytree(prepared, folder, symlinks=True)
    yield folder
    shutil.rmtree(folder)


def test_the_tests_of_terraform_see_them_all_at_once(
    copy: Path, environment: dict[str, str]
) -> None:
    """Each message is that of one weakening, so none hides behind another."""
    for case in WEAKENINGS.values():
        weaken(copy, case.file, case.old, case.new)
    files = sorted({case.test for case in WEAKENINGS.values()})
    filters = [f"-filter=tests/{name}.tftest.hcl" for name in files]
    done = terraform(copy, environment, "test", *filters)
    assert done.returncode != 0
    told = done.stdout + done.stderr
    unseen = [name for name, case in WEAKENINGS.items() if case.message not in told]
    assert unseen == [], told


def test_checkov_sees_them_all_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "terraform"
    shutil.copytree(ROOT / "terraform", folder)
    for file, old, new, _ in FOR_CHECKOV:
        weaken(folder, file, old, new)
    options = ["--framework", "terraform", "--skip-download", "--quiet", "-o", "json"]
    done = subprocess.run(
        [str(CHECKOV), "--directory", str(folder), *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    failed = json.loads(done.stdout)["results"]["failed_checks"]
    found = {check["check_id"] for check in failed}
    assert found >= {rule for *_, rule in FOR_CHECKOV}, found


@pytest.mark.parametrize("variables", sorted({c.test for c in TAKEN_AWAY.values()}))
def test_what_is_not_enough_is_told(
    copy: Path, environment: dict[str, str], tmp_path: Path, variables: str
) -> None:
    """E3: all that is taken away under these variables, each told in its own line."""
    cases = {n: case for n, case in TAKEN_AWAY.items() if case.test == variables}
    shutil.copy(ROOT / "tests" / "terraform" / "every_option.tfvars", copy)
    options = [f"-var-file={variables}.tfvars", "-var=lambda_zip=lambda_extract.zip"]
    for case in cases.values():
        weaken(copy, case.file, case.old, case.new)
    assert_done(terraform(copy, environment, "plan", *options, "-out=plan"))
    assert_done(terraform(copy, environment, "apply", "plan"))
    found = tmp_path / "found"
    found.mkdir()
    for file, arguments in (("plan-x.json", ["plan"]), ("state-x.json", [])):
        shown = assert_done(terraform(copy, environment, "show", "-json", *arguments))
        (found / file).write_text(shown)
    lacks = check(read_deployment(found))
    untold = [
        name
        for name, case in cases.items()
        if not any(line.startswith(case.message) for line in lacks)
    ]
    assert untold == [], lacks


def assert_done(done: subprocess.CompletedProcess[str]) -> str:
    """Returns what a command printed that did not fail."""
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
