"""Runs the dashboard on this machine, with Streamlit, as a client of a local Snowflake.

The files are those that CREATE STREAMLIT gets; only the connection's settings are given
from here, in a file that nobody else may read.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from scripts.snowflake_connection import ConnectionSettingsError, read_settings

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "snowpark" / "dashboard" / "streamlit_app.py"
app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


def write_secrets(folder: Path, settings: Mapping[str, Any]) -> Path:
    """Writes the settings as `st.connection("snowflake")` reads them.

    Args:
        folder: Where the file goes.
        settings: Parameters of the connector: texts and numbers.
    """
    path = folder / "secrets.toml"
    path.touch(mode=0o600)
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    path.write_text("\n".join(["[connections.snowflake]", *lines, ""]), "utf-8")
    return path


def command(secrets: Path, port: int) -> list[str]:
    """Returns the command that serves the app on 127.0.0.1."""
    options = {
        "server.address": "127.0.0.1",
        "server.port": port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "client.toolbarMode": "viewer",
        "browser.gatherUsageStats": "false",
        "secrets.files": secrets,
    }
    words = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(APP), *words]


@app.command()
def _main(
    connection_file: Annotated[
        Path,
        typer.Option(help="connections.json of a local stack, or connections.toml."),
    ] = ROOT
    / ".local"
    / "connections.json",
    connection_name: Annotated[
        str | None, typer.Option(help="Connection of connections.toml.")
    ] = None,
    folder: Annotated[
        Path, typer.Option(help="Where the settings go for Streamlit to read.")
    ] = ROOT
    / ".local"
    / "dashboard",
    port: Annotated[int, typer.Option(help="Port of the page.")] = 8501,
) -> None:
    """Shows the dashboard of a running stack; `run_local.sh --serve` starts one."""
    try:
        settings = read_settings(
            file=connection_file, name=connection_name, options={}, environment={}
        )
    except ConnectionSettingsError as error:
        hint = "Start a local stack first: scripts/run_local.sh --serve"
        print(f"{error}\n{hint}", file=sys.stderr)
        raise typer.Exit(1) from None
    # On a machine without name server the connector otherwise looks for clouds first.
    os.environ.setdefault("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")
    folder.mkdir(parents=True, exist_ok=True)
    words = command(write_secrets(folder, settings), port)
    print(f"Dashboard: http://127.0.0.1:{port}  (Ctrl-C stops)", flush=True)
    os.execv(words[0], words)


if __name__ == "__main__":
    app()
