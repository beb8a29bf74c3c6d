"""The scheduled question whether every source could be extracted now.

EventBridge invokes the function with `{"watchdog": {"sources": ["shop"]}}`. Each source
gets one log line, `watchdog_source`, with `healthy` 1 or 0 (for a metric filter) and
the seconds of each step or the error's code; the end is one line `watchdog`. If the
source has `log`, one line `watchdog_log` says what its slot holds back. A
source that is not healthy is no failure of this invocation, which would only leave a
message among the dead letters; the metric filter of `watchdog_source` raises the alarm.
"""

import time
import uuid
from typing import Any

from lambda_extract import contract, log
from lambda_extract.changes import guard
from lambda_extract.errors import ExtractError, RequestError, SourceError
from lambda_extract.operations.connect import connect
from lambda_extract.operations.dispatch import run_operation
from lambda_extract.settings import Settings
from lambda_extract.source.database import application_name


def watch(payload: Any, *, settings: Settings, s3: Any) -> dict[str, Any]:
    """Checks sources: credentials fresh from their store, PostgreSQL, and S3.

    Args:
        payload: {"sources": names}; without names every source is checked.

    Returns:
        {"healthy": names, "unhealthy": {name: code}}.

    Raises:
        RequestError: bad_request, if the payload is malformed.
    """
    run_id = f"watchdog-{uuid.uuid4().hex[:12]}"
    failed: dict[str, str] = {}
    names = _names(payload, settings)
    for name in names:
        try:
            # First: a landing that is gone must not keep a slot from being seen.
            _check_log(name, run_id, settings)
            _check(name, run_id, settings, s3)
        except ExtractError as error:
            failed[name] = error.code
            log.emit(
                "watchdog_source",
                run_id=run_id,
                source=name,
                healthy=0,
                code=error.code,
                message=error.message,
                hint=error.hint,
            )
    log.emit("watchdog", run_id=run_id, sources=len(names), unhealthy=len(failed))
    healthy = [name for name in names if name not in failed]
    return {"healthy": healthy, "unhealthy": failed}


def _check(name: str, run_id: str, settings: Settings, s3: Any) -> None:
    request = contract.HealthRequest(run_id, name)
    reply = run_operation(request, settings=settings, s3=s3)
    assert isinstance(reply, contract.HealthReply)
    log.emit(
        "watchdog_source",
        run_id=run_id,
        source=name,
        healthy=1,
        credentials_seconds=reply.credentials_seconds,
        postgres_seconds=reply.postgres_seconds,
        landing_seconds=reply.landing_seconds,
        release=reply.release,
    )


def _check_log(name: str, run_id: str, settings: Settings) -> None:
    """Looks at what the slot of a source holds back.

    Raises:
        ExtractError: It was dropped, or could not be looked at.
    """
    source = settings.source(name)
    if source.log_credentials is None:
        return
    deadline = time.monotonic() + settings.budget_seconds
    with connect(
        name, application_name("#log", run_id), settings, deadline=deadline, log=True
    ) as database:
        held = guard.look_after(database, source.log_slot, source.log_drop_bytes)
    if held is None:
        return
    log.emit(
        "watchdog_log",
        run_id=run_id,
        source=name,
        retained_gigabytes=round(held.retained_bytes / 1e9, 3),
        wal_status=held.wal_status,
        oldest_transaction=held.oldest_transaction,
        dropped=held.dropped,
    )
    if held.dropped:
        raise SourceError(
            "slot_lost",
            f"Replication slot {source.log_slot!r} held"
            f" {held.retained_bytes / 1e9:.1f} GB of WAL and was dropped by the"
            " watchdog (drop_retained_gigabytes).",
            hint="Find out why nothing was captured (SYNC_LOGS), then CALL"
            " RESYNC_SOURCE with the source.",
        )


def _names(payload: Any, settings: Settings) -> tuple[str, ...]:
    names = payload.get("sources") if isinstance(payload, dict) else None
    if isinstance(payload, dict) and names is None:
        names = sorted(settings.sources)
    if not isinstance(names, list) or not names:
        raise RequestError("bad_request", "/watchdog/sources: must name a source.")
    if not all(isinstance(name, str) for name in names):
        raise RequestError("bad_request", "/watchdog/sources: must hold texts.")
    return tuple(names)
