"""PURE: how long the configuration wants history to be kept."""

import json

DEFAULT_HISTORY_DAYS = 400


def history_days(config_text: str) -> int:
    """Returns for how many days SYNC_HISTORY reaches back.

    Args:
        config_text: A configuration that was accepted; an empty one: the default.
    """
    return int(json.loads(config_text).get("history_days", DEFAULT_HISTORY_DAYS))
