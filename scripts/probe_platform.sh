#!/usr/bin/env bash
# Asks the platforms whether they do what the product rests on: --help tells the options.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
"$root/scripts/prepare_environment.sh"
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
exec "$root/.venv/bin/python" -m scripts.probe_platform "$@"
