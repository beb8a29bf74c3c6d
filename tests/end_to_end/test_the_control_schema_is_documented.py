"""docs/CONTROL.md is what a deployment has: every table, view, column and relation."""

from scripts.print_control import DOCUMENT, document
from tests.end_to_end.lab import Lab


def test_the_page_of_control_is_current(lab: Lab) -> None:
    """Run scripts/print_control.sh --write."""
    text = document(lab.query)
    assert text == DOCUMENT.read_text(encoding="utf-8")
