#!/usr/bin/env bash
# What this product, dlt and dbt keep of one sequence of changes: compare_history.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
# shellcheck source=scripts/locked_environment.sh
source scripts/locked_environment.sh
locked_environment .local/compare locks/compare.txt
exec .venv/bin/python -m scripts.compare_history --others .local/compare/bin/python "$@"
