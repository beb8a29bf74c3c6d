#!/usr/bin/env bash
# Shows, or runs, what removes the sync from an account; targets stay: undeploy_snowflake.sh --help
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.undeploy_snowflake "$@"
