"""The sum of one column of a channel of flights, in place: `python3 python/bench_column.py PATH`.

The same in Rust, and how to make the channel: `examples/benches/column.rs`, which runs this too.
"""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import kekbit  # noqa: E402

REPETITIONS = 9


def measure(name, run):
    times = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        total = run()
        times.append((time.perf_counter() - start) * 1000)
    print(f"{name:<32}{statistics.median(times):>9.3f} ms ({min(times):.3f}..{max(times):.3f})   "
          f"sum {total}")


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: bench_column.py CHANNEL")
    try:
        array = kekbit.open(sys.argv[1])
    except kekbit.Error as error:
        sys.exit(f"bench_column: {error}")
    column = array["departure_delay"]
    measure("numpy, present values", lambda: column["value"][column["present"]].sum())
    # An option without a value holds zeroes, so that the plain sum is the same.
    measure("numpy, whole column", lambda: column["value"].sum())


if __name__ == "__main__":
    main()
