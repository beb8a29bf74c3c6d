"""An app is made once; later releases alter it and copy their files into it."""

from pathlib import Path

from tests.unit.local.snowflake_server.conftest import Client


def put(client: Client, folder: Path, text: str) -> None:
    (folder / "streamlit_app.py").write_text(text, encoding="utf-8")
    client.run(
        f"PUT 'file://{folder}/streamlit_app.py' @files/app"
        " AUTO_COMPRESS = FALSE OVERWRITE = TRUE"
    )


def test_an_app_keeps_its_grants_and_gets_new_files(
    client: Client, database: str, tmp_path: Path
) -> None:
    client.run("CREATE STAGE files")
    client.run("CREATE ROLE IF NOT EXISTS viewer")
    put(client, tmp_path, "first")
    live = f"snow://streamlit/{database}.PUBLIC.APP/versions/live/"
    create = "CREATE STREAMLIT IF NOT EXISTS app FROM '@files/app'"
    copy = f"COPY FILES INTO '{live}' FROM '@files/app/'"
    client.run(create)
    assert "no live version" in (client.fails(copy).msg or "")
    client.run("ALTER STREAMLIT app ADD LIVE VERSION FROM LAST")
    client.run("GRANT USAGE ON STREAMLIT app TO ROLE viewer")
    put(client, tmp_path, "second")
    client.run(create)
    client.run("ALTER STREAMLIT app SET TITLE = 'Other' COMMENT = 'new'")
    error = client.fails("ALTER STREAMLIT app ADD LIVE VERSION FROM LAST")
    assert "already a live version" in (error.msg or "")
    assert client.run(copy) == [("streamlit_app.py",)]
    found = client.run(f"SHOW GRANTS ON STREAMLIT {database}.PUBLIC.APP")
    assert [grant[1] for grant in found] == ["OWNERSHIP", "USAGE"]
