"""A deployment of terraform/ as its plan and its state tell it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class DeploymentError(ValueError):
    """A resource that must be there once is not, or is there more often."""


@dataclass(frozen=True)
class Deployment:
    """Values of all resources after an apply.

    Attributes:
        variables: Those of the root module.
        resources: (type, name) -> values of each instance.
        outputs_wait_for: Output of the module vpc -> what its depends_on names.
    """

    variables: Mapping[str, Any]
    resources: Mapping[tuple[str, str], list[dict[str, Any]]]
    outputs_wait_for: Mapping[str, list[str]]

    def all(self, kind: str, name: str = "") -> list[dict[str, Any]]:
        """Returns every instance of a type, or of one resource."""
        return [
            values
            for (type_name, own), instances in self.resources.items()
            if type_name == kind and name in ("", own)
            for values in instances
        ]

    def one(self, kind: str, name: str) -> dict[str, Any]:
        """Returns the only instance of a resource.

        Raises:
            DeploymentError: There is none, or more than one.
        """
        found = self.all(kind, name)
        if len(found) != 1:
            raise DeploymentError(f"{kind}.{name} is there {len(found)} times")
        return found[0]

    @property
    def account(self) -> str:
        """The AWS account."""
        return str(self.variables["aws_account_id"])

    @property
    def bucket(self) -> str:
        """Name of the landing bucket."""
        return str(self.one("aws_s3_bucket", "landing")["bucket"])

    @property
    def bucket_arn(self) -> str:
        """ARN of the landing bucket."""
        return str(self.one("aws_s3_bucket", "landing")["arn"])

    @property
    def key_arn(self) -> str:
        """ARN of the one key."""
        return str(self.one("aws_kms_key", "this")["arn"])

    @property
    def landing_prefix(self) -> str:
        """Prefix of data and job objects."""
        return str(self.variables_of("front")["LANDING_PREFIX"])

    def variables_of(self, function: str) -> Mapping[str, str]:
        """Environment variables of a function."""
        values = self.one("aws_lambda_function", function)
        variables: Mapping[str, str] = values["environment"][0]["variables"]
        return variables

    def role_policies(self, role: str) -> list[str]:
        """Documents of a role's inline policies."""
        name = self.one("aws_iam_role", role)["name"]
        return [
            policy["policy"]
            for policy in self.all("aws_iam_role_policy")
            if policy["role"] == name
        ]

    def policies_of(self, resource: str) -> list[str]:
        """Documents of the own policy of the bucket or the key; of others none."""
        if resource == self.key_arn:
            return [self.one("aws_kms_key", "this")["policy"]]
        if resource.startswith(self.bucket_arn):
            return [self.one("aws_s3_bucket_policy", "landing")["policy"]]
        return []

    def credentials(self) -> list[Mapping[str, Any]]:
        """Where each source keeps its credentials."""
        return [source["credentials"] for source in self.variables["sources"].values()]

    def secret_ids(self) -> list[str]:
        """Secrets of Secrets Manager that sources name."""
        return [
            options[name]
            for options in self.credentials()
            for name in ("secret_id", "hash_key_secret_id")
            if options.get(name)
        ]

    def database_users(self) -> list[str]:
        """Logins by IAM, as IAM names them."""
        place = f"arn:aws:rds-db:{self.variables['region']}:{self.account}:dbuser"
        return [
            f"{place}:{options['resource_id']}/{options['user']}"
            for options in self.credentials()
            if options["kind"] == "rds_iam"
        ]


def read_deployment(folder: Path) -> Deployment:
    """Reads plan-*.json and state-*.json, as `terraform show -json` writes them."""
    (plan_path,) = folder.glob("plan-*.json")
    (state_path,) = folder.glob("state-*.json")
    plan = json.loads(plan_path.read_text(encoding="utf-8"))
    state = json.loads(state_path.read_text(encoding="utf-8"))
    resources: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for item in _resources(state["values"]["root_module"]):
        if item["mode"] == "managed":
            place = (item["type"], item["name"])
            resources.setdefault(place, []).append(item["values"])
    variables = {name: value.get("value") for name, value in plan["variables"].items()}
    calls = plan["configuration"]["root_module"]["module_calls"]
    outputs = calls["vpc"]["module"]["outputs"]
    waits = {name: value.get("depends_on", []) for name, value in outputs.items()}
    return Deployment(variables, resources, waits)


def _resources(module: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _resources(child)
