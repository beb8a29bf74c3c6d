#!/usr/bin/env bash
# Looks at every order of the statements of several runs: search_interleavings.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.search_interleavings "$@"
