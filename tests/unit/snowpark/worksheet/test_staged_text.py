"""A configuration text from a stage: by a scoped URL, and as what the file holds."""

import io
from typing import Any

import pytest

from snowpark.errors import ConfigError
from snowpark.settings.text import LONGEST_TEXT
from snowpark.worksheet import staged_text

URL = "https://local.snowflakecomputing.com/api/files/1/abc"


class Files:
    """Stands for SnowflakeFile: one content, or an error; remembers how it is asked."""

    def __init__(self, content: bytes | Exception) -> None:
        self.content = content
        self.asked: list[Any] = []

    def open(self, place: str, mode: str, *, require_scoped_url: bool) -> io.BytesIO:
        self.asked.append((place, mode, require_scoped_url))
        if isinstance(self.content, Exception):
            raise self.content
        return io.BytesIO(self.content)


def read(
    monkeypatch: pytest.MonkeyPatch, content: bytes | Exception, url: str = URL
) -> tuple[str, Files]:
    files = Files(content)
    monkeypatch.setattr(staged_text, "SnowflakeFile", files)
    return staged_text.text_of(url), files


def problem(monkeypatch: pytest.MonkeyPatch, content: bytes | Exception) -> str:
    with pytest.raises(ConfigError) as caught:
        read(monkeypatch, content)
    (found,) = caught.value.problems
    return found.message


@pytest.mark.parametrize(
    "text", ["{}", "version: 1\n", "@stage/x", "file:///etc/x", ""]
)
def test_what_is_no_url_is_the_text_and_opens_nothing(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    found, files = read(monkeypatch, b"", text)
    assert found == text and not files.asked


def test_no_text_at_all_is_left_to_who_reads_it() -> None:
    nothing: Any = None
    assert staged_text.text_of(nothing) is None


def test_a_url_is_read_and_must_be_scoped(monkeypatch: pytest.MonkeyPatch) -> None:
    content = "version: 1  # \u00fc\n".encode()
    found, files = read(monkeypatch, b"\xef\xbb\xbf" + content, f" {URL}\n")
    assert found == "version: 1  # \u00fc\n"
    assert files.asked == [(URL, "rb", True)]


def test_a_file_that_is_too_long_is_refused_wherever_it_is_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, _ = read(monkeypatch, b"x" * LONGEST_TEXT)
    assert len(found) == LONGEST_TEXT
    long = "\u00fc".encode() * LONGEST_TEXT
    assert "longer than 10 MB" in problem(monkeypatch, long)


def test_a_file_that_is_no_text_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "AUTO_COMPRESS = FALSE" in problem(monkeypatch, b"\x1f\x8b\x08\x00")
    assert "UTF-8" in problem(monkeypatch, b"version: \xff")


@pytest.mark.parametrize("kind", [OSError, ValueError, RuntimeError, PermissionError])
def test_a_url_that_cannot_be_read_is_told_without_it(
    monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    said = problem(monkeypatch, kind(f"no access to {URL}\n" + "x" * 9000))
    assert "no access to (URL)" in said and URL not in said and len(said) < 700
    assert "CALL APPLY_CONFIG(BUILD_SCOPED_FILE_URL(@stage, 'file'));" in said
