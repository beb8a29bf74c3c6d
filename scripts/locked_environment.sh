#!/usr/bin/env bash
# For other scripts: source it in the project's folder, after prepare_environment.sh.

# locked_environment FOLDER LOCK: an environment with exactly what the lock names, or
# finds it ready. Wheels alone: a build would run, and fetch, what no hash covers.
locked_environment() {
    local folder="$1" lock="$2"
    if [[ "$(cat "$folder/.installed" 2> /dev/null)" == "$(cat "$lock")" ]]; then
        return
    fi
    echo "Preparing $folder (only the first time) ..." >&2
    rm -rf "$folder"
    # Without its own pip: some systems ship venv without ensurepip.
    .venv/bin/python -m venv --without-pip "$folder"
    if ! .venv/bin/python -m pip --python "$folder/bin/python" install --quiet \
        --disable-pip-version-check --require-hashes --only-binary=:all: --no-deps \
        --requirement "$lock" > "$folder/install.log" 2>&1; then
        cat "$folder/install.log" >&2
        echo "Installing $lock failed (see above); run this again." >&2
        return 1
    fi
    cat "$lock" > "$folder/.installed"
}
