#!/usr/bin/env python3
"""Compares clip_pg with the reference.

    PARITY_DIR=/where/the/server/can/read tests/parity/run.py [pytest's arguments]

libpq's environment names a server with clip_pg installed, and a superuser. The libraries of the reference come from
PyPI, pinned by version and hash, into build/parity-venv, once.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE.parents[1] / "build/parity-venv"
REQUIREMENTS = HERE / "requirements.txt"


def python():
    """The interpreter of the virtual environment, which is made if it is missing or of other requirements."""
    interpreter, stamp = VENV / "bin/python", VENV / "requirements.sha256"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        print("==> Fetching the reference's libraries from PyPI (about 120 MB, once)", file=sys.stderr, flush=True)
        venv.create(VENV, clear=True, with_pip=True)
        pip = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "--only-binary", ":all:", "-r", REQUIREMENTS], check=True)
        stamp.write_text(wanted)
    return interpreter


if __name__ == "__main__":
    if "PARITY_DIR" not in os.environ:
        sys.exit("error: PARITY_DIR does not name a directory that the server can read")
    if sys.version_info < (3, 11):
        sys.exit("error: the reference's libraries need Python 3.11 or later")
    environment = {
        **os.environ,
        # Only its tokenizers are used; it would say that it finds no deep learning library.
        "TRANSFORMERS_VERBOSITY": "error",
        "HF_HUB_OFFLINE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    pytest = [python(), "-m", "pytest", "-p", "no:cacheprovider", "-rs", "--durations=5", HERE, *sys.argv[1:]]
    sys.exit(subprocess.run(pytest, env=environment).returncode)
