"""What each error of PostgreSQL means for a reader: SQLSTATE and message to our code.

A reader logs in, reads the catalog, locks, reads and copies. Most other states can only
come from inside the relation: a view, a function of it, a generated value. They come
again with the same rows, so a retry does not help.

PostgreSQL's own text may quote values. It is looked at, in English, and never passed
on; in other languages the state alone decides.
"""

from dataclasses import dataclass

CANNOT_BE_READ = "source_cannot_be_read"
RAISED = "A function of the relation raised an error."
CORRUPT_HINT = (
    "PostgreSQL itself cannot read the data: look into its log, and restore what is"
    " damaged; an index is rebuilt by REINDEX."
)
RESOURCES_HINT = "Give the server room (disk, memory), or let it do less meanwhile."


@dataclass(frozen=True)
class Decision:
    """What a reader is told.

    Attributes:
        code: One of errors.CODES, which says whether a retry helps.
        message: In our own words.
        hint: What to do; empty if the code's own hint is right.
    """

    code: str
    message: str
    hint: str = ""


NOT_ITS_TYPE = Decision(
    "bad_request",
    "A text is no value of its type: a bound of the request, or one inside the view.",
    "SELECT all of it in PostgreSQL as the reader role; if that works, the type of"
    " cursor or key was altered: CALL RESYNC_TABLE.",
)

