"""Whether a deployment has the way that requests and rows take through the network."""

import re
from collections.abc import Iterator
from typing import Any

from scripts.deployment import Deployment

HTTPS = 443


def lacks(deployment: Deployment) -> Iterator[str]:
    """One line for each piece of the way that is not there."""
    yield from _to_s3(deployment)
    yield from _to_endpoints(deployment)
    yield from _to_aurora(deployment)
    yield from _to_vault(deployment)
    yield from _names(deployment)


def _egress(deployment: Deployment, port: int, **target: Any) -> bool:
    groups = {
        group
        for function in deployment.all("aws_lambda_function")
        for group in function["vpc_config"][0]["security_group_ids"]
    }
    wanted = {"from_port": port, "to_port": port, "ip_protocol": "tcp"} | target
    allowing = {
        rule["security_group_id"]
        for rule in deployment.all("aws_vpc_security_group_egress_rule")
        if all(rule.get(name) == value for name, value in wanted.items())
    }
    return groups <= allowing


def _ingress(deployment: Deployment, group: str, port: int) -> bool:
    return any(
        rule["security_group_id"] == group and rule["from_port"] == port
        for rule in deployment.all("aws_vpc_security_group_ingress_rule")
    )


def _route_tables(deployment: Deployment) -> set[str]:
    """Route tables of the functions' subnets."""
    made = deployment.all("aws_route_table_association", "private")
    if made:
        return {association["route_table_id"] for association in made}
    return set(deployment.variables["private_route_table_ids"])


def _has_nat(deployment: Deployment) -> bool:
    tables = {
        route["route_table_id"] for route in deployment.all("aws_route", "to_nat")
    }
    return _route_tables(deployment) <= tables


def _given(deployment: Deployment) -> dict[str, Any]:
    given: dict[str, Any] = deployment.variables["given_endpoints"] or {}
    return {"s3": False, "interface": {}} | given


def _to_s3(deployment: Deployment) -> Iterator[str]:
    covered = {
        table
        for endpoint in deployment.all("aws_vpc_endpoint", "s3")
        for table in endpoint["route_table_ids"] or []
    }
    reached = _route_tables(deployment) <= covered or _given(deployment)["s3"]
    if not reached:
        # A NAT gateway leads there as well, but the security group would not let it.
        yield "S3 is not reached: no gateway endpoint in the functions' route tables"
    if not any(
        rule["prefix_list_id"] and rule["from_port"] == HTTPS
        for rule in deployment.all("aws_vpc_security_group_egress_rule", "to_s3")
    ):
        yield "S3 is not reached: the security group does not let its prefix list out"


def _to_endpoints(deployment: Deployment) -> Iterator[str]:
    """Lambda (to start workers), and Secrets Manager if a source uses it."""
    given = _given(deployment)["interface"] or {}
    made = {
        endpoint["service_name"].rsplit(".", 1)[1]: endpoint
        for endpoint in deployment.all("aws_vpc_endpoint", "interface")
    }
    wanted = ["lambda"] + (["secretsmanager"] if deployment.secret_ids() else [])
    for service in wanted:
        if service in given:
            groups = [given[service]]
        elif service in made and made[service]["private_dns_enabled"]:
            groups = made[service]["security_group_ids"]
        else:
            yield f"{service} is not reached: no interface endpoint with a private name"
            continue
        for group in groups:
            out = _egress(deployment, HTTPS, referenced_security_group_id=group)
            if not (out and _ingress(deployment, group, HTTPS)):
                yield f"{service} is not reached: security group {group} is closed"


def _to_aurora(deployment: Deployment) -> Iterator[str]:
    group = deployment.variables["aurora_security_group_id"]
    port = deployment.variables["aurora_port"]
    out = _egress(deployment, port, referenced_security_group_id=group)
    if not (out and _ingress(deployment, group, port)):
        yield f"Aurora is not reached: security group {group} is closed"
    network = deployment.variables["new_vpc"] or {}
    if not network.get("aurora_vpc_id"):
        return
    tables = _route_tables(deployment) | set(network["aurora_route_table_ids"])
    routed = {
        route["route_table_id"]
        for route in deployment.all("aws_route")
        if route.get("vpc_peering_connection_id")
    }
    if not tables <= routed:
        yield "Aurora is not reached: no routes through the peering, there and back"
    for peering in deployment.all("aws_vpc_peering_connection"):
        for side in ("accepter", "requester"):
            if not peering[side][0]["allow_remote_vpc_dns_resolution"]:
                yield f"Aurora's name has a public address for the {side}"
    waits = {
        "vpc_id": "aws_vpc_peering_connection.aurora",
        "private_subnet_ids": "aws_route.to_aurora",
    }
    for output, resource in waits.items():
        if resource not in deployment.outputs_wait_for[output]:
            yield f"A4: what uses vpc.{output} does not wait for {resource}"


def _to_vault(deployment: Deployment) -> Iterator[str]:
    if not any(options["kind"] == "vault" for options in deployment.credentials()):
        return
    vault = deployment.variables["vault"]
    found = re.search(r":(\d+)$", vault["url"])
    port = int(found[1]) if found else HTTPS
    for block in vault["cidr_blocks"]:
        if not _egress(deployment, port, cidr_ipv4=block):
            yield f"Vault is not reached: port {port} of {block} is closed"
    network = deployment.variables["new_vpc"]
    if network and not (network.get("aurora_vpc_id") or _has_nat(deployment)):
        yield "Vault is not reached: the new VPC has neither NAT nor a peering"


def _names(deployment: Deployment) -> Iterator[str]:
    for vpc in deployment.all("aws_vpc"):
        for attribute in ("enable_dns_support", "enable_dns_hostnames"):
            if not vpc[attribute]:
                yield f"the new VPC resolves no private names: {attribute}"
