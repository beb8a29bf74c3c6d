#!/usr/bin/env bash
# Prints who may do what in AWS, Snowflake and PostgreSQL; --write puts it into docs/ACCESS.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.print_access "$@"