BY_STATE: dict[str, Decision] = {
    "08P01": Decision("source_unreachable", "PostgreSQL did not understand a message."),
    # Inside a session these two are another server's, told by postgres_fdw or dblink.
    "08001": Decision(
        "source_error",
        "The other server of a foreign table could not be reached.",
        "Check the foreign server; a retry helps if it comes back.",
    ),
    "08006": Decision(
        "source_error",
        "The connection to the other server of a foreign table broke.",
        "Check the foreign server; a retry helps if it comes back.",
    ),
    "0A000": Decision(
        CANNOT_BE_READ,
        "The relation needs a feature that PostgreSQL does not have here.",
    ),
    "22003": NOT_ITS_TYPE,
    "22007": NOT_ITS_TYPE,
    "22008": NOT_ITS_TYPE,
    "22P02": NOT_ITS_TYPE,
    "22012": Decision(CANNOT_BE_READ, "A view or generated value divides by zero."),
    "22021": Decision(
        CANNOT_BE_READ,
        "A text holds bytes that are no characters in the database's encoding.",
        'Correct the texts, or add the column to "exclude". A database of encoding'
        " SQL_ASCII takes any bytes; its texts must be UTF-8 to be read.",
    ),
    "22023": Decision(
        "bad_request",
        "PostgreSQL does not know a setting of the table, for example its time zone.",
        'Correct "time_zone" of the source; else SELECT all of the relation as the'
        " reader role, because a function of it may be called with a wrong argument.",
    ),
    "22P05": Decision(
        CANNOT_BE_READ,
        "A text holds a character that UTF-8 has no place for.",
        'Correct the texts, or add the column to "exclude".',
    ),
    "25006": Decision(
        CANNOT_BE_READ,
        "A function of the relation writes, and reading is done READ ONLY.",
        "Sync a table, or a view whose functions only read.",
    ),
    "25P02": Decision("source_error", "The transaction had failed before."),
    "25P03": Decision("source_unreachable", "PostgreSQL closed the idle transaction."),
    "25P04": Decision(
        "window_too_large", "The transaction did not end within the budget."
    ),
    "28000": Decision("source_authentication", "PostgreSQL refused the login."),
    "28P01": Decision("source_authentication", "PostgreSQL refused the login."),
    "3D000": Decision("database_not_found", "The database does not exist."),
    "3F000": Decision("table_not_found", "The schema does not exist (any more)."),
    "40001": Decision(
        "window_too_large",
        "The snapshot conflicted with recovery on the replica: it lasted too long.",
        "Set hot_standby_feedback on the replica, or let max_standby_streaming_delay be"
        " longer than an extraction.",
    ),
    "40P01": Decision("source_error", "PostgreSQL ended a deadlock with this session."),
    "42501": Decision("permission_denied", "PostgreSQL denied reading the table."),
    "42703": Decision("column_not_found", "A column does not exist (any more)."),
    "42P01": Decision("table_not_found", "The table does not exist (any more)."),
    "42P17": Decision(
        CANNOT_BE_READ, "The relation's definition refers to itself without an end."
    ),
    "53100": Decision("source_error", "PostgreSQL's disk is full.", RESOURCES_HINT),
    "53200": Decision("source_error", "PostgreSQL has no memory left.", RESOURCES_HINT),
    "53300": Decision("too_many_connections", "PostgreSQL has no connection left."),
    "53400": Decision(
        "window_too_large",
        "The statement reached a limit of the server, temp_file_limit for example.",
        "Raise temp_file_limit of the reader role, or index the cursor and the key, so"
        " that nothing has to be sorted.",
    ),
    "54000": Decision(
        "value_refused", "A value or a row is larger than PostgreSQL itself can send."
    ),
    "54001": Decision(
        CANNOT_BE_READ,
        "The relation's definition is too deep for max_stack_depth of the server.",
    ),
    "54011": Decision(CANNOT_BE_READ, "The relation has too many columns to be read."),
    "54023": Decision(
        CANNOT_BE_READ,
        "PostgreSQL passes at most 100 arguments to a function, which is too few for"
        " this table.",
        "Sync a view with fewer columns.",
    ),
    "55000": Decision(
        CANNOT_BE_READ,
        "The relation is not ready: a materialized view, for example, without data.",
        "REFRESH MATERIALIZED VIEW, or wait until it is.",
    ),
    "55006": Decision("source_error", "Another session is using the relation."),
    "55P02": Decision(
        "source_error", "The server's configuration does not allow a session setting."
    ),
    "55P03": Decision(
        "source_error",
        "The table was locked by another session for too long.",
        "Look in pg_locks for who holds ACCESS EXCLUSIVE on it (ALTER TABLE, VACUUM"
        " FULL, ...); a retry helps when it has ended.",
    ),
    "57014": Decision(
        "window_too_large", "The statement did not end within the time budget."
    ),
    "57P04": Decision("database_not_found", "The database was dropped."),
    "58P01": Decision(
        CANNOT_BE_READ,
        "A file of the relation, or a library of its functions, is missing.",
        CORRUPT_HINT,
    ),
    "72000": Decision("source_error", "The snapshot was too old for the server."),
    "XX001": Decision(CANNOT_BE_READ, "A page of the table is corrupt.", CORRUPT_HINT),
    "XX002": Decision(
        CANNOT_BE_READ, "An index of the table is corrupt.", CORRUPT_HINT
    ),
}
BY_CLASS: dict[str, Decision] = {
    "03": Decision(CANNOT_BE_READ, RAISED),
    "08": Decision("source_unreachable", "The connection to PostgreSQL broke."),
    "09": Decision(CANNOT_BE_READ, RAISED),
    "0A": Decision(CANNOT_BE_READ, RAISED),
    "0B": Decision(CANNOT_BE_READ, RAISED),
    "0F": Decision(CANNOT_BE_READ, RAISED),
    "0L": Decision(CANNOT_BE_READ, RAISED),
    "0P": Decision(CANNOT_BE_READ, "A role that the relation names does not exist."),
    "0Z": Decision(CANNOT_BE_READ, RAISED),
    "10": Decision(CANNOT_BE_READ, "A function of the relation fails on XML."),
    "20": Decision(CANNOT_BE_READ, RAISED),
    "21": Decision(CANNOT_BE_READ, "A view's subquery answers several rows."),
    "22": Decision(CANNOT_BE_READ, "A view or function fails on a value."),
    "23": Decision(CANNOT_BE_READ, RAISED),
    "24": Decision(CANNOT_BE_READ, RAISED),
    "25": Decision(CANNOT_BE_READ, RAISED),
    "26": Decision(CANNOT_BE_READ, RAISED),
    "27": Decision(CANNOT_BE_READ, RAISED),
    "28": Decision("source_authentication", "PostgreSQL refused the login."),
    "2B": Decision(CANNOT_BE_READ, RAISED),
    "2D": Decision(CANNOT_BE_READ, RAISED),
    "2F": Decision(CANNOT_BE_READ, RAISED),
    "34": Decision(CANNOT_BE_READ, RAISED),
    "38": Decision(CANNOT_BE_READ, RAISED),
    "39": Decision(CANNOT_BE_READ, RAISED),
    "3B": Decision(CANNOT_BE_READ, RAISED),
    "3D": Decision("database_not_found", "The database does not exist."),
    "3F": Decision("table_not_found", "The schema does not exist (any more)."),
    "40": Decision("source_error", "PostgreSQL rolled the transaction back."),
    "42": Decision(
        CANNOT_BE_READ,
        "A statement does not fit the relation: a type, function or operator that it"
        " needs is missing, or was altered meanwhile.",
    ),
    "44": Decision(CANNOT_BE_READ, RAISED),
    "53": Decision("source_error", "PostgreSQL lacks resources.", RESOURCES_HINT),
    "54": Decision(CANNOT_BE_READ, "The relation is beyond a limit of PostgreSQL."),
    "55": Decision("source_error", "The relation is not in a state to be read."),
    "57": Decision(
        "source_unreachable",
        "PostgreSQL is shutting down or not ready, or somebody ended the session.",
    ),
    "58": Decision("source_error", "The server's system failed (input or output)."),
    "72": Decision("source_error", "The snapshot was too old for the server."),
    "F0": Decision("source_error", "The server's configuration file is wrong."),
    "HV": Decision(
        "source_error",
        "A foreign table's wrapper failed.",
        "Check the foreign server, its user mapping and the table's definition.",
    ),
    "P0": Decision(CANNOT_BE_READ, RAISED),
    "XX": Decision("source_error", "PostgreSQL met an internal error."),
}
# Phrases of PostgreSQL that tell apart what has one state.
BY_PHRASE: tuple[tuple[str, str, Decision], ...] = (
    # Raised because row_security is off.
    (
        "42501",
        "row-level security",
        Decision("row_security", "Row level security hides rows of the table."),
    ),
    # A leased login whose role is gone: the next one is asked for by itself.
    (
        "42704",
        "invalid role OID",
        Decision(
            "source_unreachable",
            "The login was revoked while it was in use.",
            "A retry reads the secret again; leases should live for ten minutes.",
        ),
    ),
    (
        "57014",
        "due to user request",
        Decision(
            "source_error",
            "Somebody cancelled the statement (pg_cancel_backend).",
            "Ask who did, or call again.",
        ),
    ),
)
UNKNOWN = Decision("source_error", "PostgreSQL failed.")
# A function may raise any state; PostgreSQL has none of its own in other classes.
OF_A_FUNCTION = Decision(CANNOT_BE_READ, RAISED)


def decide(state: str, message: str = "") -> Decision:
    """Returns what an error means.

    Args:
        state: SQLSTATE; empty if PostgreSQL told none.
        message: PostgreSQL's own text, in whatever language.
    """
    if not state:
        return UNKNOWN
    for told, phrase, decision in BY_PHRASE:
        if state == told and phrase in message:
            return decision
    return BY_STATE.get(state) or BY_CLASS.get(state[:2], OF_A_FUNCTION)
