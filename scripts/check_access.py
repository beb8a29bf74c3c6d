"""Judges whether a deployment of terraform/ allows enough: every call that the product
makes, every access of Snowflake's roles and of AWS's own services, and the way that the
data takes. (That it allows no more, its own tests say.)

Reads a plan and the state after its apply (scripts/check_terraform.sh makes both with
offline providers, so that every value is known) and prints one line for each lack.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts import aws_calls, data_path
from scripts.deployment import Deployment, read_deployment
from scripts.iam_policies import Request, judge, judge_resource_policy

ROOT = Path(__file__).resolve().parents[1]
SOURCE = (ROOT / "lambda_extract",)


@dataclass(frozen=True)
class Access:
    """A request that must be allowed, and who makes it, for messages."""

    who: str
    request: Request


def functions(deployment: Deployment) -> Iterator[str]:
    """Permissions that the two functions' roles lack."""
    for name in aws_calls.BOTH:
        arn = deployment.one("aws_lambda_function", name)["arn"]
        by_code = {"lambda:SourceFunctionArn": arn}
        needs = [
            (need, by_code) for needs in aws_calls.CALLS.values() for need in needs
        ] + [(need, {}) for need in aws_calls.OF_LAMBDA]
        for need, context in needs:
            if name not in need.functions:
                continue
            for resource in kinds(deployment, name)[need.kind]:
                more = _via_secrets(deployment) if need.kind == "secret_key" else {}
                yield from _lack(
                    deployment, name, need.action, resource, context | more
                )


def kinds(deployment: Deployment, function: str) -> Mapping[str, list[str]]:
    """What the kinds of scripts/aws_calls.py are in this deployment."""
    bucket = deployment.bucket_arn
    landing = f"{bucket}/{deployment.landing_prefix}"
    group = deployment.one("aws_cloudwatch_log_group", function)["arn"]
    region, account = deployment.variables["region"], deployment.account
    key = deployment.variables_of("worker").get("SOURCES_KEY", "")
    return {
        "job": [f"{landing}jobs/0a1b/claim.json"],
        "data": [f"{landing}data/orders/run/0/00000.csv.zst"],
        "settings": [f"{bucket}/{key}"] if key else [],
        "bucket": [bucket],
        "key": [deployment.key_arn],
        "worker": [deployment.one("aws_lambda_function", "worker")["arn"]],
        "secret": deployment.secret_ids(),
        "secret_key": list(deployment.variables.get("secret_kms_key_arns") or []),
        "database_user": deployment.database_users(),
        "dead_letters": [deployment.one("aws_sqs_queue", "dead_letters")["arn"]],
        "logs": [f"{group}:log-stream:2030/01/01/[$LATEST]0a1b"],
        "interface": [f"arn:aws:ec2:{region}:{account}:network-interface/eni-0a1b"],
        "anything": ["*"],
    }


def _via_secrets(deployment: Deployment) -> dict[str, str]:
    service = f"secretsmanager.{deployment.variables['region']}.amazonaws.com"
    return {"kms:ViaService": service}


def _lack(
    deployment: Deployment,
    role: str,
    action: str,
    resource: str,
    context: Mapping[str, str],
) -> Iterator[str]:
    """Asks the role's own policies, and the policy of the bucket or the key."""
    arn = deployment.one("aws_iam_role", role)["arn"]
    every = {"aws:SecureTransport": "true", "aws:PrincipalArn": arn}
    secure = every | dict(context)
    request = Request(arn, action, resource, secure)
    own = judge(deployment.role_policies(role), request)
    by_resource = [
        judge_resource_policy(document, request)
        for document in deployment.policies_of(resource)
    ]
    refused = own.denied or any(verdict.denied for verdict in by_resource)
    # The key's policy must let the account's own policies decide.
    keys = resource == deployment.key_arn and not any(v.allowed for v in by_resource)
    if refused or not own.allowed or keys:
        yield f"role {role}: {action} on {resource} is not allowed"


def snowflake(deployment: Deployment) -> Iterator[str]:
    """What the roles that Snowflake assumes lack, and the API's own policy."""
    found = kinds(deployment, "worker")
    landing = {"s3:prefix": f"{deployment.landing_prefix}data/orders/"}
    for action, kind in aws_calls.OF_STORAGE_ROLE:
        for resource in found[kind]:
            yield from _lack(deployment, "storage", action, resource, landing)
    yield from _alerts(deployment)
    yield from _trust(
        deployment,
        "storage",
        "snowflake_storage_integration_aws",
        ("iam_user_arn", "external_id"),
    )
    yield from _trust(
        deployment,
        "api",
        "snowflake_api_integration_amazon_api_gateway",
        ("api_aws_iam_user_arn", "api_aws_external_id"),
    )
    url = f"s3://{deployment.bucket}/{deployment.landing_prefix}"
    integration = deployment.one("snowflake_storage_integration_aws", "landing")
    if url not in integration["storage_allowed_locations"]:
        yield f"the storage integration does not allow {url}"
    yield from api(deployment)


def _alerts(deployment: Deployment) -> Iterator[str]:
    if not deployment.all("aws_iam_role", "alerts"):
        return
    topic = deployment.one("aws_sns_topic", "alarms")["arn"]
    via = {"kms:ViaService": f"sns.{deployment.variables['region']}.amazonaws.com"}
    for action, kind in aws_calls.OF_ALERTS_ROLE:
        resource = {"topic": topic, "key": deployment.key_arn}[kind]
        yield from _lack(deployment, "alerts", action, resource, via)


