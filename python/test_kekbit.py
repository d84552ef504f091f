"""Tests of kekbit.py: `python3 -m unittest discover python`, or run this file.

The files come from a builder below that is written after docs/FORMAT.md alone, so that a mistake
would have to be made twice; and from the golden files of the Rust library.
"""

import contextlib
import gc
import io
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import unittest
import warnings
from pathlib import Path
from unittest import mock

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import kekbit  # noqa: E402

HERE = Path(__file__).resolve().parent
GOLDEN = HERE.parent / "kekbit-channel" / "tests" / "data" / "v1"
PAGE = 4096
CHECKSUMS, TIME_STAMPS = 1, 2
ID = b"sixteen bytes id"
SEED = 20240229


def up(number, multiple):
    return -(-number // multiple) * multiple


def crc32c(data):
    """A bit at a time."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def fnv(text):
    value = 0xCBF29CE484222325
    for line in text.split("\n")[:-1]:
        if not line.strip(" ").startswith("#"):
            for byte in (line + "\n").encode():
                value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


class Image:
    """A channel file made by hand. Keywords replace what the header would have."""

    def __init__(self, schema, capacity=8, flags=CHECKSUMS, base=0, durable=0, records=(),
                 close=None, stamps=None, original=None, **fields):
        size = int(schema.split("\n")[0].split(" ")[-1]) if schema else 100
        self.flags, self.base, self.size, self.schema = flags, base, size, schema
        self.head = 16 if flags & TIME_STAMPS else 8
        self.alignment = fields.get("alignment", 8)
        self.stride = up(self.head + size, self.alignment)
        self.data = up(160 + len(schema.encode()), PAGE) + PAGE
        self.fields = {"magic": b"KEKBIT\r\n", "version": 1, "flags": flags, "data": self.data,
                       "id": ID, "writer": 0, "predecessor": bytes(16),
                       "created": 1_700_000_000_000_000_000, "boot": bytes(16), "device": 0,
                       "inode": 0, "timeout": 0, "capacity": capacity * self.stride,
                       "largest": size, "alignment": 8, "stride": self.stride if schema else 0,
                       "fingerprint": fnv(schema) if schema else 0,
                       "length": len(schema.encode()), "reserved": 0}
        self.fields.update(fields)
        length = up(self.data + up(self.fields["capacity"], self.alignment) + 8, PAGE)
        self.bytes = bytearray(length)
        self.write_header()
        self.put(self.data - PAGE, base + 1)
        self.put(self.data - PAGE + 8, crc32c(ID + struct.pack("<Q", base + 1)))
        self.put(self.data - PAGE + 64, durable)
        self.count = 0
        for index, payload in enumerate(records):
            self.record(payload, stamps[index] if stamps else 0)
        if close is not None:
            self.close(close)

    def write_header(self):
        fixed = struct.pack("<8sIIQ16sQ16sQ16sQQQQIIQQIQ", *self.fields.values())
        assert len(fixed) == 156
        text = self.schema.encode()
        self.bytes[:160] = fixed + struct.pack("<I", crc32c(fixed + text))
        self.bytes[160:160 + len(text)] = text

    def put(self, offset, number):
        self.bytes[offset:offset + 8] = struct.pack("<Q", number)

    def slot(self, index):
        return self.data + index * self.stride

    def frame(self, index, payload, stamp=0):
        """Word and body of a record as it belongs at a place."""
        body = (struct.pack("<Q", stamp) if self.flags & TIME_STAMPS else b"") + payload
        word = (1 << 28 | len(payload)) << 32
        return struct.pack("<Q", word | self.sum(index, word, body)) + body

    def sum(self, index, word, body=b""):
        if not self.flags & CHECKSUMS:
            return 0
        return crc32c(ID + struct.pack("<QQ", self.base + index, word) + body)

    def record(self, payload, stamp=0):
        assert len(payload) == self.size, (len(payload), self.size)
        frame = self.frame(self.count, payload, stamp)
        self.bytes[self.slot(self.count):self.slot(self.count) + len(frame)] = frame
        self.count += 1
        return self

    def close(self, reason):
        word = (3 << 28 | reason) << 32
        self.put(self.slot(self.count), word | self.sum(self.count, word))
        return self

    def write(self, path):
        Path(path).write_bytes(self.bytes)
        return path

    def write_original(self, path, **more):
        """As the file that its writer made, in this boot."""
        path = Path(path)
        path.write_bytes(b"")
        status = path.stat()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "")
        self.fields.update(boot=bytes.fromhex(boot), device=status.st_dev, inode=status.st_ino,
                           created=2**62, **more)
        self.write_header()
        with path.open("r+b") as file:
            file.write(self.bytes)
        return path


NUMBER = "struct Number 8\n value 0 8 u64\n"


def numbers(count, capacity=8, **more):
    return Image(NUMBER, capacity, records=[struct.pack("<Q", n) for n in range(count)], **more)


#: A field of every type: name, size, type (and lines below), bytes, the value, the numpy type.
FIELDS = [
    ("a", 1, "u8", b"\xff", 255, "u1"),
    ("b", 2, "u16", b"\x01\x02", 0x0201, "<u2"),
    ("c", 4, "u32", b"\xff" * 4, 2**32 - 1, "<u4"),
    ("d", 8, "u64", b"\xff" * 8, 2**64 - 1, "<u8"),
    ("e", 16, "u128", b"\x05" + bytes(7) + b"\x01" + bytes(7), 2**64 + 5,
     [("low", "<u8"), ("high", "<u8")]),
    ("f", 1, "i8", b"\xfe", -2, "i1"),
    ("g", 2, "i16", b"\xfe\xff", -2, "<i2"),
    ("h", 4, "i32", b"\xfe\xff\xff\xff", -2, "<i4"),
    ("i", 8, "i64", b"\xfe" + b"\xff" * 7, -2, "<i8"),
    ("j", 16, "i128", b"\xfe" + b"\xff" * 15, -2, [("low", "<u8"), ("high", "<i8")]),
    ("k", 4, "f32", struct.pack("<f", 0.1), struct.unpack("<f", struct.pack("<f", 0.1))[0], "<f4"),
    ("l", 8, "f64", struct.pack("<d", -0.1), -0.1, "<f8"),
    ("m", 8, "f64", struct.pack("<d", float("nan")), None, "<f8"),
    ("n", 4, "f32", struct.pack("<f", float("-inf")), None, "<f4"),
    ("o", 1, "bool", b"\x01", True, "?"),
    ("p", 4, "char", "€".encode("utf-32-le"), "€", "<u4"),
    ("q", 2, "nonzero i16", b"\xff\xff", -1, "<i2"),
    ("r", 16, "nonzero u128", b"\x01" + bytes(15), 1, [("low", "<u8"), ("high", "<u8")]),
    ("s", 6, "str", "né".encode() + bytes(3), "né", "S6"),
    ("t", 3, "bytes", b"\xc0\xff\x00", "c0ff00", "V3"),
    ("u", 8, "timestamp", struct.pack("<Q", 2**64 - 1), 2**64 - 1, "<M8[ns]"),
    ("v", 12, "duration", struct.pack("<QI", 3, 999_999_999), {"secs": 3, "nanos": 999_999_999},
     [("secs", "<u8"), ("nanos", "<u4")]),
    ("w", 4, "ipv4", bytes([127, 0, 0, 1]), "127.0.0.1", ("u1", (4,))),
    ("x", 16, "ipv6", bytes(15) + b"\x01", "::1", ("u1", (16,))),
    ("x2", 16, "ipv6", bytes(10) + b"\xff\xff\x01\x02\x03\x04", "::ffff:1.2.3.4", ("u1", (16,))),
    ("y", 0, "unit", b"", None, None),
    ("z", 2, "opaque Price", b"\x01\x02", "0102", "V2"),
    ("aa", 6, "array 3\n  - 0 2 i16", b"\x01\x00\x02\x00\xff\xff", [1, 2, -1], ("<i2", (3,))),
    ("ab", 6, "array 2\n  - 0 3 array 3\n   - 0 1 u8", b"\x01\x02\x03\x04\x05\x06",
     [[1, 2, 3], [4, 5, 6]], ("u1", (2, 3))),
    ("ac", 8, "array 2\n  - 0 4 ipv4", bytes(range(8)), ["0.1.2.3", "4.5.6.7"], ("u1", (2, 4))),
    ("ad", 0, "array 3\n  - 0 0 unit", b"", [None] * 3, None),
    ("ae", 3, "option\n  - 1 2 i16", b"\x01\xfe\xff", -2, [("present", "?"), ("value", "<i2")]),
    ("af", 3, "option\n  - 1 2 i16", b"\x00\x00\x00", None, [("present", "?"), ("value", "<i2")]),
    ("ag", 1, "option\n  - 1 0 unit", b"\x01", None, [("present", "?")]),
    ("ah", 4, "option\n  - 1 3 option\n   - 1 2 u16", b"\x01\x01\x07\x00", 7,
     [("present", "?"), ("value", [("present", "?"), ("value", "<u2")])]),
    ("ai", 3, "struct Pair\n  x 0 1 u8\n  y 1 2 u16", b"\x01\x02\x00", {"x": 1, "y": 2},
     [("x", "u1"), ("y", "<u2")]),
    ("aj", 3, "struct Two\n  0 0 1 u8\n  1 1 2 u16", b"\x01\x02\x00", [1, 2],
     [("0", "u1"), ("1", "<u2")]),
    ("ak", 2, "struct One\n  0 0 2 u16", b"\x02\x00", 2, [("0", "<u2")]),
    ("al", 0, "struct Nothing", b"", None, None),
    ("am", 1, "enum Side 1\n  Buy 1 0\n  Sell 2 0", b"\x02", "Sell", "u1"),
    ("an", 2, "enum Wide 2\n  Low 1 0\n  High 300 0", b"\x2c\x01", "High", "<u2"),
    ("ao", 4, "enum Event 1\n  Idle 0 0\n  At 1 3\n   x 0 1 u8\n   y 1 2 u16\n  Of 2 2\n"
     "   0 0 2 u16", b"\x01\x07\x08\x00", {"At": {"x": 7, "y": 8}},
     [("tag", "u1"), ("body", "V3")]),
    ("ap", 3, "enum E 1\n  Idle 0 0\n  Of 2 2\n   0 0 2 u16", b"\x02\x07\x00", {"Of": 7},
     [("tag", "u1"), ("body", "V2")]),
    ("aq", 3, "enum E 1\n  Idle 0 0\n  Of 2 2\n   0 0 2 u16", b"\x00\x00\x00", "Idle",
     [("tag", "u1"), ("body", "V2")]),
    ("ar", 3, "enum E 1\n  Two 3 2\n   0 0 1 u8\n   1 1 1 u8", b"\x03\x01\x02", {"Two": [1, 2]},
     [("tag", "u1"), ("body", "V2")]),
    ("as", 1, "enum E 1\n  Gone 3 0\n   0 0 0 unit", b"\x03", {"Gone": None}, [("tag", "u1")]),
    ("at", 4, "enum Roomy 1\n  Only 0 0", bytes(4), "Only", [("tag", "u1"), ("body", "V3")]),
    ("au", 0, "str", b"", "", None),
    ("av", 0, "bytes", b"", "", None),
]


def every_type():
    """Schema, payload, value and numpy type of a record with all of them."""
    lines, payload, value, dtype = [], b"", {}, []
    for name, size, kind, data, expected, numpy_type in FIELDS:
        assert len(data) == size, name
        lines.append(f" {name} {len(payload)} {size} {kind}\n")
        payload += data
        value[name] = expected
        if numpy_type is not None:
            dtype.append((name, numpy_type))
    return f"struct All {len(payload)}\n{''.join(lines)}", payload, value, dtype


#: For each schema a field with what is no value of it, and the message.
NO_VALUES = [
    ("f 0 1 bool", b"\x02", "f", "found 2, expected 0 or 1"),
    ("f 0 4 char", b"\x00\xd8\x00\x00", "f", "found 0xd800, expected a Unicode scalar value"),
    ("f 0 4 char", b"\x00\x00\x11\x00", "f", "found 0x110000, expected a Unicode scalar value"),
    ("f 0 2 nonzero u16", b"\x00\x00", "f", "found 0, expected any other number"),
    ("f 0 3 str", b"a\xffb", "f", "found byte 0xff at 1 of the text, expected UTF-8"),
    ("f 0 3 str", b"a\x00b", "f",
     "found byte 0x62 at 2 behind the end of the text at 1, expected zeroes behind the text"),
    ("f 0 12 duration", struct.pack("<QI", 0, 10**9), "f",
     "found 1000000000 nanoseconds, expected less than a second of them"),
    ("f 0 2 option\n  - 1 1 u8", b"\x07\x00", "f",
     "found presence 7, expected 0 (absent) or 1 (present)"),
    ("f 0 1 enum Side 1\n  Buy 1 0\n  Sell 2 0", b"\x09", "f",
     "found tag 9, expected one of 1 (Buy), 2 (Sell)"),
    ("f 0 3 array 3\n  - 0 1 bool", b"\x00\x01\x05", "f[2]", "found 5, expected 0 or 1"),
    ("f 0 2 option\n  - 1 1 bool", b"\x01\x05", "f", "found 5, expected 0 or 1"),
    ("f 0 4 array 2\n  - 0 2 struct Leg\n   a 0 1 u8\n   b 1 1 bool", b"\x00\x00\x00\x03",
     "f[1].b", "found 3, expected 0 or 1"),
    ("f 0 2 enum E 1\n  On 1 1\n   g 0 1 bool", b"\x01\x03", "f.On.g", "found 3, expected 0 or 1"),
    ("f 0 2 struct T\n  0 0 1 bool\n  1 1 1 bool", b"\x01\x03", "f.1", "found 3, expected 0 or 1"),
]

EVENT = ("enum Event 2 12\n Opened 1 9\n  account 0 8 u64\n  joint 8 1 bool\n Closed 2 0\n"
         " Moved 300 10\n  0 0 8 i64\n  1 8 2 u16\n")

HOLDER = """
import fcntl, os, struct, sys
file = open(sys.argv[1], "r+b")
kind = fcntl.F_WRLCK if sys.argv[2] == "write" else fcntl.F_RDLCK
lock = struct.pack("@hhqqi4x", kind, os.SEEK_SET, 0, 1, 0)
fcntl.fcntl(file, fcntl.F_OFD_SETLK, lock)
print("held", flush=True)
sys.stdin.read()
"""


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "it.kekbit"
        # Whatever warns unasked fails the test.
        caught = warnings.catch_warnings()
        caught.__enter__()
        self.addCleanup(caught.__exit__, None, None, None)
        warnings.simplefilter("error")

    def channel(self, image, **options):
        channel = kekbit.Channel(image.write(self.path), **options)
        self.addCleanup(channel.close)
        return channel

    @contextlib.contextmanager
    def holder(self, kind):
        """Another process that holds a lock on byte 0 of the file."""
        process = subprocess.Popen([sys.executable, "-c", HOLDER, str(self.path), kind],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(process.stdout.readline(), "held\n")
            yield process
        finally:
            process.kill()
            process.communicate()


class Reading(Case):
    def test_golden_files(self):
        order = {"id": 0, "side": "Buy", "limit": -5,
                 "legs": [{"quantity": 3, "kind": 4}, {"quantity": 2**64 - 1, "kind": 0x0102}]}
        orders = [dict(order, id=n, side=("Buy", "Sell")[n % 2], limit=None if n == 1 else -5)
                  for n in range(5)]
        array = kekbit.open(GOLDEN / "orders-full.kekbit")
        channel = array.channel
        self.assertEqual(list(channel.values()), orders)
        self.assertEqual((channel.state(), channel.reason), ("closed", "full"))
        self.assertEqual(channel.base, 100)
        self.assertEqual(channel.durable, 103)
        self.assertEqual(channel.sequence.tolist(), [100, 101, 102, 103, 104])
        stamps = channel.timestamps()
        self.assertEqual(stamps.dtype, np.dtype("<M8[ns]"))
        self.assertEqual(np.diff(stamps.astype(np.int64)).tolist(), [1, 1, 1, 1])
        self.assertEqual(array["legs"]["kind"].tolist(), [[4, 258]] * 5)
        self.assertEqual(array["limit"]["value"][array["limit"]["present"]].tolist(), [-5] * 4)
        with self.assertWarnsRegex(kekbit.UnverifiedWarning, "records from 0 on of .* unverified"):
            array = kekbit.open(GOLDEN / "orders-unchecked-recovered.kekbit")
        self.assertEqual(array["id"].tolist(), [0, 1])
        self.assertEqual(array.channel.state().reason, "recovered")
        for name in ("raw-abandoned", "raw-closed"):
            with self.assertRaisesRegex(kekbit.Error, "holds raw bytes and has no schema; read"):
                kekbit.open(GOLDEN / f"{name}.kekbit")

    def test_every_type(self):
        schema, payload, value, dtype = every_type()
        for flags in (0, CHECKSUMS, TIME_STAMPS, CHECKSUMS | TIME_STAMPS):
            for alignment in (8, 64):
                image = Image(schema, 4, flags, records=[payload] * 3, close=1, alignment=alignment,
                              stamps=[5, 6, 7])
                image.write_original(self.path)
                with kekbit.Channel(self.path, verify=True) as channel:
                    self.assertEqual(channel.dtype, np.dtype(dtype))
                    self.assertEqual(channel.stride, image.stride)
                    self.assertEqual(list(channel.values()), [value] * 3)
                    array = channel.records()
                    self.assertEqual(array.strides, (image.stride,))
                    self.assertEqual(array[2].tobytes(), payload)
                    self.assertEqual(array["ab"][1].tolist(), [[1, 2, 3], [4, 5, 6]])
                    self.assertEqual(array["s"][0].decode(), "né")
                    self.assertEqual(array["e"]["high"].tolist(), [1, 1, 1])
                    if flags & TIME_STAMPS:
                        self.assertEqual(channel.timestamps().astype(int).tolist(), [5, 6, 7])
                    else:
                        with self.assertRaisesRegex(kekbit.Error, "has no time stamps; they are"):
                            channel.timestamps()

    def test_the_values_of_options_are_told_apart_from_none_inside(self):
        image = Image("struct S 2\n f 0 2 option\n  - 1 1 option\n   - 1 0 unit\n",
                      records=[b"\0\0", b"\1\0", b"\1\1"])
        self.assertEqual([v["f"] for v in self.channel(image).values()], [None] * 3)
        self.assertEqual(self.channel(image).records()["f"]["value"]["present"].tolist(),
                         [False, False, True])

    def test_records_without_bytes(self):
        array = kekbit.open(Image("struct Ping 0\n", records=[b""] * 3, close=1).write(self.path))
        self.assertEqual((len(array), array.dtype), (3, np.dtype([])))
        self.assertEqual(list(array.channel.values()), [None] * 3)

    def test_the_array_is_in_place_and_read_only(self):
        array = kekbit.open(numbers(5).write(self.path))
        self.assertFalse(array.flags.writeable or array.flags.owndata)
        with self.assertRaises(ValueError):
            array["value"][0] = 1
        self.assertIs(type(array["value"]), np.ndarray)
        self.assertTrue(np.shares_memory(array["value"], array))
        self.assertIs(array[1:3].channel, array.channel)
        self.assertEqual(array["value"].sum(), 10)
        channel = array.channel
        channel.close()
        channel.close()
        for use in (channel.records, channel.state, channel.values, lambda: len(channel)):
            with self.assertRaisesRegex(kekbit.Error, "has been closed; open it again"):
                use()
        del channel
        gc.collect()
        self.assertEqual(array["value"].tolist(), [0, 1, 2, 3, 4])

    def test_what_the_header_says(self):
        image = numbers(1, 9, base=1000, durable=1001, writer=7, timeout=3, predecessor=b"\1" * 16)
        channel = self.channel(image)
        expected = {"base": 1000, "durable": 1001, "writer_id": 7, "writer_timeout": 3,
                    "channel_id": int.from_bytes(ID, "little"), "stride": 16, "capacity": 144,
                    "predecessor_id": int.from_bytes(b"\1" * 16, "little"), "record_capacity": 9,
                    "created": 1_700_000_000_000_000_000, "checksums": True, "time_stamps": False,
                    "alignment": 8, "schema_text": NUMBER, "fingerprint": fnv(NUMBER),
                    "original": False, "unverified_from": None}
        self.assertEqual({name: getattr(channel, name) for name in expected}, expected)
        self.assertEqual(channel.schema, kekbit.parse_schema(NUMBER))
        self.assertEqual((len(channel), channel.sequence.tolist()), (1, [1000]))

    def test_large_records(self):
        for size in (257, 5000, 70_001, (1 << 20) + 9):
            payloads = [random.Random(seed).randbytes(size) for seed in range(2)]
            image = Image(f"struct Blob {size}\n data 0 {size} bytes\n", 2, records=payloads)
            array = kekbit.open(image.write(self.path))
            self.assertEqual([row.tobytes() for row in array["data"]], payloads, size)
            image.bytes[image.slot(1) + 8 + size // 2] ^= 1
            with self.assertWarns(kekbit.DamageWarning):
                self.assertEqual(len(kekbit.open(image.write(self.path))), 1)

    def test_many_records(self):
        # More than one chunk of the scan.
        count = 3000
        schema = "struct Wide 100\n value 0 8 u64\n rest 8 92 bytes\n"
        payloads = [struct.pack("<Q", n) + bytes(92) for n in range(count)]
        image = Image(schema, count, records=payloads, close=2)
        self.assertEqual(kekbit.open(image.write(self.path))["value"].tolist(), list(range(count)))
        image.bytes[image.slot(2345) + 8] ^= 1
        with self.assertWarnsRegex(kekbit.DamageWarning, "ends after 2345 records: record 2345 at"):
            self.assertEqual(len(kekbit.open(image.write(self.path))), 2345)


class Enums(Case):
    RECORDS = [struct.pack("<HQB", 1, 5, 1) + b"\0", struct.pack("<H", 2) + bytes(10),
               struct.pack("<HqH", 300, -3, 4), struct.pack("<HQB", 1, 6, 0) + b"\0"]

    def test_a_dict_of_arrays(self):
        image = Image(EVENT, records=self.RECORDS, close=1, base=10)
        variants = kekbit.open(image.write(self.path))
        self.assertEqual(list(variants), ["Opened", "Closed", "Moved"])
        self.assertEqual(variants["Opened"].tolist(), [(5, True), (6, False)])
        self.assertEqual(variants["Moved"].tolist(), [(-3, 4)])
        self.assertEqual(variants["Moved"].dtype, np.dtype([("0", "<i8"), ("1", "<u2")]))
        self.assertEqual(len(variants["Closed"]), 1)
        rows = {name: row.tolist() for name, row in variants.rows.items()}
        self.assertEqual(rows, {"Opened": [10, 13], "Closed": [11], "Moved": [12]})
        channel = variants.channel
        self.assertEqual({name: row.tolist() for name, row in channel.rows().items()}, rows)
        self.assertEqual(list(channel.values()), [{"Opened": {"account": 5, "joint": True}},
                                                  "Closed", {"Moved": [-3, 4]},
                                                  {"Opened": {"account": 6, "joint": False}}])
        records = channel.records()
        self.assertEqual(records.dtype, np.dtype([("tag", "<u2"), ("body", "V10")]))
        self.assertEqual(records["tag"].tolist(), [1, 2, 300, 1])

    def test_without_fields_it_is_an_array(self):
        image = Image("enum Side 1 1\n Buy 1 0\n Sell 2 0\n", records=[b"\1", b"\2", b"\1"])
        array = kekbit.open(image.write(self.path))
        self.assertEqual((array["tag"] == 1).tolist(), [True, False, True])
        self.assertEqual(array["tag"].sum(), 4)
        self.assertEqual(list(array.channel.values()), ["Buy", "Sell", "Buy"])
        self.assertEqual(array.channel.rows()["Buy"].tolist(), [0, 2])

    def test_an_unknown_tag_is_an_error(self):
        image = Image(EVENT, records=[*self.RECORDS, struct.pack("<H", 7) + bytes(10)])
        message = r"record 4 of .* at byte 0: found tag 7, expected one of 1 \(Opened\), 2"
        with self.assertRaisesRegex(kekbit.InvalidValue, message):
            kekbit.open(image.write(self.path))
        with self.assertRaisesRegex(kekbit.InvalidValue, message):
            list(self.channel(image).values())

    def test_a_struct_has_no_variants(self):
        with self.assertRaisesRegex(kekbit.Error, "are a struct, `Number`, without variants; use"):
            self.channel(numbers(1)).variants()


class Values(Case):
    def test_what_is_no_value(self):
        for field, payload, path, message in NO_VALUES:
            with self.subTest(field=field):
                schema = f"struct S {len(payload)}\n {field}\n"
                image = Image(schema, records=[payload], base=3)
                with self.assertRaises(kekbit.InvalidValue) as caught:
                    list(self.channel(image).values())
                self.assertEqual((caught.exception.path, caught.exception.sequence), (path, 3))
                self.assertIn(f"field `{path}` at byte {caught.exception.offset}: {message}",
                              str(caught.exception))

    def test_the_offset_is_that_within_the_record(self):
        schema = ("struct S 8\n id 0 2 u16\n f 2 6 array 2\n  - 0 3 option\n   - 1 2 struct Leg\n"
                  "    a 0 1 u8\n    b 1 1 bool\n")
        with self.assertRaises(kekbit.InvalidValue) as caught:
            list(self.channel(Image(schema, records=[bytes(5) + b"\1\0\2"])).values())
        self.assertEqual((caught.exception.path, caught.exception.offset), ("f[1].b", 7))

    def test_what_comes_before_is_given(self):
        values = self.channel(Image("struct S 1\n f 0 1 bool\n", records=[b"\1", b"\2"])).values()
        self.assertEqual(next(values), {"f": True})
        with self.assertRaises(kekbit.InvalidValue):
            next(values)


class Ends(Case):
    def test_reasons(self):
        for number, reason in ((1, "closed"), (2, "full"), (3, "rolled"), (4, "recovered"),
                               (5, "sync failed"), (6, "the writer panicked"), (7, 7), (0, 0),
                               (2**28 - 1, 2**28 - 1)):
            for count in (0, 2, 8):
                state = self.channel(numbers(count, close=number)).state()
                self.assertEqual((state, state.reason), ("closed", reason))

    def test_a_writer_that_is_killed(self):
        numbers(3).write_original(self.path)
        with kekbit.Channel(self.path) as channel:
            self.assertTrue(channel.original)
            with self.holder("write") as process:
                self.assertEqual((channel.state(), channel.reason), ("open", None))
                process.kill()
                process.wait()
                self.assertEqual(channel.state(), "abandoned")
            with self.holder("read"):
                self.assertEqual(channel.state(), "abandoned")
            self.assertEqual(len(channel), 3)

    def test_what_is_written_between_the_look_and_the_question_is_seen(self):
        image = numbers(1)
        channel = self.channel(image)

        def close_meanwhile(_self):
            with self.path.open("r+b") as file:
                file.write(image.record(bytes(8)).close(1).bytes)
            return False

        with mock.patch.object(kekbit.Channel, "_is_written", close_meanwhile):
            self.assertEqual((channel.state(), len(channel)), ("closed", 2))

    def test_a_growing_file(self):
        for verify in (False, True):
            for original in (False, True):
                image = numbers(0, 200)
                (image.write_original if original else image.write)(self.path)
                with kekbit.Channel(self.path, verify=verify) as channel:
                    first = channel.records()
                    for count in (1, 2, 50, 51, 200):
                        while image.count < count:
                            image.record(struct.pack("<Q", image.count))
                        with self.path.open("r+b") as file:
                            file.write(image.bytes)
                        array = channel.records()
                        self.assertEqual(array["value"].tolist(), list(range(count)))
                    self.assertEqual(len(first), 0)
                    self.assertEqual(channel.state(), "abandoned")

    def test_what_was_never_written_is_not_looked_at(self):
        """Looking at it in memory would make blocks of it, up to the size of the file."""
        image = numbers(2, capacity=1 << 21)
        memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
        with tempfile.TemporaryDirectory(dir=memory) as folder:
            path = Path(folder, "it.kekbit")
            path.write_bytes(image.bytes[:16384])
            os.truncate(path, len(image.bytes))
            with kekbit.Channel(path) as channel:
                self.assertEqual(channel.state(), "abandoned")
                self.assertLess(path.stat().st_blocks, 256)
            # The last place is looked at, and that of the close mark behind it.
            for index in ((1 << 21) - 1, 1 << 21):
                with path.open("r+b") as file:
                    file.seek(image.slot(index))
                    file.write(b"\1")
                with kekbit.Channel(path) as channel:
                    self.assertIn(f"at byte {image.slot(index)}", channel.state().reason)
                    self.assertLess(path.stat().st_blocks, 256)
                with path.open("r+b") as file:
                    file.seek(image.slot(index))
                    file.write(b"\0")

    def test_a_hole_ends_a_copy_and_not_an_original(self):
        image = numbers(6, close=1)
        image.put(image.slot(2), 0)
        self.assertEqual(len(self.channel(image)), 2)
        state = self.channel(image).state()
        self.assertEqual(state, "damaged")
        beyond = image.slot(3)
        self.assertIn(f"record 2 is not there, but something lies behind it, at byte {beyond}",
                      state.reason)
        image.write_original(self.path)
        # A search may look anywhere; this is why only originals are searched.
        for verify, count in ((False, 6), (True, 2)):
            with kekbit.Channel(self.path, verify=verify) as channel:
                self.assertEqual((channel.original, len(channel)), (True, count))
        # Not an original: made before its channel was.
        for change in ({"inode": 1}, {"device": 1}, {"boot": b"\1" * 16}, {"created": 1}):
            image.write_original(self.path)
            with self.path.open("rb") as file:
                if change == {"created": 1} and kekbit._born(file.fileno()) is None:
                    continue  # this file system keeps no such times
            image.fields.update(change)
            image.write_header()
            with self.path.open("r+b") as file:
                file.write(image.bytes)
            with kekbit.Channel(self.path) as channel:
                self.assertEqual((channel.original, len(channel)), (False, 2), change)

    def test_a_flush_that_has_failed_makes_a_scan_of_a_search(self):
        for mark, original in ((0, True), (1, True), (2, False), (77, False)):
            image = numbers(6)
            image.put(image.data - PAGE + 128, mark)
            image.put(image.slot(2), 0)
            image.write_original(self.path)
            with kekbit.Channel(self.path) as channel:
                self.assertEqual(channel.original, original)
                self.assertEqual(channel.state() == "damaged", not original)

    def test_records_that_recovery_gave_up(self):
        # A search would find those behind the mark, which stands at `durable`.
        image = numbers(8, 8, durable=1)
        image.count = 1
        image.close(4).write_original(self.path)
        with kekbit.Channel(self.path) as channel:
            self.assertEqual(len(channel), 1)
            self.assertEqual((channel.state(), channel.reason), ("closed", "recovered"))

    def test_a_lost_record_that_a_sync_had_covered(self):
        state = self.channel(numbers(2, durable=3, base=0)).state()
        self.assertEqual(state, "damaged")
        self.assertEqual(state.reason,
                         "record 2 is not there, although a sync had covered all below 3")

    def test_damage(self):
        def word(kind, length, low=0):
            return (kind << 28 | length) << 32 | low

        sums = numbers(0)
        offset = sums.slot(2)
        for flags, bad, message in (
                (1, word(4, 8), "the word 0x4000000800000000 is of no known kind"),
                (1, word(0, 0, 1), "the word 0x0000000000000001 is of no known kind"),
                (1, word(2, 8), "a padding of 8 bytes, which cannot be here"),
                (1, word(1, 7), "a payload of 7 bytes, where the channel has 8"),
                (1, word(1, 16), "a payload of 16 bytes, where the channel has 8"),
                (1, word(1, 8, 5), "the checksum is 0x00000005 and should be 0x"),
                (0, word(1, 8, 5), "the checksum is 0x00000005 and should be 0"),
                (0, word(3, 1, 5),
                 "the checksum of a close mark is 0x00000005 and should be 0x00000000"),
                (1, word(3, 1, 5), "the checksum of a close mark is 0x00000005 and should be 0x")):
            with self.subTest(bad=hex(bad), flags=flags):
                image = numbers(4, flags=flags, close=1, base=7)
                image.put(image.slot(2), bad)
                image.write_original(self.path)
                channel = kekbit.Channel(self.path, verify=True)
                with self.assertWarnsRegex(kekbit.DamageWarning, "ends after 2 records: record 9"):
                    array = channel.records()
                self.assertEqual(array["value"].tolist(), [0, 1])
                state = channel.state()
                self.assertEqual(state, "damaged")
                self.assertTrue(state.reason.startswith(
                    f"record 9 at byte {offset} is damaged: {message}"), state.reason)

    def test_a_record_past_the_capacity(self):
        image = numbers(8, 8)
        image.put(image.slot(8), (1 << 28 | 8) << 32)
        for verify in (False, True):
            image.write_original(self.path)
            state = kekbit.Channel(self.path, verify=verify).state()
            self.assertIn("a frame of 16 bytes, where 0 are left", state.reason)

    def test_every_changed_byte_of_a_copy_is_found(self):
        image = Image("struct S 11\n a 0 8 u64\n b 8 3 bytes\n", 4, CHECKSUMS | TIME_STAMPS,
                      records=[bytes([n] * 11) for n in range(1, 4)], close=1, stamps=[5, 6, 7])
        whole = [value for value in self.channel(image).values()]
        warnings.simplefilter("ignore")
        end = image.slot(3) + 8
        for at in [*range(160 + len(image.schema)), *range(image.data, end)]:
            if at >= image.data and (at - image.data) % image.stride >= 27 and at < image.slot(3):
                continue  # the zeroes behind a record vouch for nothing
            changed = bytearray(image.bytes)
            changed[at] ^= 0x41
            self.path.write_bytes(changed)
            if at < image.data:
                with self.assertRaises(kekbit.Error):
                    kekbit.Channel(self.path)
                continue
            with kekbit.Channel(self.path) as channel:
                values = list(channel.values())
                self.assertTrue(len(values) < 3 or at >= image.slot(3), at)
                self.assertEqual(values, whole[:len(values)])
                self.assertEqual(channel.state(), "damaged", at)

    def test_a_record_of_another_place_or_file_does_not_pass(self):
        image = numbers(4)
        image.bytes[image.slot(2):image.slot(3)] = image.bytes[image.slot(1):image.slot(2)]
        with self.assertWarns(kekbit.DamageWarning):
            self.assertEqual(len(kekbit.open(image.write(self.path))), 2)

    def test_what_nothing_vouches_for(self):
        image = numbers(4, flags=0, durable=2)
        with self.assertWarnsRegex(kekbit.UnverifiedWarning, "records from 0 on"):
            self.channel(image).records()
        # The same file after a reboot: what a sync covered is vouched for.
        image.write_original(self.path)
        image.fields["boot"] = b"\1" * 16
        image.write_header()
        with self.path.open("r+b") as file:
            file.write(image.bytes)
        with kekbit.Channel(self.path) as channel:
            self.assertEqual(channel.unverified_from, 2)
            with self.assertWarnsRegex(kekbit.UnverifiedWarning, "records from 2 on"):
                channel.records()
        image.write_original(self.path)
        with kekbit.Channel(self.path, verify=True) as channel:
            self.assertIsNone(channel.unverified_from)
            channel.records()

    def test_a_file_cut_short_while_it_is_read(self):
        numbers(4).write_original(self.path)
        with kekbit.Channel(self.path) as channel:
            os.truncate(self.path, 100)
            with self.assertRaisesRegex(kekbit.Error, "has been cut short while it was read"):
                channel.records()


class Refusals(Case):
    def refuse(self, message, data=None, path=None):
        if data is not None:
            self.path.write_bytes(data)
        with self.assertRaisesRegex(kekbit.Error, message):
            kekbit.Channel(path or self.path)

    def test_what_is_no_channel(self):
        self.refuse("there is no channel `.*it.kekbit`; has its writer created it yet")
        self.refuse("is a directory, not a file", path=self.folder)
        os.mkfifo(self.folder / "pipe")
        self.refuse("is a pipe, socket or device, not a file", path=self.folder / "pipe")
        self.refuse("is no name of a file", path="a\0b")
        self.refuse("is empty; a channel is never empty", b"")
        self.refuse(r'is not a kekbit channel: it begins with "\\x7fELF\\x00" *, a channel with '
                    r'"KEKBIT\\r\\n"', b"\x7fELF\0")
        self.refuse("transfer in text mode; copy it again as binary", b"KEKBIT\n\x01\0\0\0")
        self.refuse("transfer in text mode", b"KEKBIT\r\r\n\x01\0\0")
        self.refuse("is cut short: it has 8 bytes and should have 160; copy it", b"KEKBIT\r\n")
        whole = numbers(3).bytes
        self.refuse("is cut short: it has 500 bytes and should have 8192", whole[:500])
        self.refuse("is cut short: it has 8192 bytes and should have 12288", whole[:8192])
        self.refuse(r"`.*/bad\\nname`", path=str(self.folder) + "/bad\nname")

    def test_without_permission(self):
        numbers(1).write(self.path)
        with mock.patch("os.open", side_effect=PermissionError(13, "Permission denied")):
            self.refuse("cannot read `.*`: Permission denied; check it and its permissions")

    def test_headers(self):
        for message, fields in (
                ("has format version 2; this reader reads up to 1: use a newer one",
                 {"version": 2}),
                ("there is no format version 0", {"version": 0}),
                ("has flags 0x5, of which this reader knows 0x3 only: use a newer", {"flags": 5}),
                ("an alignment of 16 bytes, expected 8 or 64", {"alignment": 16}),
                ("reserved bytes are not zero", {"reserved": 1}),
                ("data starts at 4097 and should at 8192", {"data": 4097}),
                ("data starts at 4096 and should at 8192", {"data": 4096}),
                ("data starts at 12288 and should at 8192", {"data": 12288}),
                ("more capacity than a file can have", {"capacity": 2**64 - 1}),
                ("payloads longer than a frame holds", {"largest": 2**32 - 1}),
                ("not even one record fits the capacity", {"capacity": 15}),
                ("the channel id is zero", {"id": bytes(16)}),
                ("a stride of 24 bytes, where records of 8 have 16", {"stride": 24}),
                ("a stride of 0 bytes, where records of 8 have 16", {"stride": 0}),
                ("records of 4 bytes with a stride of 16, where the schema says 8", {"largest": 4}),
                ("its fingerprint is 0x0000000000000001, its schema's", {"fingerprint": 1}),
                ("a schema text of 2000000 bytes, where 1048576 are allowed",
                 {"length": 2_000_000}),
                ("is cut short: it has 12288 bytes and should have 1052672",
                 {"capacity": 1 << 20, "largest": 8})):
            with self.subTest(message):
                image = numbers(1)
                image.fields.update(fields)
                image.write_header()
                if "cut short" in message:
                    message = message.replace("1052672", str(8192 + (1 << 20) + 4096))
                self.refuse(message, image.bytes)
        image = numbers(1)
        image.bytes[40] ^= 1
        self.refuse("the header of .* is damaged: its checksum is 0x.* and should be 0x",
                    image.bytes)
        image = numbers(1)
        image.put(image.data - PAGE, 0)
        self.refuse("has been prepared but is not in use yet", image.bytes)
        image = numbers(1)
        image.put(image.data - PAGE, 9)
        self.refuse("the first sequence number 8 fails its check", image.bytes)
        self.refuse("leaves no room for the records", numbers(0, base=2**64 - 9).bytes)
        self.refuse("holds raw bytes and has no schema", Image("").bytes)
        image = Image("", stride=8)
        self.refuse("a stride or a fingerprint without a schema", image.bytes)
        bad = Image("struct S 1\n f 0 1 bool\n")
        bad.bytes[165] = 0xFF
        body = bytes(bad.bytes[:156]) + bytes(bad.bytes[160:160 + len(bad.schema)])
        bad.bytes[156:160] = struct.pack("<I", crc32c(body))
        self.refuse("the schema text is not UTF-8 at byte 5", bad.bytes)

    def test_schemas(self):
        image = Image("struct S 1\n f 0 1 u9\n", records=[b"\0"])
        self.refuse("cannot read .*line 2 of the schema, `f 0 1 u9`: expected a type that this "
                    "reader knows, not `u9`; if a later release wrote it, use its reader",
                    image.bytes)

    def test_other_machines(self):
        numbers(1).write(self.path)
        with mock.patch("sys.byteorder", "big"):
            self.refuse("this machine is big-endian")
        with mock.patch("sys.maxsize", 2**31 - 1):
            self.refuse("this Python is a 32-bit one")

    def test_systems_without_such_locks(self):
        channel = self.channel(numbers(1))
        with mock.patch.object(kekbit, "fcntl", mock.Mock(spec=[])):
            with self.assertRaisesRegex(kekbit.Error, "cannot tell whether .* has a writer"):
                channel.state()


def nested(depth):
    """An option of an option of ..., with the record that many levels."""
    sizes = range(depth, 0, -1)
    lines = [f"struct S {depth}\n", f" f 0 {depth} option\n"]
    lines += [f"{' ' * (level + 2)}- 1 {size - 1} " + ("option\n" if size > 2 else "u8\n")
              for level, size in enumerate(sizes) if size > 1]
    return "".join(lines)


class Schemas(unittest.TestCase):
    def test_nodes(self):
        text = ("struct Order 20\n # record-was Ticket OrderV1\n # mystery of a later version\n"
                " id 0 8 u64\n price 8 8 i64\n  # was px cost\n  # unit 1e-9 USD\n  # doc Limit.\n"
                " e 16 4 option\n  # default\n  #\n  - 1 3 enum Kind 1\n   # record-was K\n"
                "   A 0 2\n"
                "    # doc Of a.\n    0 0 2 nonzero u16\n   B 7 0\n")
        node = kekbit.parse_schema(text)
        self.assertEqual((node.kind, node.name, node.size), ("struct", "Order", 20))
        self.assertEqual(node.notes["record-was"], "Ticket OrderV1")
        self.assertEqual([(f.name, f.offset, f.type.kind) for f in node.fields],
                         [("id", 0, "u64"), ("price", 8, "i64"), ("e", 16, "option")])
        self.assertEqual(node.fields[1].notes,
                         {"was": "px cost", "unit": "1e-9 USD", "doc": "Limit."})
        kind = node.fields[2].type.element
        self.assertEqual([(v.name, v.tag, v.size, v.notes) for v in kind.variants],
                         [("A", 0, 2, {"doc": "Of a."}), ("B", 7, 0, {})])
        self.assertEqual(kind.variants[0].fields[0].type, kekbit.Node("nonzero", 2, "u16"))
        plain = "".join(line + "\n" for line in text.split("\n")[:-1] if "#" not in line)
        self.assertEqual(kekbit._fingerprint(text), kekbit._fingerprint(plain))
        self.assertEqual(kekbit._fingerprint(text), fnv(text))

    def test_the_examples_of_the_format(self):
        text = (HERE.parent / "docs" / "FORMAT.md").read_text()
        examples = re.findall("```\n(struct .*?)```", text, re.S)
        self.assertEqual([kekbit.parse_schema(text).size for text in examples], [49, 20])

    def test_arrays_as_deep_as_they_go(self):
        lines = [f"{' ' * n}{'- 0' if n > 1 else 'f 0'} 4 array 1\n" for n in range(1, 32)]
        node = kekbit.parse_schema("struct S 4\n" + "".join(lines) + " " * 32 + "- 0 4 i32\n")
        array = np.zeros(2, kekbit._dtype(node))
        self.assertEqual(array["f"].ndim, 32)

    def test_what_it_refuses(self):
        for line, text in (
                (1, ""), (1, "\n"), (1, "struct S 0"), (1, " struct S 0\n"), (1, "struct S\n"),
                (1, "struct S 0 \n"), (1, "struct  S 0\n"), (1, "struct S 00\n"),
                (1, "struct S -1\n"), (1, "struct S ٣\n"), (1, "struct S 1\n"),
                (1, "union S 0\n"), (1, "u64\n"), (1, "struct #S 0\n"), (1, "struct -S 0\n"),
                (1, "struct S\t 0\n"), (1, "struct S 0\r\n"), (1, f"struct {'n' * 256} 0\n"),
                (1, "struct S " + "9" * 5000 + "\n"), (1, "# doc\nstruct S 0\n"),
                (2, "struct S 0\nstruct T 0\n"), (2, "struct S 0\n\n"), (2, "struct S 0\n# doc\n"),
                (2, "struct S 0\n  # doc\n"), (2, "struct S 1\n  a 0 1 u8\n"),
                (2, "struct S 1\n a 1 1 u8\n"), (2, "struct S 2\n a 0 2 u8\n"),
                (3, "struct S 2\n a 0 1 u8\n a 1 1 u8\n"),
                (3, "struct S 2\n a 0 1 u8\n b 0 1 u8\n"), (2, "struct S 1\n a 0 1 u8 x\n"),
                (2, "struct S 1\n a 0 1\n"), (2, "struct S 1\n a 0 1 nonzero\n"),
                (2, "struct S 4\n a 0 4 nonzero f32\n"), (2, "struct S 1\n a 0 1 nonzero u16\n"),
                (2, "struct S 1\n a 0 1 opaque\n"), (2, "struct S 1\n a 0 1 opaque -\n"),
                (2, "struct S 2\n a 0 2 array 2\n"),
                (3, "struct S 2\n a 0 2 array 2\n  b 0 1 u8\n"),
                (2, "struct S 3\n a 0 3 array 2\n  - 0 1 u8\n"),
                (3, "struct S 2\n a 0 2 array 2\n  - 1 1 u8\n"),
                (4, "struct S 2\n a 0 2 array 2\n  - 0 1 u8\n  - 0 1 u8\n"),
                (3, "struct S 2\n a 0 2 option\n  - 0 1 u8\n"),
                (2, "struct S 3\n a 0 3 option\n  - 1 1 u8\n"),
                (3, "struct S 1\n a 0 1 u8\n  b 0 0 unit\n"),
                (2, "struct S 2\n a 0 2 struct T\n  b 0 1 u8\n"), (1, "enum E 3 3\n"),
                (1, "enum E 2 1\n"), (2, "enum E 1 1\n A 256 0\n"), (2, "enum E 1 1\n A 0 1\n"),
                (2, "enum E 1 2\n A 0 1\n"), (3, "enum E 1 1\n A 0 0\n A 1 0\n"),
                (3, "enum E 1 1\n A 0 0\n B 0 0\n"), (2, "enum E 1 1\n A 0\n"),
                (1, "struct S 268435393\n a 0 268435393 bytes\n"),
                (2, "struct S 0\n a 0 0 array 268435457\n  - 0 0 unit\n"),
                (2, "struct S 0\n a 0 0 array 100000\n  - 0 0 array 100000\n   - 0 0 unit\n"),
                (2, "struct S 1\n a 0 1 u8\n b\ud800 1 0 unit\n")):
            with self.subTest(text=text[:60]):
                with self.assertRaises(kekbit.Error) as caught:
                    kekbit.parse_schema(text)
                if "\ud800" not in text:
                    self.assertIn(f"line {line} of the schema", str(caught.exception))
                self.assertLess(len(str(caught.exception)), 500)

    def test_depth(self):
        self.assertEqual(kekbit.parse_schema(nested(31)).size, 31)
        self.assertEqual(kekbit.parse_schema(nested(32)).size, 32)
        with self.assertRaisesRegex(kekbit.Error, "no more than 32 levels"):
            kekbit.parse_schema(nested(33))
        with self.assertRaisesRegex(kekbit.Error, "no more than 32 levels"):
            kekbit.parse_schema(nested(900))

    def test_length(self):
        with self.assertRaisesRegex(kekbit.Error, "bytes; the format allows 1048576"):
            kekbit.parse_schema("struct S 0\n" + " # doc\n" * 200_000)
        count = 50_000
        lines = "".join(f" f{n} {n} 1 u8\n" for n in range(count))
        self.assertEqual(len(kekbit.parse_schema(f"struct S {count}\n{lines}").fields), count)

    def test_names_that_numpy_and_terminals_may_mind(self):
        node = kekbit.parse_schema("struct é 1\n names 0 1 u8\n titles 1 0 unit\n")
        self.assertEqual(kekbit._dtype(node), np.dtype([("names", "u1")]))
        with self.assertRaises(kekbit.Error) as caught:
            kekbit.parse_schema("struct S 0\n a\x1b[2J 0 0 u9\n")
        self.assertNotIn("\x1b", str(caught.exception))

    def test_hostile_texts(self):
        print(f"seed {SEED}", file=sys.stderr)
        source = random.Random(SEED)
        texts = [every_type()[0], EVENT, NUMBER, nested(32),
                 "struct O 8\n # record-was A\n x 0 8 i64\n  # unit USD\n  # doc d\n"]
        words = ["0", "1", "2", "8", "99999999999999999999", "-", "#", "struct", "enum", "array",
                 "option", "nonzero", "u8", "str", "unit", " ", "  ", "\n", "\r", "\0", "é",
                 "- 0 0", "array 268435456",
                 "\n" + " " * 40 + "- 1 1 option\n"]
        parsed = 0
        for _ in range(6000):
            text = source.choice(texts)
            for _ in range(source.randint(1, 4)):
                at, to = sorted(source.randrange(len(text) + 1) for _ in range(2))
                what = source.randrange(5)
                if what == 0:
                    text = text[:at] + source.choice(words) + text[at:]
                elif what == 1:
                    text = text[:at] + source.choice(words) + text[at + 1:]
                elif what == 2:
                    text = text[:at] + text[min(to, at + 9):]
                elif what == 3:
                    text = text[:to] + text[at:to] + text[to:]
                else:
                    lines = text.split("\n")
                    here, there = (source.randrange(len(lines)) for _ in range(2))
                    lines[here], lines[there] = lines[there], lines[here]
                    text = "\n".join(lines)
                if not text:
                    break
            try:
                node = kekbit.parse_schema(text)
            except kekbit.Error:
                continue
            parsed += 1
            dtype = kekbit._dtype(node)
            self.assertEqual(0 if dtype is None else dtype.itemsize, node.size, text)
            # Whatever lies there, it is a value or a clear no.
            for payload in (bytes(node.size), source.randbytes(node.size)):
                with contextlib.suppress(kekbit.InvalidValue):
                    json.dumps(kekbit._value(node, payload, 0), allow_nan=False)
        self.assertGreater(parsed, 20)


class CommandLine(Case):
    def run_it(self, *arguments):
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()) as err:
            status = kekbit.main([str(argument) for argument in arguments])
        out.flush()
        return status, out.buffer.getvalue().decode(), err.getvalue()

    def test_dump(self):
        schema, payload, value, dtype = every_type()
        Image(schema, records=[payload] * 2, close=1).write(self.path)
        status, out, err = self.run_it("dump", self.path)
        self.assertEqual((status, err), (0, ""))
        lines = out.split("\n")
        self.assertEqual([json.loads(line) for line in lines[:-1]], [value] * 2)
        self.assertIn('"p":"€"', lines[0])
        self.assertIn('"v":{"secs":3,"nanos":999999999}', lines[0])
        status, out, err = self.run_it("dtype", self.path)
        self.assertEqual(np.dtype(eval(out)), np.dtype(dtype))

    def test_info(self):
        numbers(2, close=3).write(self.path)
        self.assertEqual(self.run_it("info", self.path), (
            0, "state: closed (rolled)\nrecords: 2\ndtype: [('value', '<u8')]\n", ""))
        numbers(2).write(self.path)
        self.assertEqual(self.run_it("info", "--verify", self.path)[1].split("\n")[0],
                         "state: abandoned")
        Image("enum Side 1 1\n Buy 1 0\n").write(self.path)
        self.assertEqual(self.run_it("dtype", self.path)[1], "[('tag', '|u1')]\n")

    def test_errors(self):
        status, out, err = self.run_it("dump", self.path)
        self.assertEqual((status, out), (1, ""))
        self.assertRegex(err, "^kekbit: there is no channel .*\n$")
        image = numbers(3)
        image.bytes[image.slot(1) + 8] ^= 1
        image.write(self.path)
        status, out, err = self.run_it("dump", self.path)
        self.assertEqual((status, out), (1, '{"value":0}\n'))
        self.assertRegex(err, "^kekbit: .* ends after 1 records: record 1 at byte 8208 is damaged")

    def test_as_a_program(self):
        numbers(3).write(self.path)
        run = subprocess.run([sys.executable, HERE / "kekbit.py", "dump", self.path],
                             capture_output=True, text=True, check=True)
        self.assertEqual(run.stdout, '{"value":0}\n{"value":1}\n{"value":2}\n')


class Readme(Case):
    def test_the_example_runs_and_prints_what_it_says(self):
        text = (HERE / "README.md").read_text()
        code, = re.findall("```python\n(.*?)```", text, re.S)
        expected = [line.split("# ", 1)[1] for line in code.splitlines() if "print(" in line]
        code = code.replace("orders.kekbit", str(GOLDEN / "orders-full.kekbit"))
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(code, {})
        self.assertEqual(out.getvalue().splitlines(), expected)


if __name__ == "__main__":
    unittest.main()
