"""PURE: what a call returns, for a person in a worksheet."""

from typing import Any

from snowpark.model import Run, TableState


def of_run(run: Run, found: TableState) -> dict[str, Any]:
    """Returns the report of a finished sync; `summary` says it in one sentence."""
    tally = run.tally
    changed = tally.counts.inserted + tally.counts.updated + tally.counts.deleted
    status = "succeeded" if tally.rows or changed else "unchanged"
    report: dict[str, Any] = {
        "table": run.table,
        "status": status,
        "summary": _summary(run),
        "run_id": run.id,
        "kind": tally.kind,
        "target": found.settings.target,
        "rows_extracted": tally.rows,
        "rows_inserted": tally.counts.inserted,
        "rows_updated": tally.counts.updated,
        "windows": tally.windows,
        "files": tally.files,
        "bytes": tally.bytes,
        "watermark": tally.watermark,
        "seconds": {
            "extract": round(tally.seconds.extract, 3),
            "load": round(tally.seconds.load, 3),
            "merge": round(tally.seconds.merge, 3),
        },
    }
    if tally.oldest_transaction:
        report["oldest_transaction"] = tally.oldest_transaction
    if tally.null_cursor_rows > 0:
        report["null_cursor_rows"] = tally.null_cursor_rows
    if tally.warnings:
        report["warnings"] = [
            {"code": code, "message": message, "hint": hint}
            for code, message, hint in tally.warnings
        ]
    return report


def _summary(run: Run) -> str:
    tally = run.tally
    if not tally.rows and not tally.counts.inserted:
        if tally.kind == "snapshot":
            return f"{run.table}: the source is empty, and so is the target."
        return f"{run.table}: nothing new in the source."
    if tally.kind == "snapshot":
        return f"{run.table}: reloaded, {tally.counts.inserted} rows."
    return (
        f"{run.table}: {tally.rows} rows read, {tally.counts.inserted} inserted,"
        f" {tally.counts.updated} updated."
    )
