"""A configuration text that lies on a stage, read by a URL of its caller.

A procedure with owner's rights sees every stage of its owner. Only a scoped URL shows
that the caller may read the file: BUILD_SCOPED_FILE_URL makes it in the CALL, with the
caller's privileges, and it is good for nobody else (user-guide/unstructured-intro).
"""

from snowflake.connector.errors import Error as ConnectorError
from snowflake.snowpark.exceptions import SnowparkClientException
from snowflake.snowpark.files import SnowflakeFile

from snowpark.errors import ConfigError, Problem
from snowpark.settings.text import LONGEST_TEXT

_SCOPED = "https://"
_GZIP = b"\x1f\x8b"
_SHOWN = 300
_REFUSALS = (
    OSError,
    RuntimeError,
    ValueError,
    ConnectorError,
    SnowparkClientException,
)


def text_of(given: str) -> str:
    """Returns the text itself, of a scoped URL that of its file.

    Raises:
        ConfigError: The file cannot be read, or is no UTF-8.
    """
    url = given.strip() if given else ""
    if not url.startswith(_SCOPED):
        return given
    content = _read(url)
    if content.startswith(_GZIP):
        raise _wrong("The file is compressed; PUT it with AUTO_COMPRESS = FALSE.")
    if len(content) > LONGEST_TEXT:
        raise _wrong("The file is longer than 10 MB.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _wrong("The file is no text in UTF-8.") from None


def _read(url: str) -> bytes:
    """Reads one byte more than a text may have, so that a longer one is refused."""
    try:
        # Never False: then the caller could name any file of the procedure's owner.
        with SnowflakeFile.open(url, "rb", require_scoped_url=True) as file:
            return bytes(file.read(LONGEST_TEXT + 1))
    except _REFUSALS as error:
        said = " ".join(str(error).replace(url, "(URL)").split())[:_SHOWN]
        raise _wrong(
            f"The file of this URL cannot be read: {said}. Only the URL that"
            " BUILD_SCOPED_FILE_URL makes for you is valid, for 24 hours, of a stage"
            " with ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE'). CALL APPLY_CONFIG("
            "BUILD_SCOPED_FILE_URL(@stage, 'file'));"
        ) from None


def _wrong(message: str) -> ConfigError:
    return ConfigError((Problem("", message),))
