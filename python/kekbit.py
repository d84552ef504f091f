"""Reads Kekbit channel files into numpy, in place, after ``docs/FORMAT.md``. It never writes.

One file; it needs Python 3.9 and numpy.

    import kekbit
    orders = kekbit.open("orders.kekbit")     # a numpy array, no copy
    orders["legs"]["quantity"].sum()
    orders.channel.state()                    # "open", "closed", "abandoned" or "damaged"

Arrays of records and of time stamps are read-only views of the mapped file; those of the variants
of an enum are copies, as their rows are not evenly spaced. An array covers what was committed when
it was made; ask again to see what a living writer has added.

In the very file that its writer made, in the same boot, the end of the records is searched for. In
any other, a copy or one from before a reboot, or with ``verify=True``, every record is looked at
and its checksum verified: whatever is no record ends the array, with a :class:`DamageWarning`.

The word that publishes a record is loaded before the record. x86-64 keeps that order. Elsewhere,
as numpy has no acquire load, it rests on a system call between the two, which no manual promises.
Cutting a mapped file short kills whoever reads it (SIGBUS).

Command line: ``kekbit.py dump PATH`` prints a line of JSON for each record, ``info PATH`` how the
file ends, ``dtype PATH`` an EXPR for which ``numpy.dtype(EXPR)`` is the type of the records.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import fcntl
import functools
import ipaddress
import json
import math
import mmap
import os
import re
import stat
import struct
import sys
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

import numpy as np

__all__ = ["Channel", "DamageWarning", "Error", "Field", "InvalidValue", "Node", "RecordArray",
           "State", "UnverifiedWarning", "Variant", "Variants", "open", "parse_schema"]

# The numbers of docs/FORMAT.md.
_MAGIC, _VERSION, _PAGE = b"KEKBIT\r\n", 1, 4096
_FLAG_CHECKSUMS, _FLAG_TIME_STAMPS = 1, 2
_HEADER = struct.Struct("<8sIIQ16sQ16sQ16sQQQQIIQQIQI")
_SCHEMA_LEN_MAX, _PAYLOAD_LEN_MAX, _NAME_LEN_MAX = 1 << 20, (1 << 28) - 64, 255
_VALUES_MAX, _DEPTH_MAX = 1 << 28, 32
_KIND_RECORD, _KIND_PADDING, _KIND_CLOSE = 1, 2, 3
_REASONS = {1: "closed", 2: "full", 3: "rolled", 4: "recovered", 5: "sync failed",
            6: "the writer panicked"}
_ONES = 0xFFFFFFFF
_Path = Union[str, bytes, "os.PathLike[Any]"]


class Error(Exception):
    """What is no channel, no schema, or cannot be read; says what was found, and what to do."""


class InvalidValue(Error):
    """A record whose bytes are no value of its type, such as a ``bool`` of 2: its ``sequence``
    number, the ``path`` of the field (``legs[2].side``; empty if the record itself), and the
    ``offset`` of that within the record."""

    sequence, path, offset, channel = 0, "", 0, ""

    def __str__(self) -> str:
        name = f"field `{_shown(self.path)}` " if self.path else ""
        return (f"record {self.sequence} of {self.channel} is no value of its type: {name}at byte "
                f"{self.offset}: {self.args[0]}")


class DamageWarning(UserWarning):
    """The array ends before a frame that is damaged."""


class UnverifiedWarning(UserWarning):
    """Nothing vouches for some of the records; see :attr:`Channel.unverified_from`."""


def _check(holds: bool, problem: str) -> None:
    if not holds:
        raise Error(problem)


def _shown(text: str) -> str:
    """A text of somebody else for a message: escaped, and not endlessly long."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return shown if len(shown) <= 120 else shown[:117] + "..."


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


# --- Scalar types -------------------------------------------------------------------------------

