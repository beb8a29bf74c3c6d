"""The switchboards of the local stack, for tests: what goes wrong next, by side."""

import json
import time
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from local.stack import Endpoints


class Switchboard:
    """Puts faults in force and takes them back.

    See local/aws/gateway.py, local/aws/storage_faults.py (S3) and
    local/snowflake_server/core/faults.py for the rules that each side understands.
    """

    def __init__(self, endpoints: Endpoints) -> None:
        gateway = urlsplit(endpoints.gateway_url)
        snowflake = endpoints.snowflake
        self._gateway = f"http://{gateway.netloc}/local/faults"
        self._snowflake = f"http://{snowflake.host}:{snowflake.port}/local/faults"
        self._storage = f"{endpoints.landing.endpoint_url}/local/faults"

    def gateway(self, **rules: Any) -> None:
        """Puts faults of API Gateway and Lambda in force."""
        _send("PUT", self._gateway, rules)

    def snowflake(self, *rules: dict[str, Any]) -> None:
        """Puts faults of Snowflake in force."""
        _send("PUT", self._snowflake, list(rules))

    def wait_for_held_statement(self) -> None:
        """Waits until a statement of Snowflake is held back by a rule.

        Raises:
            TimeoutError: None was within a minute.
        """
        end = time.monotonic() + 60
        while time.monotonic() < end:
            rules = json.loads(_send("GET", self._snowflake, None))
            if any(rule["seen"] >= rule["nth"] for rule in rules):
                return
            time.sleep(0.01)
        raise TimeoutError("no statement was held back")

    def storage(self, **rules: Any) -> None:
        """Puts faults of S3 in force."""
        _send("PUT", self._storage, rules)

    def clear(self) -> None:
        """Takes all faults back."""
        for url in (self._gateway, self._snowflake, self._storage):
            _send("DELETE", url, None)


def _send(method: str, url: str, body: object) -> bytes:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data=data, method=method), timeout=30) as response:
        content: bytes = response.read()
        return content
