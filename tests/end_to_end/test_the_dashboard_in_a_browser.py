"""The dashboard in a real Chromium, served by Streamlit, against the local stack."""

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from local.aurora import free_port
from local.stack import Stack
from tests.end_to_end.lab import TARGET_SCHEMA, Lab

ROOT = Path(__file__).resolve().parents[2]
DRIVER = shutil.which("chromedriver")
SECONDS = 60

pytestmark = [
    pytest.mark.large,
    pytest.mark.skipif(
        DRIVER is None and "CI" not in os.environ,
        reason="no Chromium: apt-get install chromium chromium-driver",
    ),
]


@pytest.fixture
def address(stack: Stack, tmp_path: Path) -> Iterator[str]:
    """URL of the dashboard, served until the test ends."""
    connections = tmp_path / "connections.json"
    connections.write_text(json.dumps(stack.endpoints.connections()))
    port = free_port()
    command = [sys.executable, "-m", "scripts.run_dashboard", "--port", str(port)]
    command += ["--connection-file", str(connections), "--folder", str(tmp_path)]
    with (tmp_path / "streamlit.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def browser(address: str) -> Iterator[Any]:
    """Chromium on the page."""
    assert DRIVER, "CI has no Chromium: apt-get install chromium chromium-driver"
    options = webdriver.ChromeOptions()
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(word)
    options.add_argument("--window-size=1440,1000")
    service = webdriver.ChromeService(DRIVER)
    chromium = webdriver.Chrome(options=options, service=service)
    try:
        wait(chromium, lambda _: answers(address))
        chromium.get(address)
        yield chromium
    finally:
        chromium.quit()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5) as reply:
            return bool(reply.status == 200)
    except urllib.error.URLError:
        return False


def wait(browser: Any, condition: Any) -> Any:
    """Waits for a condition; the page may redraw an element while it is looked at."""
    patience = WebDriverWait(
        browser, SECONDS, ignored_exceptions=[StaleElementReferenceException]
    )
    return patience.until(condition)


def click(browser: Any, selector: str, text: str) -> None:
    """Clicks the visible, enabled element with this text as soon as there is one."""

    def clicked(_: Any) -> bool:
        found: list[WebElement] = browser.find_elements(By.CSS_SELECTOR, selector)
        for element in found:
            usable = element.is_displayed() and element.is_enabled()
            if usable and element.text.strip() == text:
                element.click()
                return True
        return False

    wait(browser, clicked)


def shows(browser: Any, text: str) -> None:
    """Waits for a text on the page."""
    wait(browser, lambda _: text in body(browser))


def body(browser: Any) -> str:
    text: str = browser.find_element(By.TAG_NAME, "body").text
    return text


def test_a_person_looks_at_the_tables_and_syncs_one(
    lab: Lab, browser: Any, tmp_path: Path
) -> None:
    fine, broken = lab.name("a_fine"), lab.name("b_broken")
    lab.orders_table(fine, 50)
    lab.orders_table(broken, 5)
    lab.apply({table: {"cursor": "updated_at"} for table in (fine, broken)})
    for table in (fine, broken):
        lab.sync(table)
    lab.psql(f"DROP TABLE {broken}")
    lab.fail("SYNC_TABLE", broken)
    lab.psql(f"INSERT INTO {fine} (note) VALUES ('seen in the browser')")

    click(browser, "button", "Refresh")
    shows(browser, "failed")
    wait(browser, lambda b: b.find_elements(By.CSS_SELECTOR, "canvas"))
    picture = tmp_path / "dashboard.png"
    browser.save_screenshot(str(picture))
    assert picture.stat().st_size > 20_000

    click(browser, "button[role=tab]", "Failures")
    shows(browser, "table_not_found")
    shows(browser, "What to do:")
    click(browser, "button[role=tab]", "History")
    shows(browser, "Seconds by step")
    click(browser, "button[role=tab]", "Operate")
    click(browser, "button", "Sync now")
    shows(browser, f"CALL SYNC_TABLE('{fine}')")
    click(browser, "button", "Yes, sync now")
    shows(browser, f"{fine}: 1 row read, 1 inserted, 0 updated.")
    lab.assert_equal(fine)
    lab.query(f"UPDATE {TARGET_SCHEMA}.{fine} SET note = 'planted' WHERE id = 7")
    click(browser, "button", "Validate")
    click(browser, "button", "Yes, validate")
    shows(browser, f"{fine}: 1 different in 51 rows.")
    click(browser, "button", "Pause")
    click(browser, "button", "Yes, pause")
    shows(browser, "paused: paused in the dashboard")
    assert lab.last_run(fine)["STATE"] == "paused"
    assert "Traceback" not in body(browser)
    assert not browser.find_elements(By.CSS_SELECTOR, "[data-testid=stException]")
