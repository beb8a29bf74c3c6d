"""Every error code has an entry in the runbook, and every entry a code."""

import re
from pathlib import Path

from lambda_extract.errors import CODES as EXTRACT_CODES
from scripts.anchor_runbook import anchored
from snowpark.errors import CODES as PROCEDURE_CODES
from snowpark.errors import RUNBOOK, SyncError

ROOT = Path(__file__).parents[2]


def test_the_runbook_has_exactly_the_codes_that_exist() -> None:
    text = (ROOT / "docs" / "RUNBOOK.md").read_text(encoding="utf-8")
    errors = text[text.index("## Errors of the procedures") :]
    entries = re.findall(r"^\| `([a-z_]+)` \|", errors, flags=re.MULTILINE)
    assert sorted(entries) == sorted([*EXTRACT_CODES, *PROCEDURE_CODES])


def test_the_link_of_every_error_leads_to_its_entry() -> None:
    """Run scripts/anchor_runbook.sh --write."""
    text = (ROOT / RUNBOOK).read_text(encoding="utf-8")
    assert anchored(text) == text
    anchors = re.findall(r'<a id="(\w+)"></a>', text)
    assert sorted(anchors) == sorted([*EXTRACT_CODES, *PROCEDURE_CODES])
    for code in anchors:
        assert str(SyncError(code, "It is so.")).endswith(f"({RUNBOOK}#{code})")
        assert re.search(rf'^\| `{code}` \| <a id="{code}"></a>\S', text, re.M), code


def test_every_code_that_the_code_raises_is_in_a_table() -> None:
    raised = set()
    for folder in ("lambda_extract", "snowpark"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            pattern = r"raise \w+Error\(\s*\"([a-z]+(?:_[a-z]+)+)\""
            raised.update(re.findall(pattern, text))
    assert raised
    assert raised <= {*EXTRACT_CODES, *PROCEDURE_CODES}


def test_every_alert_has_an_entry() -> None:
    text = (ROOT / "docs" / "RUNBOOK.md").read_text(encoding="utf-8")
    alerts = text[text.index("## Alerts") : text.index("## Errors of the procedures")]
    view = (ROOT / "snowflake" / "65_alerts" / "010_problems.sql").read_text("utf-8")
    kinds = set(re.findall(r"'(\w+)' AS kind", view))
    assert kinds == set(re.findall(r"^\| `(\w+)` \|", alerts, re.MULTILINE))
    for code in re.findall(r"'(\w+)' AS error_code", view):
        assert f"`{code}`" in alerts


def test_every_warning_has_an_entry() -> None:
    text = (ROOT / "docs" / "RUNBOOK.md").read_text(encoding="utf-8")
    warnings = text[text.index("## Warnings") : text.index("## Alerts")]
    entries = set(re.findall(r"^\| `([a-z_]+)` \|", warnings, flags=re.MULTILINE))
    given = set()
    for folder in ("lambda_extract", "snowpark"):
        for path in (ROOT / folder).rglob("*.py"):
            code = path.read_text(encoding="utf-8")
            given.update(re.findall(r"\bWarning\(\s*(?:code=)?\"([a-z_]+)\"", code))
            given.update(re.findall(r"\.warn\(\s*\"([a-z_]+)\"", code))
    assert given == entries
