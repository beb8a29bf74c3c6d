"""The dashboard's only way to Snowflake; its errors become CallFailed.

In Snowflake the connection is the app's own, with the rights of the app's owner and no
secret. On this machine scripts/run_dashboard.sh gives its settings in a secrets file.
"""

from typing import Any

import streamlit as st
from snowflake.connector.errors import Error as ConnectorError
from snowflake.snowpark.exceptions import SnowparkClientException

from snowpark.dashboard.shaping import Failure, Row, failure_of, report_of
from snowpark.dashboard.statements import Query


class CallFailed(Exception):
    """A query or call was refused.

    Attributes:
        failure: What to show.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def rows(query: Query) -> list[Row]:
    """Returns the rows of a query by column name, upper case.

    Raises:
        CallFailed: Snowflake refused it.
    """
    # SHOW has lower-case names, which Snowpark hands over in quotes.
    return [
        {name.strip('"').upper(): value for name, value in row.as_dict().items()}
        for row in _collect(query)
    ]


def call(query: Query) -> dict[str, Any]:
    """Calls a procedure and returns its report.

    Raises:
        CallFailed: The procedure raised an error, or Snowflake refused the call.
    """
    found = _collect(query)
    if len(found) == 1 and len(found[0]) == 1:
        return report_of(found[0][0])
    # A procedure that returns rows.
    return {"rows": [row.as_dict() for row in found]}


def _collect(query: Query) -> list[Any]:
    try:
        session = st.connection("snowflake").session()
        return session.sql(query.text, params=list(query.params) or None).collect()
    except (SnowparkClientException, ConnectorError) as error:
        # Not chained: the original's text holds the whole statement.
        raise CallFailed(failure_of(str(error))) from None
