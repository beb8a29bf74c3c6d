"""W3: a target has no collation, whatever DEFAULT_DDL_COLLATION says around it."""

from typing import Any, cast

import pytest

from snowpark.columns.alignment import Rules, Source
from snowpark.columns.shape import Shape
from snowpark.errors import DriftError
from snowpark.load import target, target_statements
from snowpark.session import Snowflake
from snowpark.sql import Statement
from tests.unit.snowpark.samples import settings

DESCRIBED = {"ID": "NUMBER(38,0)", "_SYNC_RUN_ID": "VARCHAR(64)"}


class Described:
    """Answers DESCRIBE TABLE, and refuses everything else."""

    def __init__(self, types: dict[str, str]) -> None:
        self.types = types

    def run(self, statement: Statement) -> list[dict[str, Any]]:
        assert statement.text.startswith("DESCRIBE TABLE")
        return [{"name": name, "type": kind} for name, kind in self.types.items()]


@pytest.mark.parametrize("column", ["NAME", "_SYNC_RUN_ID"])
@pytest.mark.parametrize("kind", ["VARCHAR(9) COLLATE 'en-ci'", "varchar collate 'de'"])
def test_w3_a_target_with_a_collation_is_refused(column: str, kind: str) -> None:
    """W3: under 'en-ci' a MERGE takes 'a' and 'A' for one key, without a word."""
    snowflake = cast(Snowflake, Described({**DESCRIBED, column: kind}))
    wanted = target.Target(settings(), "r", Rules("evolve", "fail"))
    with pytest.raises(DriftError) as caught:
        target.find_alignment(snowflake, wanted, Source((), (), 1), Shape())
    assert caught.value.code == "target_collated"
    assert f'"{column}"' in caught.value.message


@pytest.mark.parametrize("soft", [True, False])
def test_w3_a_target_is_made_without_a_collation(soft: bool) -> None:
    """W3: the database of a target may be somebody else's, with a collation."""
    made = target_statements.create_target('"A"."B"."C"', (), soft_deletes=soft)
    assert made.text.endswith("\nDEFAULT_DDL_COLLATION = ''")
