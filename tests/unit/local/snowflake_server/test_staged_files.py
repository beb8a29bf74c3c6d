"""Files that a procedure reads: by a scoped URL, which is its maker's alone."""

from pathlib import Path

import pytest

from .conftest import Account, Client, Deploy
from .test_roles import connect

HANDLERS = """
from snowflake.snowpark.files import SnowflakeFile

def read(session, place, mode):
    with SnowflakeFile.open(place, mode) as file:
        return str(file.read())

def any_file(session, place):
    with SnowflakeFile.open(place, "r", require_scoped_url=False) as file:
        return file.read()

def own(session):
    text = "SELECT BUILD_SCOPED_FILE_URL(@files, 'sync.yaml') AS url"
    with SnowflakeFile.open(session.sql(text).collect()[0][0]) as file:
        return file.read()
"""
SSE = "ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')"


@pytest.fixture
def staged(client: Client, deploy: Deploy, tmp_path: Path) -> Client:
    """A client with a file on a stage, and procedures that open files."""
    deploy(HANDLERS, read="place VARCHAR, mode VARCHAR", any_file="p VARCHAR", own="")
    path = tmp_path / "sync.yaml"
    path.write_text("version: 1\n")
    client.run(f"CREATE STAGE files {SSE}")
    client.run("CREATE STAGE plain")
    for place in ("files", "files/deep/er", "plain"):
        client.run(f"PUT file://{path} @{place} AUTO_COMPRESS = FALSE")
    return client


def test_a_scoped_url_in_the_call_opens_the_file(staged: Client, database: str) -> None:
    for place, file in (
        ("@files", "sync.yaml"),
        ("@public.files", "deep/er/sync.yaml"),
        (f"@{database}.PUBLIC.files", "/sync.yaml"),
        ("'@\"FILES\"'", "sync.yaml"),
    ):
        url = f"BUILD_SCOPED_FILE_URL({place}, '{file}')"
        assert staged.one(f"CALL read({url}, 'r')") == '"version: 1\\n"'
    url = "BUILD_SCOPED_FILE_URL(@files, 'sync.yaml', FALSE)"
    assert "b'version" in staged.one(f"CALL read({url}, 'rb')")
    assert staged.one("CALL own()") == '"version: 1\\n"'


def test_nothing_else_opens_it(staged: Client) -> None:
    for place in ("@files/sync.yaml", "sync.yaml", "/etc/passwd", "snow://stage/x"):
        assert "is not a scoped URL" in str(staged.fails("CALL read(?, 'r')", place))
    url = staged.one("SELECT BUILD_SCOPED_FILE_URL(@files, 'sync.yaml')")
    assert url.startswith("https://local.snowflakecomputing.com/api/files/")
    assert "not valid" in str(staged.fails("CALL read(?, 'r')", f"{url}A"))
    assert "Only scoped URLs" in str(staged.fails("CALL any_file(?)", url))
    assert "Invalid mode" in str(staged.fails("CALL read(?, 'w')", url))
    for file in ("no.yaml", "../../port", "deep"):
        url = f"BUILD_SCOPED_FILE_URL(@files, '{file}')"
        assert "was not found" in str(staged.fails(f"CALL read({url}, 'r')"))
    url = "BUILD_SCOPED_FILE_URL(@plain, 'sync.yaml')"
    assert "SNOWFLAKE_SSE" in str(staged.fails(f"CALL read({url}, 'r')"))
    assert staged.fails("SELECT BUILD_SCOPED_FILE_URL(@no_such, 'x')").errno == 2003
    staged.fails("SELECT BUILD_SCOPED_FILE_URL('files', 'x')")
    staged.fails("SELECT BUILD_SCOPED_FILE_URL(@files)")


def test_a_url_is_its_makers_and_wants_read_on_the_stage(
    account: Account, staged: Client, database: str
) -> None:
    role, user = f"R_{database}", f"U_{database}"
    for text in (
        f"CREATE ROLE {role}",
        f"CREATE USER {user} PASSWORD = 'any' DEFAULT_ROLE = {role}",
        f"GRANT ROLE {role} TO USER {user}",
        f"GRANT USAGE ON DATABASE {database} TO ROLE {role}",
        f"GRANT USAGE ON SCHEMA public TO ROLE {role}",
        f"GRANT USAGE ON PROCEDURE read(VARCHAR, VARCHAR) TO ROLE {role}",
        f"GRANT USAGE ON WAREHOUSE COMPUTE_WH TO ROLE {role}",
    ):
        staged.run(text)
    made = staged.one("SELECT BUILD_SCOPED_FILE_URL(@files, 'sync.yaml')")
    with connect(account, user, database=database, schema="PUBLIC") as connection:
        other = Client(connection)
        other.run("USE WAREHOUSE COMPUTE_WH")
        call = "CALL read(BUILD_SCOPED_FILE_URL(@files, 'sync.yaml'), 'r')"
        assert other.fails(call).errno == 2003
        assert "not valid" in str(other.fails("CALL read(?, 'r')", made))
        staged.run(f"GRANT READ ON STAGE files TO ROLE {role}")
        assert other.one(call) == '"version: 1\\n"'
