#!/usr/bin/env bash
# Simulates what groups of many sizes cost: simulate_scale.sh --set changed_share=0.1; --inputs lists all.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
"$root/scripts/prepare_environment.sh"
cd "$root"
exec .venv/bin/python -m scripts.simulate_scale "$@"
