"""E3: the deployment grants enough: each of its grants taken away is noticed.

What is needed is derived from the objects that the deployment makes, not from its
grants.
"""

import re
from pathlib import Path

import pytest

SNOWFLAKE = Path(__file__).resolve().parents[3] / "snowflake"
TEXT = "\n".join(
    path.read_text(encoding="utf-8") for path in sorted(SNOWFLAKE.glob("*/*.sql"))
)
GRANTS = [
    " ".join(statement.split())
    for statement in re.findall(r"^GRANT [^;]*;", TEXT, re.M)
]
# Tasks call them, and tasks run as their owner.
STEPS = {
    "extract_group",
    "extract_lanes",
    "load_lane",
    "load_table",
    "merge_table",
    "finish_group",
}
# Who says what is synced does not sync, and the other way round; both look first.
BOTH = ("sync_operator", "sync_configurator")
CONFIGURING = {
    "apply_config": ("sync_configurator",),
    "propose_config": ("sync_configurator",),
    "add_tables": ("sync_configurator",),
    "remove_tables": ("sync_configurator",),
    "plan_sync": BOTH,
    "check_sync": BOTH,
    "help": BOTH,
}
# What a sync knows about columns; people see the changes.
# Bounds of parts are keys of rows.
INTERNAL = {"sync_columns", "sync_parts"}
# Told by no object: what the roles are for, and what tasks and alerts take.
RIGHTS = {
    "GRANT ROLE sync_reader TO ROLE sync_operator;",
    "GRANT ROLE sync_reader TO ROLE sync_configurator;",
    "GRANT ROLE sync_operator TO ROLE sync_admin;",
    "GRANT ROLE sync_configurator TO ROLE sync_admin;",
    "GRANT ROLE sync_admin TO ROLE <% admin_role %>;",
    "GRANT CREATE DATABASE ON ACCOUNT TO ROLE sync_admin;",
    "GRANT EXECUTE TASK ON ACCOUNT TO ROLE sync_admin;",
    "GRANT EXECUTE MANAGED TASK ON ACCOUNT TO ROLE sync_admin;",
    "GRANT EXECUTE ALERT ON ACCOUNT TO ROLE sync_admin;",
    "GRANT EXECUTE MANAGED ALERT ON ACCOUNT TO ROLE sync_admin;",
    "GRANT USAGE ON DATABASE <% database %> TO ROLE sync_reader;",
    "GRANT USAGE ON SCHEMA control TO ROLE sync_reader;",
    "GRANT SELECT ON ALL VIEWS IN SCHEMA control TO ROLE sync_reader;",
    "GRANT MONITOR, OPERATE ON FUTURE TASKS IN SCHEMA control TO ROLE sync_operator;",
    "GRANT MONITOR, OPERATE ON ALL TASKS IN SCHEMA control TO ROLE sync_operator;",
    # A task names a warehouse, and APPLY_TASKS looks at it.
    "GRANT USAGE, OPERATE, MONITOR ON WAREHOUSE <% warehouse %> TO ROLE sync_admin;",
}


def created(kind: str) -> set[str]:
    pattern = rf"CREATE (?:OR REPLACE )?{kind}(?: IF NOT EXISTS)? (\w+)"
    return set(re.findall(pattern, TEXT))


def needed() -> set[str]:
    """Returns each grant without which somebody is refused."""
    grants = set(RIGHTS)
    for role in ("sync_operator", "sync_configurator", "sync_reader"):
        grants.add(f"GRANT USAGE ON WAREHOUSE <% warehouse %> TO ROLE {role};")
    for name in re.findall(r"^(?:API|STORAGE)_INTEGRATION = (\w+)", TEXT, re.M):
        grants.add(f"GRANT USAGE ON INTEGRATION {name} TO ROLE sync_admin;")
    for name in created("TABLE") - INTERNAL:
        grants.add(f"GRANT SELECT ON TABLE control.{name} TO ROLE sync_reader;")
    found = re.findall(r"CREATE OR REPLACE PROCEDURE (\w+)\(([^)]*)\)", TEXT)
    for name, arguments in found:
        kinds = [argument.split()[1] for argument in arguments.split(", ") if argument]
        if name in STEPS:
            continue
        roles = CONFIGURING.get(name, ("sync_operator",))
        for role in roles:
            grants.add(
                f"GRANT USAGE ON PROCEDURE control.{name}({', '.join(kinds)})"
                f" TO ROLE {role};"
            )
    if created("STREAMLIT"):
        # The operator makes the app, from files that it reads.
        grants.add("GRANT READ ON STAGE dashboard TO ROLE sync_operator;")
        grants.add("GRANT CREATE STREAMLIT ON SCHEMA control TO ROLE sync_operator;")
    # Made by another role, and later than the grant on all views.
    grants.add("GRANT SELECT ON VIEW sync_cost TO ROLE sync_reader;")
    return grants


def missing(grants: list[str]) -> set[str]:
    return needed() - set(grants)


def test_the_deployment_grants_what_is_needed_and_no_more() -> None:
    assert missing(GRANTS) == set()
    assert set(GRANTS) - needed() == set()


@pytest.mark.parametrize("number", range(len(GRANTS)), ids=lambda n: GRANTS[n][6:70])
def test_a_grant_that_is_taken_away_is_noticed(number: int) -> None:
    assert missing(GRANTS[:number] + GRANTS[number + 1 :]) == {GRANTS[number]}
