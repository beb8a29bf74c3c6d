#!/usr/bin/env bash
# Measures the extraction against psql | zstd -1 and DuckDB. --rows N, --rounds N, --no-fail.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
"$root/scripts/prepare_environment.sh"
cd "$root"
exec .venv/bin/python -m scripts.run_benchmark "$@"
