"""What kekbit.py says of channels, for a Rust test to compare: asked and answered in lines of JSON.

A channel stays open between two questions, so that a growing one is looked at again and not opened
again.
"""

import json
import sys

import numpy as np

import kekbit


def bytes_of(array):
    return np.ascontiguousarray(array).tobytes().hex()


def facts(channel, question):
    records, state = channel.records(), channel.state()
    values = [json.dumps(value, ensure_ascii=False, allow_nan=False)
              for value in channel.values()]
    stamps = channel.timestamps() if channel.time_stamps else None
    columns = {}
    for path in question["columns"]:
        column = records
        for name in path.split("."):
            column = column[name]
        in_place = not (column.flags.owndata or column.flags.writeable)
        columns[path] = {"hex": bytes_of(column), "in_place": in_place}
    return {"state": state, "reason": state.reason, "count": len(channel), "base": channel.base,
            "values": values, "stamps": None if stamps is None else bytes_of(stamps),
            "same_dtype": np.dtype(eval(question["numpy"])) == channel.dtype,
            "itemsize": channel.dtype.itemsize, "columns": columns,
            "rows": bytes_of(records) if channel.dtype.names else ""}


channels = {}
for line in sys.stdin:
    question = json.loads(line)
    path = question["path"]
    if path not in channels:
        channels[path] = kekbit.Channel(path)
    print(json.dumps(facts(channels[path], question)), flush=True)