def _trust(
    deployment: Deployment, role: str, integration: str, names: tuple[str, str]
) -> Iterator[str]:
    made = deployment.all(integration)[0]["describe_output"][0]
    user, external_id = (made[name] for name in names)
    document = deployment.one("aws_iam_role", role)["assume_role_policy"]
    request = Request(user, "sts:AssumeRole", "*", {"sts:ExternalId": external_id})
    if not judge_resource_policy(document, request).allowed:
        yield f"role {role}: Snowflake's user cannot assume it"


def api(deployment: Deployment) -> Iterator[str]:
    """Snowflake's role calls the API, and nobody else does (A3, C1)."""
    policy = deployment.one("aws_api_gateway_rest_api_policy", "extract")["policy"]
    role = deployment.one("aws_iam_role", "api")["arn"]
    gateway = deployment.one("aws_api_gateway_rest_api", "extract")["execution_arn"]
    own = deployment.role_policies("api")
    vpcs = sorted(deployment.variables.get("snowflake_vpc_ids") or [])
    inside = {"aws:SourceVpc": vpcs[0]} if vpcs else {}
    for action, method in aws_calls.OF_API_ROLE:
        resource = f"{gateway}/v1/{method}/extract"
        request = Request(role, action, resource, {"aws:PrincipalArn": role} | inside)
        verdict = judge_resource_policy(policy, request)
        if verdict.denied or not (verdict.allowed and judge(own, request).allowed):
            yield f"role api: {action} on {resource} is not allowed"
        other = f"arn:aws:iam::{deployment.account}:role/somebody-else"
        for who in (other, ""):
            context = inside | ({"aws:PrincipalArn": who} if who else {})
            if not judge_resource_policy(
                policy, Request(who, action, resource, context)
            ).denied:
                yield f"C1: the API's policy does not deny {who or 'the unsigned'}"
        elsewhere = {"aws:PrincipalArn": role, "aws:SourceVpc": "vpc-0f"}
        abroad = judge_resource_policy(
            policy, Request(role, action, resource, elsewhere)
        )
        if vpcs and not abroad.denied:
            yield "C1: the API's policy does not deny other VPCs"


def services(deployment: Deployment) -> Iterator[str]:
    """What AWS's own services lack: logs, alarms, schedules, the API, flow logs."""
    key = deployment.one("aws_kms_key", "this")
    region, account = deployment.variables["region"], deployment.account
    requests = [
        (key["policy"], Request(f"logs.{region}.amazonaws.com", action, key["arn"], c))
        for group in deployment.all("aws_cloudwatch_log_group")
        for c in [{"kms:EncryptionContext:aws:logs:arn": group["arn"]}]
        for action in aws_calls.KEY_ACTIONS_OF_LOGS
    ]
    ours = {"aws:SourceAccount": account}
    topics = [("alarms", "cloudwatch.amazonaws.com", ours)]
    if deployment.all("aws_sns_topic", "pipe"):
        topics.append(("pipe", "events.amazonaws.com", {}))
    for name, service, context in topics:
        topic = deployment.one("aws_sns_topic", name)["arn"]
        document = deployment.one("aws_sns_topic_policy", name)["policy"]
        requests.append((document, Request(service, "sns:Publish", topic, context)))
        for action in ("kms:GenerateDataKey", "kms:Decrypt"):
            request = Request(service, action, key["arn"], context)
            requests.append((key["policy"], request))
    for document, request in requests:
        verdict = judge_resource_policy(document, request)
        if verdict.denied or not verdict.allowed:
            yield f"{request.principal}: {request.action} is not allowed"
    yield from _permissions(deployment)
    for group in deployment.all("aws_cloudwatch_log_group", "flow"):
        listing = f"arn:aws:logs:{region}:{account}:log-group:any"
        for action in aws_calls.OF_FLOW_LOGS:
            place = listing if "Groups" in action else f"{group['arn']}:log-stream:eni"
            yield from _lack(deployment, "flow", action, place, {})


def _permissions(deployment: Deployment) -> Iterator[str]:
    """Who invokes which function."""
    given = {
        (permission["principal"], permission["function_name"], permission["source_arn"])
        for permission in deployment.all("aws_lambda_permission")
    }
    front, worker = (
        deployment.one("aws_lambda_function", name)["function_name"]
        for name in aws_calls.BOTH
    )
    gateway = deployment.one("aws_api_gateway_rest_api", "extract")["execution_arn"]
    rule = deployment.one("aws_cloudwatch_event_rule", "watchdog")["arn"]
    wanted = {
        ("apigateway.amazonaws.com", front, f"{gateway}/v1/{method}/extract")
        for _, method in aws_calls.OF_API_ROLE
    } | {("events.amazonaws.com", worker, rule)}
    for principal, name, source in sorted(wanted - given):
        yield f"{principal} may not invoke {name} from {source}"


def check(deployment: Deployment) -> list[str]:
    """Returns one line for each permission that a deployment lacks."""
    parts: Iterable[Iterator[str]] = (
        functions(deployment),
        snowflake(deployment),
        services(deployment),
        data_path.lacks(deployment),
    )
    return list(dict.fromkeys(line for part in parts for line in part))


def main() -> int:
    """Prints every missing permission; returns 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="plan-*, state-*.json")
    options = parser.parse_args()
    lacks: list[str] = aws_calls.undeclared(aws_calls.collect(SOURCE))
    for folder in options.folders:
        found: Any = check(read_deployment(folder))
        lacks += [f"{folder.name}: {line}" for line in found]
    for line in lacks:
        print(line)
    print(f"{len(options.folders)} deployments, {len(lacks)} lacks")
    return 1 if lacks else 0


if __name__ == "__main__":
    sys.exit(main())
