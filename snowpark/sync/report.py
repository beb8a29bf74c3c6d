"""PURE: what a call returns, for a person in a worksheet."""

from typing import Any

from snowpark.ledger.records import TableState
from snowpark.ledger.run import Run, Tally


def of_run(run: Run, found: TableState) -> dict[str, Any]:
    """Returns the report of a finished sync; `summary` says it in one sentence."""
    tallies = (*run.earlier, run.tally)
    main = tallies[0]
    read = [t for t in tallies if t.kind != "key_compare"]
    changed = any(t.rows for t in read) or any(_changed(t) for t in tallies)
    report: dict[str, Any] = {
        "table": run.table,
        "status": "succeeded" if changed else "unchanged",
        "summary": " ".join(_summary(run.table, tally) for tally in tallies),
        "run_id": run.id,
        "kind": main.kind,
        "target": found.settings.target,
        "rows_extracted": sum(t.rows for t in read),
        "rows_inserted": sum(t.counts.inserted for t in tallies),
        "rows_updated": sum(t.counts.updated for t in tallies),
        "rows_deleted": sum(t.counts.deleted for t in tallies),
        "windows": sum(t.windows for t in read),
        "files": sum(t.files for t in tallies),
        "bytes": sum(t.bytes for t in tallies),
        "watermark": read[-1].watermark,
        "seconds": {
            "extract": round(sum(t.seconds.extract for t in tallies), 3),
            "load": round(sum(t.seconds.load for t in tallies), 3),
            "merge": round(sum(t.seconds.merge for t in tallies), 3),
        },
    }
    if read[-1].oldest_transaction:
        report["oldest_transaction"] = read[-1].oldest_transaction
    if main.null_cursor_rows > 0:
        report["null_cursor_rows"] = main.null_cursor_rows
    schema_changes = [text for tally in tallies for text in tally.schema_changes]
    if schema_changes:
        report["schema_changes"] = schema_changes
    warnings = [warning for tally in tallies for warning in tally.warnings]
    if warnings:
        report["warnings"] = [
            {"code": code, "message": message, "hint": hint}
            for code, message, hint in dict.fromkeys(warnings)
        ]
    return report


def _changed(tally: Tally) -> int:
    return tally.counts.inserted + tally.counts.updated + tally.counts.deleted


def _rows(number: int) -> str:
    return f"{number} row{'' if number == 1 else 's'}"


def _summary(table: str, tally: Tally) -> str:
    counts = tally.counts
    if tally.kind == "key_compare":
        return (
            f"{tally.rows} keys compared: {counts.deleted} rows are gone,"
            f" {counts.updated} came back."
        )
    if tally.kind == "snapshot":
        fewer = f", {counts.deleted} fewer than before" if counts.deleted else ""
        return f"{table}: reloaded, {_rows(counts.inserted)}{fewer}."
    if not tally.rows:
        return f"{table}: nothing new in the source."
    deleted = f", {counts.deleted} deleted" if counts.deleted else ""
    return (
        f"{table}: {_rows(tally.rows)} read, {counts.inserted} inserted,"
        f" {counts.updated} updated{deleted}."
    )
