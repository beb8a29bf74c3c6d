#!/usr/bin/env bash
# Looks for keys and tokens of well-known shapes in the committed files (names the place,
# never the text), and looks the pinned dependencies up among published advisories.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/prepare_environment.sh
failed=0
shapes='AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY-----|hv[sb]\.[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{36}|xox[abprs]-[A-Za-z0-9-]{10,}'
status=0
found="$(git grep -nIE -e "$shapes" -- . ':!scripts/check_security.sh')" || status=$?
case "$status" in
    0)
        echo "Keys or tokens are committed; take them out and replace them where they are valid:" >&2
        cut -d: -f1,2 <<< "$found" >&2
        failed=1
        ;;
    1) echo "== no key or token in the committed files" ;;
    *) exit "$status" ;; # git could not look
esac
.venv/bin/python -m scripts.audit_dependencies || failed=1
exit "$failed"
