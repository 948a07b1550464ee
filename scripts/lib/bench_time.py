# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command and prints its duration in seconds; its output is shown only if it fails."""
import subprocess
import sys
import time

start = time.monotonic()
result = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, capture_output=True)
seconds = time.monotonic() - start
if result.returncode != 0:
    sys.stderr.buffer.write(result.stdout + result.stderr)
    sys.exit(1)
print(f"{seconds:.4f}")
