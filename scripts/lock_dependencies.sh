#!/usr/bin/env bash
# Writes locks/: each environment's exact releases, with the hashes of all their files.
# Versions stay as they are unless the requirements changed; --upgrade raises all of them.
# One lock serves every Python of pyproject.toml's requires-python, and every platform.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"
scripts/prepare_environment.sh
# shellcheck source=scripts/locked_environment.sh
source scripts/locked_environment.sh
locked_environment .local/lock locks/lock.txt

options=(--quiet --universal --generate-hashes --only-binary :all:)
# No name of a package index, no path of this machine: any index with the same files will do.
options+=(--no-emit-index-url --no-emit-find-links --no-python-downloads)
options+=(--custom-compile-command "scripts/lock_dependencies.sh" "$@")
minimum="$(sed -n 's/^requires-python = ">=\(.*\)"$/\1/p' pyproject.toml)"
options+=(--python .venv/bin/python --python-version "$minimum")

# lock NAME REQUIREMENTS...: uv takes the versions that locks/NAME.txt has already.
lock() {
    local name="$1"
    shift
    .local/lock/bin/uv pip compile "${options[@]}" "$@" --output-file "locks/$name.txt" \
        > /dev/null
    echo "locks/$name.txt: $(grep -c '^[A-Za-z0-9]' "locks/$name.txt") releases"
}

lock lock locks/lock.in
lock development requirements.txt
# What ships is what the tests ran with.
lock lambda lambda_extract/requirements.txt --constraint locks/development.txt
lock audit locks/audit.in
lock compare locks/compare.in
lock dbt locks/dbt.in
lock checkov tests/terraform/requirements/checkov.txt
lock terraform tests/terraform/requirements/terraform.txt
lock terraform_lint tests/terraform/requirements/lint.txt
