#!/usr/bin/env bash
# Looks for keys and tokens of well-known shapes in all that git keeps
# (names the place, never the text), and looks the locked
# dependencies up among published advisories.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
failed=0
.venv/bin/python -m scripts.scan_history || failed=1
.venv/bin/python -m scripts.audit_dependencies || failed=1
exit "$failed"
