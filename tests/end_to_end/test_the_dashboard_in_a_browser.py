"""The dashboard in a real Chromium, served by Streamlit, against the local stack."""

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from local.aurora import free_port
from local.stack import Stack
from snowpark.dashboard.buttons import ACTIONS
from tests.end_to_end.lab import TARGET_SCHEMA, Lab
from tests.end_to_end.log_lab import LogLab

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
    try:
        return patience.until(condition)
    except TimeoutException:
        pytest.fail(f"The page stays as it is:\n{body(browser)}")


def click(browser: Any, selector: str, text: str) -> None:
    """Clicks the visible, enabled element with this text as soon as there is one."""

    def clicked(_: Any) -> bool:
        found: list[WebElement] = browser.find_elements(By.CSS_SELECTOR, selector)
        for element in found:
            usable = element.is_displayed() and element.is_enabled()
            # The name of an icon stands in a line of its own.
            if usable and element.text.strip().splitlines()[-1:] == [text]:
                # The page may scroll under it, and its header covers what is on top.
                middle = "arguments[0].scrollIntoView({block: 'center'})"
                browser.execute_script(middle, element)
                with suppress(ElementClickInterceptedException):
                    element.click()
                    return True
        return False

    wait(browser, clicked)


def enter(browser: Any, label: str, text: str) -> None:
    """Types into the box with this label as soon as there is one."""

    def entered(_: Any) -> bool:
        box = f"input[aria-label='{label}']"
        for element in browser.find_elements(By.CSS_SELECTOR, box):
            if element.is_displayed() and element.is_enabled():
                element.send_keys(text + Keys.ENTER)
                return True
        return False

    wait(browser, entered)


def shows(browser: Any, text: str) -> None:
    """Waits for a text on the page."""
    wait(browser, lambda _: text in body(browser))


def body(browser: Any) -> str:
    text: str = browser.find_element(By.TAG_NAME, "body").text
    return text


def press(browser: Any, label: str, call: str, answer: str) -> None:
    """Clicks a button, reads the call, confirms it, and waits for what came back."""
    click(browser, "button", label)
    shows(browser, call)
    click(browser, "button", f"Yes, {label.lower()}")
    shows(browser, answer)
    click(browser, "button", "Dismiss")
    wait(browser, lambda b: "Dismiss" not in body(b))


def unbroken(browser: Any) -> None:
    assert "Traceback" not in body(browser)
    assert not browser.find_elements(By.CSS_SELECTOR, "[data-testid=stException]")


def test_u13_what_is_wrong_is_mended_from_the_first_screen(
    lab: Lab, browser: Any
) -> None:
    missing, gone, typed, stopped = names = [
        lab.name(n) for n in ("missing", "gone", "typed", "stopped")
    ]
    for table in names:
        lab.orders_table(table, 20)
    usual = {"cursor": "updated_at"}
    deletes = {"deletes": "key_compare", "delete_check_minutes": 0}
    lab.apply({name: usual for name in names} | {gone: usual | deletes})
    for table in names:
        lab.sync(table)
    lab.psql(f"ALTER TABLE {missing} RENAME TO {missing}_away")
    lab.psql(f"DELETE FROM {gone} WHERE id > 5")
    lab.psql(f"ALTER TABLE {typed} ALTER note TYPE date USING NULL")
    for table in (missing, gone, typed):
        lab.fail("SYNC_TABLE", table)
    lab.query("CALL PAUSE_TABLE(%s, 'migration')", stopped)

    click(browser, "button", "Refresh")
    shows(browser, "3 of 4 tables need attention")
    for text in ("table_not_found", "too_many_deletes", "type_changed", "migration",
                 "What to do:", "Readers see rows as of"):  # fmt: skip
        shows(browser, text)
    press(browser, "Confirm deletes", f"CALL CONFIRM_DELETES('{gone}');", gone)
    press(browser, "Resync", f"CALL RESYNC_TABLE('{typed}');", typed)
    press(browser, "Resume", f"CALL RESUME_TABLE('{stopped}');", stopped)
    lab.psql(f"ALTER TABLE {missing}_away RENAME TO {missing}")
    press(browser, "Sync now", f"CALL SYNC_TABLE('{missing}');", f"{missing}: ")
    shows(browser, "All 4 tables are in sync")
    unbroken(browser)
    for table in (missing, typed, stopped):
        lab.assert_equal(table)
    assert lab.last_run(gone)["STATE"] == "ok"