def _unsigned(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


def _signed(raw: bytes) -> int:
    return int.from_bytes(raw, "little", signed=True)


def _float(raw: bytes) -> Optional[float]:
    value, = struct.unpack("<f" if len(raw) == 4 else "<d", raw)
    return value if math.isfinite(value) else None


def _bool(raw: bytes) -> bool:
    if raw[0] > 1:
        raise InvalidValue(f"found {raw[0]}, expected 0 or 1")
    return raw[0] == 1


def _char(raw: bytes) -> str:
    code = _unsigned(raw)
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise InvalidValue(f"found {code:#x}, expected a Unicode scalar value")
    return chr(code)


def _str(raw: bytes) -> str:
    text, _, behind = raw.partition(b"\0")
    stray = behind.lstrip(b"\0")
    if stray:
        raise InvalidValue(f"found byte {stray[0]:#04x} at {len(raw) - len(stray)} behind the end "
                           f"of the text at {len(text)}, expected zeroes behind the text")
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise InvalidValue(f"found byte {text[error.start]:#04x} at {error.start} of the text, "
                           "expected UTF-8") from None


def _duration(raw: bytes) -> Dict[str, int]:
    secs, nanos = struct.unpack("<QI", raw)
    if nanos >= 1_000_000_000:
        raise InvalidValue(f"found {nanos} nanoseconds, expected less than a second of them")
    return {"secs": secs, "nanos": nanos}


def _ipv6(raw: bytes) -> str:
    address = ipaddress.IPv6Address(raw)
    # RFC 5952; the standard library does this part of it from Python 3.13 on.
    return str(address) if address.ipv4_mapped is None else f"::ffff:{address.ipv4_mapped}"


#: For each type its size, its numpy type (both without one if the schema gives the size), and what
#: makes a value, as JSON has it, of its bytes.
_Scalar = Tuple[Optional[int], Any, Callable[[bytes], Any]]
_INTEGERS: Dict[str, _Scalar] = {
    "u8": (1, "<u1", _unsigned), "i8": (1, "<i1", _signed),
    "u16": (2, "<u2", _unsigned), "i16": (2, "<i2", _signed),
    "u32": (4, "<u4", _unsigned), "i32": (4, "<i4", _signed),
    "u64": (8, "<u8", _unsigned), "i64": (8, "<i8", _signed),
    "u128": (16, [("low", "<u8"), ("high", "<u8")], _unsigned),
    "i128": (16, [("low", "<u8"), ("high", "<i8")], _signed),
}
_SCALARS: Dict[str, _Scalar] = {
    **_INTEGERS,
    "f32": (4, "<f4", _float),
    "f64": (8, "<f8", _float),
    "bool": (1, "?", _bool),
    "char": (4, "<u4", _char),
    "unit": (0, None, lambda raw: None),
    "timestamp": (8, "<M8[ns]", _unsigned),
    "duration": (12, [("secs", "<u8"), ("nanos", "<u4")], _duration),
    "ipv4": (4, ("u1", (4,)), lambda raw: str(ipaddress.IPv4Address(raw))),
    "ipv6": (16, ("u1", (16,)), _ipv6),
    "str": (None, "S", _str),
    "bytes": (None, "V", bytes.hex),
    "opaque": (None, "V", bytes.hex),
}
#: The words behind a type in the schema text.
_FORMS = {**dict.fromkeys(_SCALARS, ()), "opaque": ("NAME",), "nonzero": ("INTEGER",),
          "struct": ("NAME",), "enum": ("NAME", "TAG_SIZE"), "array": ("COUNT",), "option": ()}


# --- Schema -------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Field:
    """A field of a struct or a variant; ``offset`` counts from the start of what encloses it, and
    ``notes`` are its annotations by their first word: ``{"unit": "1e-9 USD"}``."""

    name: str
    offset: int
    type: "Node"
    notes: Dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Variant:
    """A variant of an enum; ``size`` is that of its fields, which start right behind the tag."""

    name: str
    tag: int
    size: int
    fields: Tuple[Field, ...] = ()
    notes: Dict[str, str] = field(default_factory=dict)
    kind = "struct"  # What lies behind the tag.


@dataclass(frozen=True)
class Node:
    """A type: ``kind`` is its word in the schema text, ``size`` its bytes, ``name`` that of a
    struct, enum or opaque, or the integer of a ``nonzero``, ``element`` what an array or an option
    holds, ``notes`` the annotations of the first line of the text."""

    kind: str
    size: int
    name: str = ""
    fields: Tuple[Field, ...] = ()
    variants: Tuple[Variant, ...] = ()
    tag_size: int = 0
    element: Optional["Node"] = None
    count: int = 0
    notes: Dict[str, str] = field(default_factory=dict)

    @functools.cached_property
    def _by_tag(self) -> Dict[int, Variant]:
        return {variant.tag: variant for variant in self.variants}

    def variant(self, tag: int) -> Variant:
        """That of an enum which has the tag."""
        if tag not in self._by_tag:
            known = ", ".join(f"{v.tag} ({_shown(v.name)})" for v in self.variants[:8])
            more = ", ..." if len(self.variants) > 8 else ""
            raise InvalidValue(f"found tag {tag}, expected one of {known}{more}")
        return self._by_tag[tag]


class _Line(NamedTuple):
    """A line that is no annotation."""

    number: int
    level: int
    words: List[str]
    notes: Dict[str, str]


def _expect(holds: bool, line: _Line, expected: str) -> None:
    if not holds:
        raise Error(f"line {line.number} of the schema, `{_shown(' '.join(line.words))}`: expected "
                    f"{expected}; if a later release wrote it, use its reader")


def _number(line: _Line, word: str, what: str) -> int:
    _expect(re.fullmatch("0|[1-9][0-9]{0,17}", word) is not None, line,
            f"{what}, a decimal number without leading zeroes, instead of `{_shown(word)}`")
    return int(word)


def _name(line: _Line, word: str) -> str:
    # Of white space beyond ASCII the writer's library takes no notice in names of opaques.
    legal = re.fullmatch("[^\0-\x20\x7f\ud800-\udfff#-][^\0-\x20\x7f\ud800-\udfff]*", word)
    _expect(legal is not None and len(word.encode()) <= _NAME_LEN_MAX, line,
            f"a name instead of `{_shown(word)}`: 1 to {_NAME_LEN_MAX} bytes without white space, "
            "not starting with `#` or `-`")
    return word


def _split(text: str) -> List[_Line]:
    """The lines of a schema, with their annotations."""
    length = len(text.encode(errors="replace"))
    _check(length <= _SCHEMA_LEN_MAX,
           f"a schema text of {length} bytes; the format allows {_SCHEMA_LEN_MAX}")
    *whole, rest = text.split("\n")  # `splitlines` knows more ends of a line than the format.
    _check(bool(whole) and not rest, f"line {len(whole) + 1} of the schema does not end with a "
                                     "line feed; is the text whole?")
    lines: List[_Line] = []
    for number, line in enumerate(whole, 1):
        content = line.lstrip(" ")
        level = len(line) - len(content)
        if not content.startswith("#"):
            lines.append(_Line(number, level, content.split(" "), {}))
            continue
        _check(bool(lines) and level == lines[-1].level + 1, f"line {number} of the schema: an "
               "annotation stands below the line it is about, indented by one space more")
        key, _, value = content[1:].strip(" ").partition(" ")
        lines[-1].notes.setdefault(key, value)
    return lines


class _Parser:
    """Recursive descent. Types come with the number of values in them, for the limit of that."""

    def __init__(self, lines: List[_Line]) -> None:
        self.lines, self.at = lines, 0

    def below(self, level: int) -> Optional[_Line]:
        """Takes the next line, if it is one of that level."""
        if self.at == len(self.lines) or self.lines[self.at].level < level:
            return None
        line = self.lines[self.at]
        _expect(line.level == level, line, f"an indent of at most {level} spaces here")
        self.at += 1
        return line

    def fields(self, level: int, depth: int) -> Tuple[Tuple[Field, ...], int, int]:
        """Fields, with the bytes and the number of values that they come to."""
        fields: Dict[str, Field] = {}
        size = values = 0
        for line in iter(lambda: self.below(level), None):
            name = _name(line, line.words[0])
            _expect(name not in fields, line, "a name that no field above has")
            node, count = self.node(line, line.words[1:], size, depth)
            fields[name] = Field(name, size, node, line.notes)
            size, values = size + node.size, values + count
        return tuple(fields.values()), size, values

    def variants(self, outer: _Line, tag_size: int, room: int,
                 depth: int) -> Tuple[Tuple[Variant, ...], int]:
        variants: Dict[str, Variant] = {}
        tags, most = set(), 0
        for line in iter(lambda: self.below(outer.level + 1), None):
            _expect(len(line.words) == 3, line, "`NAME TAG BODY_SIZE`")
            name, tag = _name(line, line.words[0]), _number(line, line.words[1], "a tag")
            size = _number(line, line.words[2], "a size")
            _expect(name not in variants and tag not in tags, line,
                    "a name and a tag that no variant above has")
            _expect(tag < 256 ** tag_size, line, f"a tag of {tag_size} bytes")
            _expect(size <= room, line, f"at most the {room} bytes of room behind the tag")
            fields, total, values = self.fields(line.level + 1, depth)
            _expect(size == total, line, f"size {total}, which its fields come to")
            variants[name] = Variant(name, tag, size, fields, line.notes)
            tags.add(tag)
            most = max(most, values)
        _expect(bool(variants), outer, "a variant below it")
        return tuple(variants.values()), most

    def element(self, outer: _Line, offset: int, depth: int) -> Tuple[Node, int]:
        line = self.below(outer.level + 1)
        _expect(line is not None and line.words[0] == "-", line or outer,
                f"a line `- {offset} SIZE TYPE` below an array or an option")
        return self.node(line, line.words[1:], offset, depth)

    def node(self, line: _Line, words: List[str], offset: int, depth: int) -> Tuple[Node, int]:
        """What `OFFSET SIZE TYPE` says, with the lines below it."""
        kind = words[2] if len(words) > 2 else ""
        _expect(kind in _FORMS, line, f"a type that this reader knows, not `{_shown(kind)}`")
        form = " ".join(("OFFSET SIZE", kind, *_FORMS[kind]))
        _expect(len(words) == 3 + len(_FORMS[kind]), line, f"`{form}`, with single spaces")
        _expect(_number(line, words[0], "an offset") == offset, line,
                f"offset {offset}, where the one before it ends")
        size, total, values = _number(line, words[1], "a size"), 0, 1
        if kind not in _SCALARS and kind != "nonzero":
            _expect(depth < _DEPTH_MAX, line,
                    f"no more than {_DEPTH_MAX} levels of records, arrays and options")
            depth += 1
        if kind == "struct":
            fields, total, values = self.fields(line.level + 1, depth)
            node = Node(kind, size, _name(line, words[3]), fields)
        elif kind == "enum":
            tag_size = _number(line, words[4], "the size of the tag")
            _expect(tag_size in (1, 2) and tag_size <= size, line,
                    "a tag of 1 or 2 bytes and a size with room for it")
            variants, values = self.variants(line, tag_size, size - tag_size, depth)
            node, total = Node(kind, size, _name(line, words[3]), (), variants, tag_size), size
        elif kind == "array":
            count = _number(line, words[3], "the number of elements")
            element, values = self.element(line, 0, depth)
            node, total, values = (Node(kind, size, element=element, count=count),
                                   count * element.size, count * values)
        elif kind == "option":
            element, values = self.element(line, 1, depth)
            node, total = Node(kind, size, element=element), 1 + element.size
        elif kind == "nonzero":
            _expect(words[3] in _INTEGERS, line, "an integer type behind `nonzero`")
            node, total = Node(kind, size, words[3]), _INTEGERS[words[3]][0]
        else:
            node = Node(kind, size, _name(line, words[3]) if kind == "opaque" else "")
            total = size if _SCALARS[kind][0] is None else _SCALARS[kind][0]
        _expect(size == total, line, f"size {total}, which its parts come to")
        _expect(values <= _VALUES_MAX, line, f"at most {_VALUES_MAX} values in a record")
        return node, max(values, 1)


def parse_schema(text: str) -> Node:
    """The record that a schema text describes. Annotations are kept and not judged.

    Raises :class:`Error` with the number of the line for all that it does not understand.
    """
    lines = _split(text)
    kind, *words = lines[0].words if lines else [""]
    _expect(kind in ("struct", "enum") and len(words) == 1 + len(_FORMS[kind])
            and lines[0].level == 0, lines[0] if lines else _Line(1, 0, [], {}),
            "`struct NAME SIZE` or `enum NAME TAG_SIZE SIZE`")
    parser = _Parser(lines[1:])
    # As if it were a field, with which it has the rest in common.
    root, _ = parser.node(lines[0], ["0", words[-1], kind, *words[:-1]], 0, 0)
    if parser.at < len(parser.lines):
        _expect(False, parser.lines[parser.at], "one record, with all lines below it indented")
    _expect(root.size <= _PAYLOAD_LEN_MAX, lines[0], f"at most {_PAYLOAD_LEN_MAX} bytes")
    return replace(root, notes=lines[0].notes)


def _fingerprint(text: str) -> int:
    """FNV-1a over the lines that are no annotations."""
    value = 0xCBF29CE484222325
    for line in text.split("\n")[:-1]:
        if not line.lstrip(" ").startswith("#"):
            for byte in (line + "\n").encode():
                value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


# --- Records as numpy types and as values -------------------------------------------------------

def _packed(*parts: Tuple[str, Optional[np.dtype]]) -> np.dtype:
    return np.dtype([part for part in parts if part[1] is not None])


def _has_fields(node: Node) -> bool:
    """Whether it is an enum of which some variant holds something."""
    return any(variant.fields for variant in node.variants)


def _dtype(node: Union[Node, Variant]) -> Optional[np.dtype]:
    """The numpy type, as docs/FORMAT.md has it; ``None`` for what takes no bytes."""
    if node.size == 0:
        return None
    if node.kind == "struct":
        return _packed(*((part.name, _dtype(part.type)) for part in node.fields))
    if node.kind == "enum":
        tag, room = np.dtype(f"<u{node.tag_size}"), node.size - node.tag_size
        if room == 0 and not _has_fields(node):
            return tag
        return _packed(("tag", tag), ("body", np.dtype(f"V{room}") if room else None))
    if node.kind == "option":
        return _packed(("present", np.dtype("?")), ("value", _dtype(node.element)))
    if node.kind == "array":
        element = _dtype(node.element)
        # One level: numpy would keep an array of arrays as two types.
        return np.dtype((element.base, (node.count, *element.shape)))
    size, code, _ = _SCALARS[node.name if node.kind == "nonzero" else node.kind]
    return np.dtype(f"{code}{node.size}" if size is None else code)


def _value(node: Union[Node, Variant], data: Any, at: int) -> Any:
    """The value that lies somewhere in bytes or a mapping, as JSON has it."""
    kind = node.kind
    if kind in _SCALARS:
        return _SCALARS[kind][2](data[at:at + node.size])
    if kind == "nonzero":
        number = _INTEGERS[node.name][2](data[at:at + node.size])
        if number == 0:
            raise InvalidValue("found 0, expected any other number")
        return number
    if kind == "option":
        if data[at] > 1:
            raise InvalidValue(f"found presence {data[at]}, expected 0 (absent) or 1 (present)")
        return _part("", 1, node.element, data, at) if data[at] else None
    if kind == "array":
        element = node.element
        return [_part(f"[{index}]", index * element.size, element, data, at)
                for index in range(node.count)]
    if kind == "enum":
        variant = node.variant(_unsigned(data[at:at + node.tag_size]))
        if not variant.fields:
            return variant.name
        return {variant.name: _part(variant.name, node.tag_size, variant, data, at)}
    values = {part.name: _part(part.name, part.offset, part.type, data, at) for part in node.fields}
    if any(name != str(index) for index, name in enumerate(values)):
        return values
    return list(values.values()) if len(values) > 1 else values.get("0")


def _part(name: str, offset: int, node: Union[Node, Variant], data: Any, at: int) -> Any:
    try:
        return _value(node, data, at + offset)
    except InvalidValue as invalid:
        dot = "." if invalid.path and name and not invalid.path.startswith("[") else ""
        invalid.path, invalid.offset = f"{name}{dot}{invalid.path}", invalid.offset + offset
        raise


# --- CRC-32C ------------------------------------------------------------------------------------

_TABLE = np.arange(256, dtype=np.uint32)
for _ in range(8):
    _TABLE = np.where(_TABLE & 1, _TABLE >> 1 ^ np.uint32(0x82F63B78), _TABLE >> 1)
_TABLE_LIST = _TABLE.tolist()


def _crc32c(data: bytes) -> int:
    register = _ONES
    for byte in data:
        register = _TABLE_LIST[(register ^ byte) & 0xFF] ^ register >> 8
    return register ^ _ONES


def _columns(registers: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The registers behind many rows of bytes at once, a column at a time."""
    for column in range(rows.shape[1]):
        registers = _TABLE[(registers ^ rows[:, column]) & 0xFF] ^ registers >> 8
    return registers


# --- Channel ------------------------------------------------------------------------------------

class State(str):
    """``open`` (its writer lives), ``closed``, ``abandoned`` (its writer is gone and has not closed
    it) or ``damaged``. Compares as that text. ``reason`` is, if closed, ``closed``, ``full``,
    ``rolled``, ``recovered``, ``sync failed``, ``the writer panicked``, or a number that has no
    name here; if damaged, what was found where; else ``None``."""

    reason: Union[str, int, None]

    def __new__(cls, name: str, reason: Union[str, int, None] = None) -> "State":
        state = super().__new__(cls, name)
        state.reason = reason
        return state


class RecordArray(np.ndarray):
    """The records of a channel in place; read-only. ``channel`` is where they come from. Fields of
    it are plain numpy arrays."""

    channel: Optional["Channel"] = None

    def __array_finalize__(self, source: Any) -> None:
        self.channel = getattr(source, "channel", None)

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        is_field = isinstance(part, RecordArray) and part.dtype != self.dtype
        return part.view(np.ndarray) if is_field else part


class Variants(Dict[str, np.ndarray]):
    """For each variant of an enum an array of its fields: copies. ``rows`` holds the sequence
    numbers of each variant's records, in the same order; ``channel`` is where they come from."""

    channel: "Channel"
    rows: Dict[str, np.ndarray]


def _boot_id() -> bytes:
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text()
        return bytes.fromhex(text.strip().replace("-", ""))
    except (OSError, ValueError):
        return b""


def _born(fd: int) -> Optional[int]:
    """When the file was made, in nanoseconds since the epoch, if the system tells; by `statx`,
    which the standard library does not have."""
    answer = ctypes.create_string_buffer(256)
    empty_path, birth_time = 0x1000, 0x800
    try:
        failed = ctypes.CDLL(None).statx(fd, b"", empty_path, birth_time, answer)
    except (AttributeError, OSError):
        return None
    mask, seconds, nanos = struct.unpack_from("=I76xqI", answer)
    return seconds * 1_000_000_000 + nanos if not failed and mask & birth_time else None


class Channel:
    """A channel file, opened for reading.

    Attributes: ``path``; of the header ``schema_text``, ``schema`` (parsed), ``fingerprint``,
    ``capacity`` (bytes), ``record_capacity``, ``stride``, ``alignment``, ``checksums``,
    ``time_stamps``, ``channel_id``, ``predecessor_id`` and ``writer_id`` (numbers), ``created`` and
    ``writer_timeout`` (nanoseconds; 0 is none); ``base``, the sequence number of the first record;
    ``dtype`` of the records; ``original``, whether this is the very file that its writer made, in
    the same boot; and ``unverified_from``, the first sequence number for whose payloads nothing
    vouches, or ``None``: without checksums all of a copy, and after a reboot what no sync covered.

    Use it as a context manager, or call :meth:`close`. Arrays stay valid after that.
    """

    _fd = -1
    _map: Any = None

    def __init__(self, path: _Path, *, verify: bool = False) -> None:
        self.path, self._verify = os.fsdecode(path), verify
        shown = self._shown = f"`{_shown(self.path)}`"
        _check(sys.byteorder == "little", f"cannot read {shown}: this machine is big-endian and "
               "the reader is only tested on little-endian ones; read it there")
        _check(sys.maxsize >= 1 << 32,
               f"cannot read {shown}: this Python is a 32-bit one; use one of 64 bits")
        _check("\0" not in self.path, f"{shown} is no name of a file: it has a zero byte; check it")
        try:
            # Not to wait for the other end of a pipe.
            self._fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            status = os.fstat(self._fd)
            kind = "directory" if stat.S_ISDIR(status.st_mode) else "pipe, socket or device"
            _check(stat.S_ISREG(status.st_mode),
                   f"{shown} is a {kind}, not a file; a channel is one file")
            self._read_header(status)
        except FileNotFoundError as error:
            raise Error(f"there is no channel {shown}; has its writer created it yet?") from error
        except (OSError, ValueError, OverflowError) as error:
            _check(getattr(error, "errno", 0) != errno.ENXIO,
                   f"{shown} is a pipe, socket or device, not a file; a channel is one file")
            problem = getattr(error, "strerror", error)
            raise Error(f"cannot read {shown}: {problem}; check it and its permissions") from error
        #: Records that a look before has found, and verified where that is done.
        self._known = 0

    def _read_header(self, status: os.stat_result) -> None:
        shown, size = self._shown, status.st_size

        def whole(expected: int) -> None:
            _check(size >= expected, f"{shown} is cut short: it has {size} bytes and should have "
                                     f"{expected}; copy it again, whole")

        def sound(holds: bool, problem: str, again: str = "copy the file again, whole") -> None:
            _check(holds, f"the header of {shown} is damaged: {problem}; {again}")

        fixed = os.pread(self._fd, _HEADER.size, 0)
        begin = _shown(fixed[:8].decode("latin-1"))
        _check(bool(fixed), f"{shown} is empty; a channel is never empty, so this is some other "
                            "file or a broken copy")
        _check(fixed.startswith(_MAGIC[:6]), f"{shown} is not a kekbit channel: it begins with "
               f"\"{begin}\", a channel with \"KEKBIT\\r\\n\"; check the name")
        _check(fixed.startswith(_MAGIC), f"{shown} was a channel once: its line ends have been "
               "changed by a transfer in text mode; copy it again as binary")
        whole(_HEADER.size)
        (_, version, flags, data, self._id, self.writer_id, predecessor_id, self.created, boot,
         device, inode, self.writer_timeout, self.capacity, largest, self.alignment, self.stride,
         self.fingerprint, schema_len, reserved, checksum) = _HEADER.unpack(fixed)
        _check(version <= _VERSION, f"{shown} has format version {version}; this reader reads up "
                                    f"to {_VERSION}: use a newer one")
        sound(version == _VERSION, f"there is no format version {version}")
        sound(schema_len <= _SCHEMA_LEN_MAX,
              f"a schema text of {schema_len} bytes, where {_SCHEMA_LEN_MAX} are allowed")
        whole(_up(_HEADER.size + schema_len, _PAGE) + _PAGE)
        schema = os.pread(self._fd, schema_len, _HEADER.size)
        expected, known = _crc32c(fixed[:-4] + schema), _FLAG_CHECKSUMS | _FLAG_TIME_STAMPS
        sound(checksum == expected, f"its checksum is {checksum:#010x} and should be "
                                    f"{expected:#010x}")
        _check(not flags & ~known, f"{shown} has flags {flags:#x}, of which this reader knows "
                                   f"{known:#x} only: use a newer one")
        sound(self.alignment in (8, 64),
              f"an alignment of {self.alignment} bytes, expected 8 or 64")
        self.checksums = bool(flags & _FLAG_CHECKSUMS)
        self.time_stamps = bool(flags & _FLAG_TIME_STAMPS)
        head = 16 if self.time_stamps else 8
        frame = _up(head + largest, self.alignment)
        file_size = _up(data + _up(self.capacity, self.alignment) + 8, _PAGE)
        sound(reserved == 0, "reserved bytes are not zero")
        first = _up(_HEADER.size + schema_len, _PAGE) + _PAGE
        sound(data == first, f"data starts at {data} and should at {first}")
        sound(file_size < 1 << 63, "more capacity than a file can have")
        sound(largest <= _PAYLOAD_LEN_MAX, "payloads longer than a frame holds")
        sound(frame <= self.capacity, "not even one record fits the capacity")
        sound(any(self._id), "the channel id is zero")
        if not schema_len:
            sound(self.stride == 0 == self.fingerprint,
                  "a stride or a fingerprint without a schema")
            raise Error(f"{shown} holds raw bytes and has no schema; read it with the `Reader` of "
                        "the Rust library")
        sound(self.stride == frame,
              f"a stride of {self.stride} bytes, where records of {largest} have {frame}")
        whole(file_size)
        self._data, self._payload, self._largest = data, data + head, largest
        self.channel_id, self.predecessor_id = _unsigned(self._id), _unsigned(predecessor_id)
        self.record_capacity = self.capacity // self.stride
        self._read_schema(schema, sound)
        stored, check = (self._read(data - _PAGE + at) for at in (0, 8))
        _check(stored > 0, f"{shown} has been prepared but is not in use yet; try again when its "
                           "writer has begun")
        self.base, expected = stored - 1, _crc32c(self._id + struct.pack("<Q", stored))
        sound(check == expected, f"the first sequence number {self.base} fails its check "
                                 f"({check:#x} instead of {expected:#x})")
        sound(self.base + self.capacity < 1 << 64, f"the first sequence number {self.base} leaves "
              "no room for the records", "write the file again")
        self._map = mmap.mmap(self._fd, file_size, mmap.MAP_SHARED, mmap.PROT_READ)
        born = _born(self._fd)
        same_file = ((device, inode) == (status.st_dev, status.st_ino)
                     and (born is None or born <= self.created))
        # Pages that the disk did not take may have been dropped since a flush that failed.
        doubtful = self._read(data - _PAGE + 128) > 1
        self.original = same_file and any(boot) and boot == _boot_id() and not doubtful
        self.unverified_from: Optional[int] = None
        if not self.original and not self.checksums:
            self.unverified_from = self.durable if same_file else self.base

    def _read_schema(self, schema: bytes, sound: Callable[..., None]) -> None:
        try:
            self.schema_text = schema.decode()
        except UnicodeDecodeError as error:
            sound(False, f"the schema text is not UTF-8 at byte {error.start}")
        try:
            self.schema = parse_schema(self.schema_text)
            dtype = _dtype(self.schema)
        except Error as error:
            raise Error(f"cannot read {self._shown}: {error}") from None
        except (ValueError, TypeError, OverflowError, MemoryError) as error:
            raise Error(f"cannot read {self._shown}: numpy has no type for its records ({error}); "
                        "read it with the Rust library") from error
        # A record always has fields: a lone tag is one of them.
        if dtype is not None and dtype.names is None:
            dtype = _packed(("tag", dtype))
        self.dtype = np.dtype([]) if dtype is None else dtype
        expected = _fingerprint(self.schema_text)
        sound(self.fingerprint == expected, f"its fingerprint is {self.fingerprint:#018x}, its "
              f"schema's {expected:#018x}", "write the file again")
        sound(self._largest == self.schema.size, f"records of {self._largest} bytes with a stride "
              f"of {self.stride}, where the schema says {self.schema.size}", "write the file again")

    def close(self) -> None:
        """Gives the file back. The mapping stays until the last array that views it is gone."""
        fd, self._fd, self._map = self._fd, -1, None
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> "Channel":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<kekbit.Channel {self.path!r}>"

    def __len__(self) -> int:
        """How many records are committed now."""
        return self._look()[0]

    @property
    def durable(self) -> int:
        """Every record with a lower sequence number has been covered by a sync."""
        return self._read(self._data - _PAGE + 64)

    # Looking

    def _view(self, dtype: Any, offset: int, count: int, kind: Any = np.ndarray) -> Any:
        """Values of one type, a stride apart from each other, in place."""
        return kind((count,), dtype=dtype, buffer=self._map, offset=offset, strides=(self.stride,))

    def _read(self, offset: int) -> int:
        """A word of the file. Not of the memory: a file that somebody cuts short gives an error,
        and looking at a hole takes no memory."""
        _check(self._fd >= 0, f"the channel {self._shown} has been closed; open it again")
        word = os.pread(self._fd, 8, offset)
        _check(len(word) == 8, f"{self._shown} has been cut short while it was read: byte {offset} "
                               "is gone; copy it again, whole")
        return _unsigned(word)

    def _word(self, index: int) -> int:
        return self._read(self._data + index * self.stride)

    def _look(self) -> Tuple[int, Optional[State]]:
        """How many records there are now, and how they end, if the file says."""
        durable = self.durable
        end = self._scan() if self._verify or not self.original else self._search(durable)
        self._known = max(self._known, end[0])
        return end

    def _search(self, durable: int) -> Tuple[int, Optional[State]]:
        """Of a file in which committed frames are a prefix."""
        # Recovery puts its mark at `durable`, and records that it gave up may lie behind it.
        sealed = durable - self.base
        if 0 <= sealed <= self.record_capacity:
            word = self._word(sealed)
            if word >> 60 == _KIND_CLOSE:
                return self._judge(sealed, word)
        low, high, ending = self._known, self.record_capacity, None
        while low < high:
            middle = (low + high) // 2
            word = self._word(middle)
            if word == 0 or word >> 60 == _KIND_CLOSE:
                high, ending = middle, word
            else:
                low = middle + 1
        # If it is full, only the close mark can lie there.
        return self._judge(low, self._word(low) if ending is None else ending)

    def _scan(self) -> Tuple[int, Optional[State]]:
        """Of any file: looks at every word, and at every payload if there are checksums."""
        at, chunk = self._known, max(1, min(1 << 11, (1 << 22) // self.stride))
        while at < self.record_capacity:
            count = min(chunk, self.record_capacity - at)
            words = self._view("<u8", self._data + at * self.stride, count).copy()
            sums = words & np.uint64(_ONES)
            fine = words >> np.uint64(32) == np.uint64(_KIND_RECORD << 28 | self._largest)
            if not self.checksums:
                fine &= sums == 0
            count = len(words) if fine.all() else int(fine.argmin())
            if count and self.checksums:
                # The system call between the loads of the words and those of the payloads.
                os.fstat(self._fd)
                expected = self._checksums(at, count)
                torn = np.flatnonzero(expected != sums[:count])
                if len(torn):
                    index = int(torn[0])
                    return self._judge(at + index, int(words[index]), int(expected[index]))
            if count < len(words):
                return self._judge(at + count, int(words[count]))
            # What has been found fine is not looked at again.
            at = self._known = at + count
        return self._judge(at, self._word(at))

    def _checksums(self, first: int, count: int) -> np.ndarray:
        """What the checksums of so many records should be."""
        heads = np.empty((count, 2), dtype="<u8")
        heads[:, 0] = np.arange(count, dtype="<u8") + np.uint64(self.base + first)
        heads[:, 1] = (_KIND_RECORD << 28 | self._largest) << 32
        start = self._data + 8 + first * self.stride
        bodies = np.ndarray((count, self._payload - self._data - 8 + self._largest), np.uint8,
                            self._map, start, (self.stride, 1))
        if count < 64:  # Of few records columns are too short to be worth it.
            return np.array([_crc32c(self._id + head.tobytes() + body.tobytes())
                             for head, body in zip(heads, bodies)], dtype=np.uint32)
        begin = np.full(count, _crc32c(self._id) ^ _ONES, dtype=np.uint32)
        return ~_columns(_columns(begin, heads.view(np.uint8)), bodies)

    def _judge(self, index: int, word: int, expected: int = 0) -> Tuple[int, Optional[State]]:
        """What a word is that ends the records; `expected` is the checksum of a record."""
        kind, length, checksum = word >> 60, word >> 32 & 0xFFFFFFF, word & _ONES
        if word == 0:
            return index, None
        if kind == _KIND_CLOSE:
            sealed = self._id + struct.pack("<QQ", self.base + index, word ^ checksum)
            expected = _crc32c(sealed) if self.checksums else 0
            if checksum == expected:
                return index, State("closed", _REASONS.get(length, length))
            problem = f"the checksum of a close mark is {checksum:#010x} and should be " \
                      f"{expected:#010x}"
        elif kind == _KIND_PADDING:
            problem = f"a padding of {length} bytes, which cannot be here"
        elif kind != _KIND_RECORD:
            problem = f"the word {word:#018x} is of no known kind"
        elif length != self._largest:
            problem = f"a payload of {length} bytes, where the channel has {self._largest}"
        elif index == self.record_capacity:
            left = self.capacity - index * self.stride
            problem = f"a frame of {self.stride} bytes, where {left} are left"
        else:
            problem = f"the checksum is {checksum:#010x} and should be {expected:#010x}"
        offset = self._data + index * self.stride
        return index, State("damaged", f"record {self.base + index} at byte {offset} is damaged: "
                                       f"{problem}")

    def _committed(self) -> int:
        """The number of records for an array, with the warnings that it deserves."""
        count, end = self._look()
        if end == "damaged":
            warnings.warn(f"{self._shown} ends after {count} records: {end.reason}", DamageWarning,
                          stacklevel=3)
        if self.unverified_from is not None and self.unverified_from < self.base + count:
            warnings.warn(f"records from {self.unverified_from} on of {self._shown} are "
                          "unverified: the channel has no checksums, and this is a copy or from "
                          "before a reboot", UnverifiedWarning, stacklevel=3)
        return count

    # What is there

    def records(self) -> RecordArray:
        """The records that are committed now, in place. Ask again, and a growing file has grown."""
        array = self._view(self.dtype, self._payload, self._committed(), RecordArray)
        array.channel = self
        return array

    def timestamps(self) -> np.ndarray:
        """When the records that are committed now were claimed, in place, as ``M8[ns]``: right
        until the year 2262. Some may have come since you asked for records: cut to their length.
        """
        _check(self.time_stamps,
               f"{self._shown} has no time stamps; they are an option of its creation")
        return self._view("<M8[ns]", self._data + 8, self._committed())

    @property
    def sequence(self) -> np.ndarray:
        """The sequence numbers of the records that are committed now; made when asked for."""
        return np.arange(self._committed(), dtype=np.uint64) + np.uint64(self.base)

    def rows(self) -> Dict[str, np.ndarray]:
        """For each variant of an enum the sequence numbers of its records."""
        return self.variants().rows

    def variants(self) -> Variants:
        """For each variant of an enum an array of its fields: copies. A variant without fields has
        an array of that many empty records."""
        node, count = self.schema, self._committed()
        _check(node.kind == "enum", f"the records of {self._shown} are a struct, "
               f"`{_shown(node.name)}`, without variants; use `records()`")
        tags = self._view(f"<u{node.tag_size}", self._payload, count).copy()
        for index in np.flatnonzero(~np.isin(tags, [v.tag for v in node.variants]))[:1].tolist():
            self._value(index, self._map)  # It raises.
        result = Variants()
        result.channel, result.rows = self, {}
        for variant in node.variants:
            index = np.flatnonzero(tags == variant.tag)
            dtype = _dtype(variant) or np.dtype([])
            result[variant.name] = self._view(dtype, self._payload + node.tag_size, count)[index]
            result.rows[variant.name] = index.astype(np.uint64) + np.uint64(self.base)
        return result

    def values(self) -> Iterator[Any]:
        """The records that are committed now, one by one, as JSON would have them: numbers, text,
        ``None``, lists and dicts. A float that is not finite is ``None``.

        Raises :class:`InvalidValue` at bytes that are no value.
        """
        def values(count: int, data: Any) -> Iterator[Any]:
            for index in range(count):
                yield self._value(index, data)
        return values(self._committed(), self._map)

    def _value(self, index: int, data: Any) -> Any:
        try:
            return _value(self.schema, data, self._payload + index * self.stride)
        except InvalidValue as invalid:
            invalid.sequence, invalid.channel = self.base + index, self._shown
            raise

    # Its end

    def state(self) -> State:
        """How the channel ends, as of now; see :class:`State`."""
        while True:
            count, end = self._look()
            if end is not None:
                return end
            if self._is_written():
                return State("open")
            # Without this second look, what a writer wrote, and its close mark, between the first
            # look and the question would be missed.
            if self._word(count) == 0:
                break
        sequence, durable = self.base + count, self.durable
        if sequence < durable:
            return State("damaged", f"record {sequence} is not there, although a sync had covered "
                                    f"all below {durable}")
        # A claim that was open leaves nothing where words lie.
        beyond = self._behind(count)
        if beyond is not None:
            return State("damaged", f"record {sequence} is not there, but something lies behind "
                                    f"it, at byte {beyond}: a copy made while its writer ran, or "
                                    "what a power cut has left; `recover` tells what can be kept")
        return State("abandoned")

    def _behind(self, count: int) -> Optional[int]:
        """Where the first word lies that is not zero, of the frames behind number ``count``."""
        index = count + 1
        while index <= self.record_capacity:  # Behind the last record the close mark can lie.
            # What was never written is passed over. Not looked at in memory: that would make blocks
            # of it on some file systems.
            at = self._data + index * self.stride
            try:
                start = os.lseek(self._fd, at, os.SEEK_DATA)
                end = os.lseek(self._fd, start, os.SEEK_HOLE)
            except OSError:
                return None
            index = max(index, -(-(start - self._data) // self.stride))
            at = self._data + index * self.stride
            many = min(max(1, -(-(min(end, at + (1 << 24)) - at) // self.stride)),
                       self.record_capacity + 1 - index)
            if many <= 0:
                return None
            words = os.pread(self._fd, (many - 1) * self.stride + 8, at)
            words = np.ndarray((len(words) + self.stride - 8) // self.stride, "<u8", words, 0,
                               self.stride)
            found = np.flatnonzero(words)
            if len(found):
                return at + int(found[0]) * self.stride
            index += many
        return None

    @property
    def reason(self) -> Union[str, int, None]:
        """That of :meth:`state`."""
        return self.state().reason

    def _is_written(self) -> bool:
        """Whether a writer lives: whether somebody holds a write lock on byte 0. Takes nothing."""
        _check(hasattr(fcntl, "F_OFD_GETLK"), f"cannot tell whether {self._shown} has a writer: "
               "this system has no locks of open file descriptions; ask on Linux")
        # As for a read lock, with which only a write lock conflicts.
        layout = struct.Struct("@hhqqi4x")
        asked = layout.pack(fcntl.F_RDLCK, os.SEEK_SET, 0, 1, 0)
        try:
            answer = fcntl.fcntl(self._fd, fcntl.F_OFD_GETLK, asked)
        except OSError as error:
            raise Error(f"cannot tell whether {self._shown} has a writer: {error.strerror}; "
                        "network file systems are not supported") from error
        return layout.unpack(answer)[0] != fcntl.F_UNLCK


def open(path: _Path, *, verify: bool = False) -> Union[RecordArray, Variants]:
    """The committed records of a channel: an array in place, or, if they are an enum with fields,
    a dict of arrays, one for each variant, which are copies. Both have a ``channel``."""
    channel = Channel(path, verify=verify)
    return channel.variants() if _has_fields(channel.schema) else channel.records()


# --- Command line -------------------------------------------------------------------------------

def main(arguments: Optional[List[str]] = None) -> int:
    """The command line; see the module."""
    parser = argparse.ArgumentParser(prog="kekbit.py", description="Looks at a channel file.")
    parser.add_argument("command", choices=("dump", "info", "dtype"),
                        help="records as lines of JSON; what the file is; the numpy type")
    parser.add_argument("path", help="the file")
    parser.add_argument("--verify", action="store_true",
                        help="verify every record of an original file too")
    chosen = parser.parse_args(arguments)
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    warnings.simplefilter("always")
    warnings.showwarning = lambda message, *_, **__: print(f"kekbit: {message}", file=sys.stderr)
    try:
        with Channel(chosen.path, verify=chosen.verify) as channel:
            # A record without bytes has no fields, which `descr` has no word for.
            dtype = channel.dtype.descr if channel.dtype.names else []
            if chosen.command == "dtype":
                print(dtype)
            elif chosen.command == "info":
                state = channel.state()
                print(f"state: {state}" + ("" if state.reason is None else f" ({state.reason})"))
                print(f"records: {len(channel)}\ndtype: {dtype}")
            else:
                for value in channel.values():
                    print(json.dumps(value, ensure_ascii=False, allow_nan=False,
                                     separators=(",", ":")))
            sys.stdout.flush()
            # The warning has said where; a pipeline should not take the prefix for the whole.
            return 1 if chosen.command == "dump" and channel.state() == "damaged" else 0
    except Error as error:
        sys.stdout.flush()
        print(f"kekbit: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read has had enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
