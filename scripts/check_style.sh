#!/usr/bin/env bash
# Formatting, complexity, types, SQL. Changes nothing; says what it would change.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
"$root/scripts/prepare_environment.sh"
cd "$root"
failed=0
check() {
    echo "== $1"
    shift
    "$@" || failed=1
}
check "black" .venv/bin/python -m black --check --quiet --diff .
check "flake8" .venv/bin/python -m flake8
check "mypy" .venv/bin/python -m mypy
check "sqlfluff" .venv/bin/python -m sqlfluff lint snowflake
for script in scripts/*.sh .ci/run; do
    check "bash -n $script" bash -n "$script"
done
if command -v shellcheck > /dev/null; then
    check "shellcheck" shellcheck scripts/*.sh .ci/run
fi
if command -v terraform > /dev/null && [[ -d terraform ]]; then
    check "terraform fmt" terraform fmt -check -recursive -diff terraform
fi
exit "$failed"
