#!/usr/bin/env bash
# Gives each error code of docs/RUNBOOK.md its anchor: anchor_runbook.sh [--write]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.anchor_runbook "$@"
