#!/usr/bin/env bash
# Feeds hostile inputs to the request, envelope and configuration parsers: --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.run_fuzz "$@"
