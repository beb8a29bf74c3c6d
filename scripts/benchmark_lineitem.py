"""A table like TPC-H's lineitem, filled by PostgreSQL itself with made-up rows."""

import contextlib

from psycopg2 import sql

from local.aurora import Aurora
from scripts.benchmark_worker import DATABASE

LINEITEM = """
    CREATE TABLE lineitem (
        l_orderkey bigint NOT NULL,
        l_partkey integer NOT NULL,
        l_suppkey integer NOT NULL,
        l_linenumber integer NOT NULL,
        l_quantity numeric(15,2) NOT NULL,
        l_extendedprice numeric(15,2) NOT NULL,
        l_discount numeric(15,2) NOT NULL,
        l_tax numeric(15,2) NOT NULL,
        l_returnflag char(1) NOT NULL,
        l_linestatus char(1) NOT NULL,
        l_shipdate date NOT NULL,
        l_commitdate date NOT NULL,
        l_receiptdate date NOT NULL,
        l_shipinstruct char(25) NOT NULL,
        l_shipmode char(10) NOT NULL,
        l_comment varchar(44) NOT NULL,
        PRIMARY KEY (l_orderkey, l_linenumber)
    )
"""
WORDS = (
    "carefully final deposits sleep quickly regular packages haggle furiously ironic"
    " accounts nag blithely special requests cajole slyly express theodolites detect"
)
FILL = """
    INSERT INTO lineitem
    SELECT
        (i / 4) * 8 + 1,
        1 + (i * 7919) % 200000,
        1 + (i * 104729) % 10000,
        1 + i % 4,
        1 + (i * 31) % 50,
        (90000 + (i * 6151) % 10400000) / 100.0,
        ((i * 17) % 11) / 100.0,
        ((i * 13) % 9) / 100.0,
        (ARRAY['A', 'N', 'R'])[1 + i % 3],
        (ARRAY['F', 'O'])[1 + i % 2],
        DATE '1992-01-02' + ((i * 37) % 2526)::int,
        DATE '1992-01-31' + ((i * 41) % 2466)::int,
        DATE '1992-01-03' + ((i * 43) % 2555)::int,
        (ARRAY['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN'])
            [1 + (i % 4)],
        (ARRAY['REG AIR', 'AIR', 'RAIL', 'SHIP', 'TRUCK', 'MAIL', 'FOB'])[1 + (i % 7)],
        substr({words}, 1 + ((i * 29) % 100)::int, 22 + ((i * 11) % 23)::int)
    FROM generate_series(0::bigint, {rows} - 1) AS i
"""


def fill_lineitem(aurora: Aurora, rows: int) -> int:
    """Creates lineitem and returns the size of its CSV in bytes."""
    aurora.create_database(DATABASE)
    with contextlib.closing(aurora.connect(DATABASE)) as connection:
        with connection.cursor() as cursor:
            cursor.execute(LINEITEM)
            fill = sql.SQL(FILL)
            cursor.execute(
                fill.format(rows=sql.Literal(rows), words=sql.Literal(WORDS))
            )
            cursor.execute("VACUUM (ANALYZE, FREEZE) lineitem")
            cursor.execute("CHECKPOINT")
            counter = _Counter()
            cursor.copy_expert("COPY lineitem TO STDOUT (FORMAT csv)", counter)
            return counter.bytes


class _Counter:
    def __init__(self) -> None:
        self.bytes = 0

    def write(self, data: bytes) -> None:
        self.bytes += len(data)
