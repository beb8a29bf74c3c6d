#!/usr/bin/env bash
# Estimates what a month costs: estimate_cost.sh --set tables=20 --set credit=3; --inputs lists all.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
"$root/scripts/prepare_environment.sh"
cd "$root"
exec .venv/bin/python -m scripts.estimate_cost "$@"
