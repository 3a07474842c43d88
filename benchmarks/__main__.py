"""``make bench``: every benchmark, one after another."""

from benchmarks import main_path, parse_time

for benchmark in (parse_time, main_path):
    print(f"--- {benchmark.__name__.rpartition('.')[2]}")
    benchmark.main()
