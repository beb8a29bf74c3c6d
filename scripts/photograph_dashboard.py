"""Takes pictures of the dashboard in Chromium: calm and in an incident, as invented.

It starts a local stack of its own. The pictures of the documents are those of 34 tables
at 1400 pixels in the light theme.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

import snowflake.connector
import typer
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from local.aurora import free_port
from local.stack import Stack, running_stack
from scripts import dashboard_scene
from scripts.deploy_local import deploy_local
from scripts.run_dashboard import command, write_secrets

ROOT = Path(__file__).resolve().parents[1]
_SECONDS = 120
SCENES = {"calm": dashboard_scene.calm, "incident": dashboard_scene.incident}
app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@contextmanager
def served(stack: Stack, folder: Path, theme: str) -> Iterator[str]:
    """Serves the app; yields its address."""
    port = free_port()
    words = command(write_secrets(folder, stack.endpoints.snowflake.parameters), port)
    with (folder / f"streamlit_{theme}.log").open("wb") as log:
        server = subprocess.Popen(
            [*words, f"--theme.base={theme}"], cwd=ROOT, stdout=log, stderr=log
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


@contextmanager
def chromium(width: int, height: int = 1000) -> Iterator[Any]:
    """A Chromium without a window, of so many pixels."""
    options = webdriver.ChromeOptions()
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(word)
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    browser = webdriver.Chrome(options=options, service=service)
    # The size of the page itself; a window cannot be as narrow as a page may be.
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )
    try:
        yield browser
    finally:
        browser.quit()


# Fonts (icons are one) are there, and no grid has still the width that it begins with.
_IS_DRAWN = """
    return document.fonts.status === 'loaded' &&
        [...document.querySelectorAll('[data-testid=stDataFrame]')].every(
            grid => grid.offsetWidth > 200 && grid.querySelector('canvas')
        )
"""


def settled(browser: Any) -> float:
    """Waits until the script has run and everything is drawn; returns the seconds."""
    started = time.monotonic()

    def is_done(_: Any) -> bool:
        state = browser.find_elements(By.CSS_SELECTOR, "[data-testid=stApp]")
        text = browser.find_element(By.TAG_NAME, "body").text
        running = state and state[0].get_attribute("data-test-script-state")
        if running != "notRunning" or "Aurora sync" not in text:
            return False
        return bool(browser.execute_script(_IS_DRAWN))

    WebDriverWait(browser, _SECONDS).until(is_done)
    taken = time.monotonic() - started
    time.sleep(1.5)  # Charts and grids fade in.
    return taken


def photograph(browser: Any, path: Path, *, whole: bool) -> None:
    """Takes a picture of the window, or of the whole page."""
    if whole:
        script = (
            "return Math.max(...[...document.querySelectorAll"
            "('[data-testid=stMain]')].map(e => e.scrollHeight))"
        )
        width = browser.execute_script("return window.innerWidth")
        size = {"width": width, "height": browser.execute_script(script) + 20}
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {**size, "deviceScaleFactor": 1, "mobile": False},
        )
        time.sleep(1.5)
    browser.save_screenshot(str(path))


@app.command()
def _main(
    folder: Annotated[Path, typer.Option(help="Where the pictures go.")] = ROOT
    / "docs",
    tables: Annotated[int, typer.Option(help="Number of tables.")] = 34,
    days: Annotated[int, typer.Option(help="Days of history.")] = 7,
    width: Annotated[list[int], typer.Option(help="Pixels; may be repeated.")] = [1400],
    theme: Annotated[list[str], typer.Option(help="May be repeated.")] = ["light"],
    scene: Annotated[list[str], typer.Option(help="May be repeated.")] = list(SCENES),
    page: Annotated[
        list[str], typer.Option(help="Part of the address behind ?; may be repeated.")
    ] = [""],
    whole: Annotated[bool, typer.Option(help="The whole page.")] = False,
) -> None:
    """Takes one picture for each scene, width, theme and page."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in scene:
        with tempfile.TemporaryDirectory() as temporary:
            with running_stack(Path(temporary)) as stack:
                deploy_local(stack.endpoints)
                _plant(stack, one, tables, days)
                for base in theme:
                    with served(stack, Path(temporary), base) as address:
                        _take(address, one, base, width, page, folder, whole)


def _plant(stack: Stack, scene: str, number: int, days: int) -> None:
    parameters = stack.endpoints.snowflake.parameters
    with closing(snowflake.connector.connect(**parameters)) as connection:

        def ask(text: str, *values: object) -> None:
            with connection.cursor() as cursor:
                cursor.execute(text, values or None)

        names = dashboard_scene.names(number)
        dashboard_scene.configure(ask, names)
        SCENES[scene](ask, names, days=days)


def _take(
    address: str, scene: str, theme: str, widths: list[int], pages: list[str],
    folder: Path, whole: bool,
) -> None:  # fmt: skip
    for width in widths:
        for page in pages:
            with chromium(width) as browser:
                _open(browser, f"{address}/?{page}")
                seconds = settled(browser)
                more = [] if len(widths) == 1 else [str(width), theme]
                more += [page.split("=")[-1]] if page else []
                name = "_".join(["DASHBOARD", scene.upper(), *more]) + ".png"
                photograph(browser, folder / name, whole=whole)
                print(f"{folder / name}: drawn in {seconds:.1f} s", flush=True)


def _open(browser: Any, address: str) -> None:
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            browser.get(address)
            return
        except WebDriverException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(app())
