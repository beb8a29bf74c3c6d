#!/usr/bin/env bash
# Real dbt on the targets of the local stack: freshness, a model, tests: try_dbt.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
# shellcheck source=scripts/locked_environment.sh
source scripts/locked_environment.sh
locked_environment .local/dbt locks/dbt.txt
exec .venv/bin/python -m scripts.try_dbt --dbt .local/dbt/bin/dbt "$@"
