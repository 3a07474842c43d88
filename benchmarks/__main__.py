"""``make bench``: every benchmark, one after another, each in a process of its own."""

import subprocess
import sys

BENCHMARKS = ("parse_time", "main_path", "reading", "writing")

for name in BENCHMARKS:
    print(f"--- {name}", flush=True)
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)
