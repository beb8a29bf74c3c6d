#!/usr/bin/env bash
# From nothing to hundreds of tables in sync, with at most five calls: run_onboarding.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.run_onboarding "$@"