def test_a_table_has_a_page_with_every_call(
    lab: Lab, browser: Any, address: str
) -> None:
    table = lab.name("orders")
    lab.orders_table(table, 50)
    lab.apply({table: {"cursor": "updated_at"}})
    lab.sync(table)
    lab.query(f"UPDATE {TARGET_SCHEMA}.{table} SET note = 'planted' WHERE id = 7")

    browser.get(f"{address}/?table={table}")
    shows(browser, "Age of the data")
    wait(browser, lambda b: b.find_elements(By.CSS_SELECTOR, "canvas"))
    call = f"CALL VALIDATE_TABLE('{table}'"
    press(browser, "Validate", f"{call});", f"{table}: 1 different in 50 rows.")
    press(browser, "Validate and repair", f"{call}, TRUE);", table)
    lab.assert_equal(table)
    click(browser, "button", "Backfill")
    shows(browser, f"CALL BACKFILL_TABLE('{table}', NULL, NULL);")
    enter(browser, "From (cursor value)", "2020-01-01")
    shows(browser, f"CALL BACKFILL_TABLE('{table}', '2020-01-01', NULL);")
    click(browser, "button", "Yes, backfill")
    shows(browser, "Dismiss")
    assert "Backfill failed" not in body(browser)
    click(browser, "button", "Dismiss")
    call = f"CALL PAUSE_TABLE('{table}', 'paused in the dashboard');"
    press(browser, "Pause", call, table)
    assert lab.last_run(table)["STATE"] == "paused"
    click(browser, "button", "All tables")
    shows(browser, "The one table is paused")
    unbroken(browser)


def test_a_log_is_captured_and_begun_anew_from_its_card(lab: Lab, browser: Any) -> None:
    log = LogLab(lab)
    table = log.table("orders", "(id bigint PRIMARY KEY, note text)")
    log.start()
    lab.sync(table)
    try:
        lab.query(
            "UPDATE control.sync_captures SET recorded_at = DATEADD('hour', -3,"
            " recorded_at) WHERE source_name = 'shop'"
        )
        click(browser, "button", "Refresh")
        press(browser, "Capture log", "CALL CAPTURE_LOG('shop');", "shop: ")
        assert log_state(lab) == "ok"
        lab.call("STOP_LOG", "shop")
        click(browser, "button", "Refresh")
        press(browser, "Resync source", "CALL RESYNC_SOURCE('shop');", "shop: ")
        assert log_state(lab) == "ok"
        unbroken(browser)
    finally:
        lab.call("STOP_LOG", "shop")
        lab.apply({})


def log_state(lab: Lab) -> str:
    (row,) = lab.query("SELECT state FROM control.sync_logs WHERE source_name = 'shop'")
    return str(row["STATE"])


def test_every_button_is_pressed_in_a_browser() -> None:
    """Each by its label, in this file."""
    text = Path(__file__).read_text(encoding="utf-8")
    labels = [label for label in ACTIONS if f'(browser, "{label}"' not in text]
    assert [label for label in labels if f'"button", "{label}")' not in text] == []


def test_every_page_has_something_to_show(lab: Lab, browser: Any) -> None:
    table = lab.name("orders")
    lab.orders_table(table, 5)
    config = lab.config({table: {"cursor": "updated_at", "group": "mine"}})
    schedule = {"mine": {"schedule": {"every_minutes": 60}}}
    lab.call("APPLY_CONFIG", json.dumps(config | {"groups": schedule}))
    lab.sync(table)
    click(browser, "button", "Refresh")
    for page, text in (
        ("History", "Freshness"),
        ("Changes", "Schema changes"),
        ("Cost", "SYNC_COST"),
        ("Schedules", "Start schedules"),
    ):
        click(browser, "button", page)
        shows(browser, text)
        unbroken(browser)
    press(browser, "Start schedules", "CALL APPLY_TASKS();", "Report")
    wait(browser, lambda b: b.find_elements(By.CSS_SELECTOR, "canvas"))
    lab.apply({})
    lab.query("CALL APPLY_TASKS()")
