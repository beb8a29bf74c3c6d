"""What is set in a session, and how it is seen that it still holds."""

import pytest

from lambda_extract.source import session

HASH_KEY = "a key of the tests that is long enough"
OPTIONS = (
    "-c lock_timeout=10s -c datestyle=ISO,MDY -c timezone=UTC"
    " -c intervalstyle=postgres -c extra_float_digits=1 -c bytea_output=hex"
    " -c xmlbinary=base64 -c row_security=off -c search_path=pg_catalog"
    " -c standard_conforming_strings=on -c jit=off -c statement_timeout=1500"
    " -c idle_in_transaction_session_timeout=1500"
)


def test_a_session_that_hashes_nothing_is_sent_no_key() -> None:
    assert session.login_options(1.5, "") == OPTIONS
    hashing = session.login_options(1.5, HASH_KEY)
    assert hashing.startswith(f"{OPTIONS} -c aurora_sync.")
    assert HASH_KEY not in hashing


@pytest.mark.parametrize(
    ("left", "limit"), [(1.5, 1500), (0.001, 1), (0.0009, 1), (0.0001, 1)]
)
def test_a_budget_that_is_nearly_used_up_is_still_a_limit(
    left: float, limit: int
) -> None:
    """PostgreSQL takes 0 for no limit at all."""
    assert session.time_limit(left) == f"SET LOCAL statement_timeout = {limit}"


def test_every_setting_that_was_changed_is_named() -> None:
    kept = list(session.SETTINGS.values())
    assert session.changed_settings(kept) == ()
    changed = ["0", *kept[1:-1], "on"]
    assert session.changed_settings(changed) == ("lock_timeout", "jit")


def test_an_answer_without_every_setting_does_not_pass_for_unchanged() -> None:
    kept = list(session.SETTINGS.values())
    for answer in (kept[:-1], [*kept, "off"], []):
        with pytest.raises(ValueError):
            session.changed_settings(answer)
