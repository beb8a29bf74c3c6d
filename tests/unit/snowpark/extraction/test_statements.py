"""SQL of extraction: texts and bound values to the letter (golden.py)."""

import pytest

from snowpark.extraction import requests
from snowpark.sql import Statement
from tests.unit.snowpark import golden

CASES: dict[str, Statement] = {
    "call_extract": next(requests.call_extract(["{}"])),
    "call_extract_parallel": next(requests.call_extract(["{}", "{}"])),
}


@pytest.mark.parametrize("name", CASES)
def test_the_statement_is_the_golden_one(name: str) -> None:
    golden.check("extraction", name, CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_an_independent_parser_understands_the_text(name: str) -> None:
    golden.check_by_parser(CASES[name])


def test_no_golden_file_is_left_over() -> None:
    golden.check_left_over("extraction", CASES)
