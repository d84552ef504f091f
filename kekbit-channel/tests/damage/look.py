"""Reads the names of files, and says what the reader for numpy finds in each: ``refused``, or how
many records and what end. Anything else that it raises is a fault of it."""

import sys
import warnings

import kekbit

warnings.simplefilter("ignore")
for line in sys.stdin:
    try:
        with kekbit.Channel(line.rstrip("\n"), verify=True) as channel:
            answer = f"{len(channel)} {channel.state()}"
            channel.records().tobytes()
            try:
                for _ in channel.values():
                    pass
            except kekbit.InvalidValue:
                pass
    except kekbit.Error:
        answer = "refused"
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"
    print(answer, flush=True)
