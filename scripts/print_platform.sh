#!/usr/bin/env bash
# Prints the register of assumptions; --write puts it into docs/PLATFORM.md and LOCAL_STACK.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
exec .venv/bin/python -m scripts.print_platform "$@"
