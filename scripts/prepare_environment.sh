#!/usr/bin/env bash
# Makes .venv with exactly the files of locks/development.txt, or finds it ready; prints nothing when ready.
# Needs Python 3.11 or newer with pip (PYTHON names another one) and no other tool.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
venv="$root/.venv"
stamp="$venv/.installed"
lock="$root/locks/development.txt"

find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3.11 python3.12 python3.13 python3 python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "Python 3.11 or newer was not found. Install it, or set PYTHON to its path." >&2
    return 1
}

install() {
    local python="$1"
    echo "Preparing .venv (only the first time; about a minute) ..." >&2
    rm -rf "$venv"
    # Some systems ship venv without ensurepip; their own pip can fill the environment.
    if "$python" -m venv "$venv" 2>/dev/null; then
        installer=("$venv/bin/python" -m pip)
    else
        "$python" -m venv --clear --without-pip "$venv"
        installer=("$python" -m pip --python "$venv/bin/python")
    fi
    # Wheels alone: a build would run, and fetch, what no hash covers. The lock is whole.
    if ! "${installer[@]}" install --quiet --disable-pip-version-check \
        --require-hashes --only-binary=:all: --no-deps --requirement "$lock" \
        > "$venv/install.log" 2>&1; then
        cat "$venv/install.log" >&2
        echo "Installing the dependencies failed (see above); run this again." >&2
        return 1
    fi
}

# One installation at a time: two commands may be started together.
mkdir -p "$root/.local"
exec 9> "$root/.local/install.lock"
if command -v flock > /dev/null; then flock 9; fi

# The text itself is the stamp: no hashing tool is needed, and any change reinstalls.
if [[ -x "$venv/bin/python" && -f "$stamp" ]] && [[ "$(< "$lock")" == "$(< "$stamp")" ]] \
    && "$venv/bin/python" -c '' 2>/dev/null; then
    exit 0
fi
install "$(find_python)"
cat "$lock" > "$stamp"
