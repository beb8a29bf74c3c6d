#!/usr/bin/env bash
# Checks a configuration without an account, and says what it would change: check_config.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.check_config "$@"
