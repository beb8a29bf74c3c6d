"""Splitting and filling in the SQL files."""

from pathlib import Path

import pytest

from scripts.sql_files import (
    SqlFile,
    SqlFileError,
    placeholders,
    read_files,
    statements,
)


def split(text: str, **values: str) -> list[str]:
    return [s.text for s in statements(SqlFile("10_a/010_b.sql", text), values)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT ';'",
        "SELECT 'it''s; fine'",
        r"SELECT 'a\'; b'",
        'SELECT "a;""b"',
        "CREATE PROCEDURE p() AS $$\nBEGIN; 'x END;\n$$",
        "SELECT 1 -- not; here\n, 2",
        "SELECT 1 // nor; here\n, 2",
        "SELECT /* nor; 'here */ 2",
        "SELECT 6 / 2 - 1",
        "LIST @stage/path-1/",
    ],
)
def test_a_semicolon_ends_a_statement_only_outside_of_text(statement: str) -> None:
    assert split(f"{statement};\nSELECT 2;") == [statement, "SELECT 2"]


def test_comments_before_a_statement_are_left_out_and_lines_are_counted() -> None:
    text = "-- why; this\n/* and\nthat */\n\n  SELECT 1;\n\nSELECT\n 2;\n-- the end\n"
    found = statements(SqlFile("10_a/010_b.sql", text), {})
    assert [(s.place, s.text) for s in found] == [
        ("10_a/010_b.sql:5", "SELECT 1"),
        ("10_a/010_b.sql:7", "SELECT\n 2"),
    ]
    assert found[1].title == "SELECT"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT 'x;", "' is never closed"),
        ("SELECT 1;\nSELECT $$x;", r":2: \$\$ is never closed"),
        ("/* x", r"/\* is never closed"),
        ("SELECT 1;\nSELECT 2", ":2: the last statement lacks its ;"),
    ],
)
def test_an_unfinished_file_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(SqlFileError, match=message):
        split(text)


def test_values_are_filled_in() -> None:
    assert split("USE <% database %>.x;", database="D") == ["USE D.x"]


def test_a_value_cannot_end_a_statement() -> None:
    assert split("USE <% d %>;", d="a; DROP b") == ["USE a; DROP b"]


def test_a_missing_value_names_the_placeholder() -> None:
    with pytest.raises(SqlFileError, match="no value for <% other %>"):
        split("USE <% other %>;", database="D")


def test_placeholders_name_the_first_file() -> None:
    files = [SqlFile("1", "<% a %> <%b%>"), SqlFile("2", "<% a %> <% c %>")]
    assert placeholders(files) == {"a": "1", "b": "1", "c": "2"}


def test_files_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("20_b/010_x.sql", "10_a/020_y.sql", "10_a/010_z.sql"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("SELECT 1;")
    files = read_files(tmp_path)
    assert [f.name for f in files] == [
        "10_a/010_z.sql",
        "10_a/020_y.sql",
        "20_b/010_x.sql",
    ]
    assert files[0].folder == "10_a"


def test_a_file_without_number_is_refused(tmp_path: Path) -> None:
    (tmp_path / "10_a").mkdir()
    (tmp_path / "10_a" / "x.sql").write_text("SELECT 1;")
    with pytest.raises(SqlFileError, match="10_a/x.sql"):
        read_files(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SqlFileError, match="no SQL files"):
        read_files(tmp_path)
