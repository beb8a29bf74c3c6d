#!/usr/bin/env bash
# The whole deployment: package, apply, outputs, deploy, check. --help tells the options.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
"$root/scripts/prepare_environment.sh"
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
exec "$root/.venv/bin/python" -m scripts.deploy "$@"
