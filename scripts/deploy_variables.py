"""Values for the placeholders of the SQL files, each checked against a strict pattern.

Values are put into SQL text as they are: a pattern admits no quote, blank or semicolon.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT_FILE = Path(__file__).resolve().parents[1] / "pyproject.toml"

_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_$]{0,254}"
_TARGET = r"[A-Za-z0-9_$*]{1,255}\.[A-Za-z0-9_$*]{1,255}"
_ROLE_ARN = r"arn:aws(-[a-z]+)*:iam::\d{12}:role/[\w+=,.@/-]{1,512}"
_API_GATEWAY = (
    r"https://[a-z0-9-]+\.execute-api\.[a-z0-9-]+\.amazonaws\.com(\.cn)?"
    r"/[A-Za-z0-9._~/-]+"
)
_LOCAL_GATEWAY = r"http://127\.0\.0\.1:\d{1,5}/[A-Za-z0-9._~/-]*"


class VariableError(ValueError):
    """Values are missing, unknown or not of the expected shape; lists every problem."""


@dataclass(frozen=True)
class Variable:
    """A placeholder that the SQL files may use.

    Attributes:
        pattern: What a value must match completely.
        meaning: For messages: what the value is.
        default: Used if none is given; None: a value must be given.
    """

    pattern: str
    meaning: str
    default: str | None = None


def runtime_python() -> str:
    """Returns the Python version of the procedures, from pyproject.toml."""
    project = tomllib.loads(PROJECT_FILE.read_text(encoding="utf-8"))
    version: str = project["tool"]["aurora_sync"]["snowpark_python"]
    return version


VARIABLES: dict[str, Variable] = {
    "environment": Variable(
        r"([A-Za-z][A-Za-z0-9_]{0,29})?",
        "name of one of several environments in the account; empty: the only one",
        "",
    ),
    "admin_role": Variable(
        _IDENTIFIER, "role that may create roles and integrations", "ACCOUNTADMIN"
    ),
    "warehouse": Variable(_IDENTIFIER, "warehouse that runs the syncs", "AURORA_SYNC"),
    "database": Variable(_IDENTIFIER, "database to deploy into", "AURORA_SYNC"),
    "landing_url": Variable(
        r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/([A-Za-z0-9!_.*()-]+/)*",
        "landing bucket and prefix, s3://bucket/prefix/ with the slash at the end",
    ),
    "storage_role_arn": Variable(
        _ROLE_ARN, "AWS role that Snowflake assumes to read the landing bucket"
    ),
    "api_role_arn": Variable(
        _ROLE_ARN, "AWS role that Snowflake assumes to call the API Gateway"
    ),
    "api_url": Variable(
        f"{_API_GATEWAY}|{_LOCAL_GATEWAY}",
        "URL of the extraction's API Gateway resource, stage and path included",
    ),
    "pipe_sns_topic_arn": Variable(
        r"(arn:aws(-[a-z]+)*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256})?",
        "SNS topic that tells pipes of new files; empty: S3 tells Snowflake's queue",
        "",
    ),
    "targets": Variable(
        rf"{_TARGET}(,{_TARGET})*",
        "schemas that may be written, DATABASE.SCHEMA,... in which * is anything",
        "*.*",
    ),
    "notification_integrations": Variable(
        rf"({_IDENTIFIER}(,{_IDENTIFIER})*)?",
        "notification integrations that exist and alerts may use, NAME,...",
        "",
    ),
    "python_version": Variable(
        r"3\.\d{1,2}", "Python version of the procedures", runtime_python()
    ),
}


def resolve_variables(
    used: Mapping[str, str], given: Mapping[str, str]
) -> dict[str, str]:
    """Returns the value of every placeholder in use.

    Args:
        used: Placeholder -> file that uses it.
        given: Values from the command line and files; they win over defaults.

    Raises:
        VariableError: With one line per problem.
    """
    problems = [
        f"unknown variable {name!r}; known are {', '.join(sorted(VARIABLES))}"
        for name in given
        if name not in VARIABLES
    ]
    values: dict[str, str] = {}
    for name, file in used.items():
        variable = VARIABLES.get(name)
        if variable is None:
            problems.append(f"{file} uses <% {name} %>, which has no rule")
            continue
        value = given.get(name, variable.default)
        if value is None:
            problems.append(f"{name} is missing: {variable.meaning}")
        elif not re.fullmatch(variable.pattern, value):
            problems.append(
                f"{name} has an unusable value, {value!r}: expected {variable.meaning}"
            )
        else:
            values[name] = value
    if problems:
        raise VariableError("\n".join(problems))
    return values


def read_variables(path: Path) -> dict[str, str]:
    """Reads values from a JSON file: {"name": "value"}, or `terraform output -json`.

    Of Terraform's outputs only those whose name is a variable are taken.

    Raises:
        VariableError: The file cannot be read or has another shape.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VariableError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise VariableError(f"{path}: not JSON ({error})") from error
    if not isinstance(content, dict):
        raise VariableError(f"{path}: not a JSON object")
    values: dict[str, str] = {}
    for name, value in content.items():
        if isinstance(value, dict) and "value" in value:
            # Null: an option of Terraform that is switched off.
            if name not in VARIABLES or value["value"] is None:
                continue
            value = value["value"]
        if not isinstance(value, str):
            raise VariableError(f"{path}: the value of {name} is not a text")
        values[name] = value
    return values
