"""Which lines the processes of a test run; Python imports this before anything else.

On PYTHONPATH only while tests are measured (worker.py). A process may be killed at any
moment, so what it has run is written down again and again.
"""

import json
import os
import threading
from typing import Any

FLUSH_SECONDS = 0.2


def _measure(options: dict[str, Any]) -> None:
    import coverage

    measure = coverage.Coverage(data_suffix=True, auto_data=True, **options)
    measure.start()

    def flush() -> None:
        while not stop.wait(FLUSH_SECONDS):
            measure.save()

    stop = threading.Event()
    threading.Thread(target=flush, daemon=True).start()


if "MUTATIONS_MEASURE" in os.environ:
    _measure(json.loads(os.environ["MUTATIONS_MEASURE"]))
