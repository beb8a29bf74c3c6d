"""Prints docs/ACCESS.md: who may do what, from Terraform, snowflake/ and the documents.

Terraform's policies are shown as they are written, so that no value has to be made up;
scripts/check_terraform.sh judges them after an apply.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from scripts import sql_files
from scripts.terraform_blocks import Block, read_blocks

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "ACCESS.md"
DEPLOYMENT = ROOT / "docs" / "DEPLOYMENT.md"
MODULES = ROOT / "terraform" / "modules"
HEAD = """\
# Access

Printed by `scripts/print_access.sh --write` from Terraform's policies, the SQL files of
`snowflake/` and the SQL of `docs/DEPLOYMENT.md`; a test holds this file to them.
`docs/SECURITY.md` says what each piece gives to whoever steals it.
"""
PEOPLE = ("sync_configurator", "sync_operator", "sync_reader")
_GRANT = re.compile(
    r"(?P<verb>GRANT|REVOKE) (?P<rights>.+?) ON (?P<object>.+?)"
    r" (?:TO|FROM) ROLE (?P<role>\S+)",
    re.DOTALL,
)
_ROLE = re.compile(r"GRANT ROLE (?P<granted>\S+) TO ROLE (?P<role>\S+)")
_PROCEDURE = re.compile(r"PROCEDURE control\.(\w+)\(")
_FENCED = re.compile(r"^```sql\n(.*?)^```", re.M | re.S)
_OF_POSTGRESQL = re.compile(
    r"^(?:CREATE ROLE (?P<made>\w+).*"
    r"|(?:GRANT|ALTER DEFAULT PRIVILEGES).* TO (?P<given>\w+)\b.*);$"
)

Row = tuple[str, ...]


def document() -> str:
    """Returns the whole text of docs/ACCESS.md."""
    parts = [HEAD, _aws(), _snowflake(), _postgresql()]
    return "\n".join(parts)


def _table(head: Row, rows: Iterable[Row]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells) + "\n"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


# --- AWS ------------------------------------------------------------------------------


def _aws() -> str:
    rows, calls, vault, given = [], [], [], []
    for module in sorted(path for path in MODULES.iterdir() if path.is_dir()):
        blocks = [b for path in sorted(module.glob("*.tf")) for b in read_blocks(path)]
        for block in blocks:
            kind = block.labels[0] if block.labels else ""
            if kind == "aws_iam_policy_document":
                rows += list(_statements(module.name, block, blocks))
            elif kind == "aws_lambda_permission":
                calls.append(_permission(block))
            elif kind == "aws_iam_role_policy_attachment":
                given.append(
                    (
                        _code(block.attributes["role"]),
                        _code(block.attributes["policy_arn"]),
                    )
                )
            elif block.kind == "resource" and kind.startswith("vault_"):
                vault += list(_vault(block))
    return "\n".join(
        [
            "## AWS\n",
            "Every policy document of `terraform/modules/`: what it is attached to, and"
            " each of its statements.\n",
            _table(("policy of", "effect", "who", "actions", "on", "only if"), rows),
            "Policies of AWS's own that roles have:\n",
            _table(("role", "policy"), given),
            "Who invokes a function by its own policy:\n",
            _table(("principal", "function", "from"), calls),
            "## Vault\n",
            _table(("resource", "setting", "value"), vault),
        ]
    )


def _statements(module: str, found: Block, blocks: Sequence[Block]) -> Iterator[Row]:
    place = f"{module}: {', '.join(_attached(found.labels[1], blocks))}"
    for statement in found.all("statement"):
        yield _statement(place, statement, "")
    for dynamic in found.all("dynamic"):
        (content,) = dynamic.all("content")
        yield _statement(place, content, dynamic.attributes["for_each"])


def _attached(name: str, blocks: Sequence[Block]) -> list[str]:
    """Returns what a document is the policy of, over a document that includes it."""
    used = re.compile(rf"\baws_iam_policy_document\.{name}(?:\.json|\[)")
    found = []
    for block in blocks:
        for attribute, text in block.attributes.items():
            if not used.search(text):
                continue
            kind, own = block.labels
            if kind == "aws_iam_policy_document":
                found += _attached(own, blocks)
            else:
                trust = " (who assumes it)" if attribute.startswith("assume") else ""
                found.append(f"`{kind}.{own}`{trust}")
    if not found:
        raise ValueError(f"the policy document {name} is attached to nothing")
    return found


def _statement(place: str, block: Block, only_for: str) -> Row:
    who = [
        f"{one.attributes['type']} {one.attributes['identifiers']}"
        for one in block.all("principals")
    ]
    conditions = [
        f"{one.attributes['test']} {one.attributes['variable']}"
        f" {one.attributes['values']}".replace('"', "")
        for one in block.all("condition")
    ]
    if only_for:
        conditions.append(f"for each of {only_for}")
    return (
        place,
        block.attributes.get("effect", '"Allow"').strip('"'),
        ", ".join(_code(one.replace('"', "")) for one in who) or "the role",
        _code(block.attributes["actions"].strip("[]").replace('"', "").strip(" ,")),
        _code(block.attributes.get("resources", "").strip("[]").strip(" ,")),
        " and ".join(_code(one) for one in conditions),
    )


def _permission(block: Block) -> Row:
    return (
        _code(block.attributes["principal"].strip('"')),
        _code(block.attributes["function_name"]),
        _code(block.attributes["source_arn"].strip('"')),
    )


def _vault(block: Block) -> Iterator[Row]:
    for name, value in block.attributes.items():
        if name not in ("backend", "name", "role", "db_name"):
            yield (_code(".".join(block.labels)), name, _code(value))


# --- Snowflake ------------------------------------------------------------------------


def _texts() -> list[str]:
    """Returns the statements of snowflake/, with placeholders as <name>."""
    files = sql_files.read_files()
    values = {name: f"<{name}>" for name in sql_files.placeholders(files)}
    return [one.text for file in files for one in sql_files.statements(file, values)]


def _snowflake() -> str:
    texts = _texts()
    grants = [found for text in texts if (found := _GRANT.match(text))]
    procedures, others = _split_grants(grants)
    for found in (_ROLE.match(text) for text in texts):
        if found:
            others.append((found["role"], "is also", f"role {found['granted']}"))
    mine = sorted(_procedures(texts))
    listed = [
        (
            _code(name),
            *("yes" if who in procedures.get(name, ()) else "" for who in PEOPLE),
        )
        for name in mine
    ]
    return "\n".join(
        [
            "## Snowflake\n",
            "`SYNC_ADMIN` makes and owns every object but the dashboard, which is"
            " `SYNC_OPERATOR`'s; it has every right on them, and nobody needs it in"
            " daily work. Each procedure runs with its rights (`EXECUTE AS OWNER`). Who"
            " may call which:\n",
            _table(("procedure", *PEOPLE), listed),
            "Every other grant, in the order of the deployment. A role has what the"
            " roles have that it is also.\n",
            _table(("role", "may", "on"), others),
            "The procedures themselves grant `SELECT` on a target to the `readers` of"
            " its table, and take it away again (`snowpark/load/extras_statements.py`),"
            " and `USAGE` on a schema that they make"
            " (`snowpark/worksheet/statements.py`).\n",
        ]
    )


def _procedures(texts: Iterable[str]) -> set[str]:
    """Returns the procedures.

    Raises:
        ValueError: One does not run with its owner's rights.
    """
    found = set()
    for text in texts:
        made = re.match(r"CREATE OR REPLACE PROCEDURE (\w+)\(", text)
        if made and not text.rstrip().endswith("EXECUTE AS OWNER"):
            raise ValueError(f"{made[1]} does not run with its owner's rights")
        if made:
            found.add(made[1])
    return found


def _split_grants(
    grants: Iterable[re.Match[str]],
) -> tuple[dict[str, set[str]], list[Row]]:
    """Returns who may call each procedure, and all other grants."""
    procedures: dict[str, set[str]] = {}
    others: list[Row] = []
    for grant in grants:
        role, thing = grant["role"], " ".join(grant["object"].split())
        called = _PROCEDURE.match(thing)
        if called and grant["verb"] == "GRANT":
            procedures.setdefault(called[1], set()).add(role)
        else:
            rights = f"{'' if grant['verb'] == 'GRANT' else 'not '}{grant['rights']}"
            others.append((role, rights, thing))
    return procedures, others


# --- PostgreSQL -----------------------------------------------------------------------


def _postgresql() -> str:
    rows = []
    for block in _FENCED.findall(DEPLOYMENT.read_text(encoding="utf-8")):
        for line in block.splitlines():
            found = _OF_POSTGRESQL.match(line)
            if found and "CREATE ROLE" in block:
                rows.append((found["made"] or found["given"], _code(line.rstrip(";"))))
    rows.append(("the role that reads the log", "`GRANT rds_replication TO ...`"))
    return "\n".join(
        [
            "## PostgreSQL\n",
            "What `docs/DEPLOYMENT.md` has the database's administrator grant. No role"
            " of the sync may write a row.\n",
            _table(("role", "statement"), rows),
        ]
    )


def main() -> int:
    """Prints the document, or writes it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/ACCESS.md")
    if parser.parse_args().write:
        DOCUMENT.write_text(document(), encoding="utf-8")
    else:
        print(document(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
