#!/usr/bin/env bash
# Checks terraform/: format, init, validate, its tests. Needs terraform; changes nothing.
# Where ../shared/terraform-check is, its offline providers are used (and a stub apply);
# otherwise the real ones, from a registry that must be reachable. No cloud is asked.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
offline="$root/../shared/terraform-check"
"$root/scripts/prepare_environment.sh"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cp -r "$root/terraform" "$work/terraform"
# The plan wants the hash of a package; what is in it makes no difference.
"$root/.venv/bin/python" -m zipfile -c "$work/terraform/lambda_extract.zip" "$root/pyproject.toml"

if [[ ! -d "$offline" ]]; then
    cd "$work/terraform"
    terraform fmt -check -diff -recursive
    terraform init -input=false -backend=false
    terraform validate
    exit
fi
tools="$root/.local/terraform-check"
if [[ ! -x "$tools/bin/python" ]]; then
    "$root/.venv/bin/python" -m venv "$tools"
fi
"$tools/bin/python" -m pip install --quiet --disable-pip-version-check \
    --requirement "$offline/requirements.txt"
export TF_PLAN_ARGS="-var-file=example.tfvars -var=lambda_zip=lambda_extract.zip"
APPLY=1 OUT="$work/out" PYTHON="$tools/bin/python" "$offline/check.sh" "$work/terraform" .
