#!/usr/bin/env bash
# Checks terraform/: format, init, validate, its tests, applies, every IAM policy (that
# it allows no more than it should, and all that the product needs), and checkov. Asks no
# cloud and changes nothing; needs Python with pip. Terraform itself comes from a wheel if
# the command is not installed.
# If ../shared/terraform-check is there, its offline providers are used. Otherwise the real
# ones have to come from a registry, and nothing is applied or tested: that takes a cloud.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
offline="$root/../shared/terraform-check"
cd "$root"
scripts/prepare_environment.sh
# shellcheck source=scripts/locked_environment.sh
source scripts/locked_environment.sh
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

terraform_command() {
    if ! command -v terraform > /dev/null; then
        locked_environment .local/terraform locks/terraform.txt
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
    locked_environment .local/terraform-lint locks/terraform_lint.txt
    local python="$root/.local/terraform-lint/bin/python"
    # Whoever laid the providers there says what they need; none of our locks covers it.
    .venv/bin/python -m pip --python "$python" install --quiet \
        --disable-pip-version-check --requirement "$offline/requirements.txt"
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
    # Examples are for people: a plan says that they are valid.
    for variables in terraform/examples/*.tfvars; do
        name="$(basename "$variables" .tfvars)"
        echo "== example: $name"
        cp "$variables" "$work/other/terraform/"
        APPLY="" TF_PLAN_ARGS="-var-file=$name.tfvars -var=lambda_zip=lambda_extract.zip" \
            OUT="$work/$name" "$offline/check.sh" "$work/other" terraform
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

locked_environment .local/checkov locks/checkov.txt
# What a count or a condition leaves out with one set of variables is there with another.
for variables in "$root/terraform/example.tfvars" "$root"/tests/terraform/*.tfvars; do
    echo "== checkov: $(basename "$variables" .tfvars)"
    "$root/.local/checkov/bin/checkov" --directory "$root/terraform" --framework terraform \
        --var-file "$variables" --skip-download --compact --quiet | tee "$work/checkov"
    # It ends well with a file that it cannot read.
    if grep "Parsing errors" "$work/checkov"; then exit 1; fi
done
