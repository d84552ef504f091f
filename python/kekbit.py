"""Reads Kekbit channel files into numpy, in place.

A channel is one file to which one process appends records of one type; ``docs/FORMAT.md`` says
what every byte of it means, and this module follows that page. It only reads: it never writes to
a file, takes no lock and disturbs no writer. It needs Python 3.9 and numpy, nothing else.

    import kekbit
    orders = kekbit.open("orders.kekbit")     # a numpy array, no copy
    orders["legs"]["quantity"].sum()
    orders.channel.state()                    # "open", "closed", "abandoned" or "damaged"

What is copied and what is not. The array of :func:`open` and :meth:`Channel.records` is a
read-only view of the mapped file: its memory is the page cache. So is :meth:`Channel.timestamps`.
Arrays of the variants of an enum are copies, because the rows of one variant do not lie evenly
spaced, which numpy's views need. The mapping lives as long as the last array that views it.

Which records there are. An array covers what was committed when it was made, and never more; ask
again to see what a living writer has added. If the file is the very one that its writer made, in
the same boot, committed records are a prefix and their end is found by binary search. In any other
file, a copy or one from before a reboot, every word is looked at and every checksum verified, so
that a hole, a torn or a stale record ends the array, with a :class:`DamageWarning`.
``verify=True`` does the same for any file; only then damage in the midst of an original is seen.

Memory ordering. The word that publishes a record is loaded before anything else of it. On x86-64
the processor keeps loads in that order, so all that an array covers is complete. numpy has no
acquire load; elsewhere an array of a growing file covers what was committed before a system call
that stands between the loads of the words and those of the records. Processors order loads around
one in practice; their manuals do not promise it.

Truncating a file while it is mapped kills its readers (SIGBUS), as everywhere.

On the command line: ``kekbit.py dump PATH`` prints a line of JSON for each record, ``info PATH``
what the file is and how it ends, and ``dtype PATH`` an expression EXPR for which
``numpy.dtype(EXPR)`` equals the type of the records.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import fcntl
import functools
import io
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
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, Union

import numpy as np

__all__ = ["Channel", "DamageWarning", "Error", "Field", "InvalidValue", "Node", "RecordArray",
           "State", "UnverifiedWarning", "Variant", "Variants", "open", "parse_schema"]

# The numbers of docs/FORMAT.md.
_MAGIC = b"KEKBIT\r\n"
_VERSION = 1
_FLAG_CHECKSUMS, _FLAG_TIME_STAMPS = 1, 2
_PAGE = 4096
_STATE_DURABLE = 64
_HEADER = struct.Struct("<8sIIQ16sQ16sQ16sQQQQIIQQIQI")
_SCHEMA_LEN_MAX = 1 << 20
_PAYLOAD_LEN_MAX = (1 << 28) - 64
_VALUES_MAX = 1 << 28
_DEPTH_MAX = 32
_NAME_LEN_MAX = 255
_KIND_RECORD, _KIND_CLOSE = 1, 3
_REASONS = {1: "closed", 2: "full", 3: "rolled", 4: "recovered", 5: "sync failed",
            6: "the writer panicked"}

_NUMBERS = {"u8": "<u1", "u16": "<u2", "u32": "<u4", "u64": "<u8",
            "i8": "<i1", "i16": "<i2", "i32": "<i4", "i64": "<i8",
            "f32": "<f4", "f64": "<f8"}
_WIDE = {"u128": [("low", "<u8"), ("high", "<u8")], "i128": [("low", "<u8"), ("high", "<i8")]}
_INTEGERS = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "u128": 16,
             "i8": 1, "i16": 2, "i32": 4, "i64": 8, "i128": 16}
#: Bytes of the types that always have the same.
_SIZES = {**_INTEGERS, "f32": 4, "f64": 8, "bool": 1, "char": 4, "unit": 0, "timestamp": 8,
          "duration": 12, "ipv4": 4, "ipv6": 16}


_Path = Union[str, bytes, "os.PathLike[Any]"]


class Error(Exception):
    """What is no channel, no schema, or cannot be read. The message says what was found, what was
    expected, and what to do."""


class InvalidValue(Error):
    """A record whose bytes are no value of its type, such as a ``bool`` of 2.

    ``sequence`` is the number of the record, ``path`` that of the field (``legs[2].side``; empty
    if the record itself has no name for it), ``offset`` its first byte within the record.
    """

    def __init__(self, message: str, sequence: int, path: str, offset: int) -> None:
        super().__init__(message)
        self.sequence, self.path, self.offset = sequence, path, offset


class DamageWarning(UserWarning):
    """The array ends before a frame that is damaged."""


class UnverifiedWarning(UserWarning):
    """Nothing vouches for some of the records; see :attr:`Channel.unverified_from`."""


def _shown(text: Any) -> str:
    """A text of somebody else for a message: escaped, and not endlessly long."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))
    return shown if len(shown) <= 120 else shown[:117] + "..."


# --- Schema -------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Field:
    """A field of a struct or a variant. ``offset`` counts from the start of what encloses it.

    ``notes`` are its annotations by their first word, as they stand: ``{"unit": "1e-9 USD"}``.
    """

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


@dataclass(frozen=True)
class Node:
    """A type: ``kind`` is its word in the schema text (``u8``, ``struct``), ``size`` its bytes.

    ``name`` is that of a struct, enum or opaque, and the integer of a ``nonzero``; ``element`` what
    an array or an option holds; ``notes`` the annotations of the first line of the text.
    """

    kind: str
    size: int
    name: str = ""
    fields: Tuple[Field, ...] = ()
    variants: Tuple[Variant, ...] = ()
    tag_size: int = 0
    element: Optional["Node"] = None
    count: int = 0
    notes: Dict[str, str] = field(default_factory=dict)


@dataclass
class _Line:
    """A line that is no annotation."""

    number: int
    level: int
    words: List[str]
    notes: Dict[str, str]


def _is_annotation(line: str) -> bool:
    return line.lstrip(" ").startswith("#")


def _fingerprint(text: str) -> int:
    """FNV-1a over the lines that are no annotations."""
    lines = [line for line in text.split("\n")[:-1] if not _is_annotation(line)]
    value = 0xCBF29CE484222325
    for byte in "".join(line + "\n" for line in lines).encode():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


class _Parser:
    """Recursive descent; no deeper than types may nest, which is checked on the way down."""

    def __init__(self, text: str) -> None:
        self.lines = self._split(text)
        self.at = 0

    @staticmethod
    def _split(text: str) -> List[_Line]:
        try:
            length = len(text.encode())
        except UnicodeEncodeError:
            raise Error("the schema text is not Unicode: it has half a character; expected UTF-8") \
                from None
        if length > _SCHEMA_LEN_MAX:
            raise Error(f"a schema text of {length} bytes; the format allows {_SCHEMA_LEN_MAX}")
        if not text.endswith("\n"):
            raise Error(f"line {text.count(chr(10)) + 1} of the schema does not end with a line "
                        "feed; is the text whole?")
        lines: List[_Line] = []
        # Not `splitlines`, which knows more ends of a line than the format.
        for number, line in enumerate(text.split("\n")[:-1], 1):
            rest = line.lstrip(" ")
            level = len(line) - len(rest)
            if not _is_annotation(line):
                lines.append(_Line(number, level, rest.split(" "), {}))
                continue
            if not lines or level != lines[-1].level + 1:
                raise Error(f"line {number} of the schema: an annotation stands below the line it "
                            "is about, indented by one space more")
            key, _, value = rest[1:].strip(" ").partition(" ")
            lines[-1].notes.setdefault(key, value)
        return lines

    @staticmethod
    def fail(line: _Line, expected: str) -> Error:
        return Error(f"line {line.number} of the schema, `{_shown(' '.join(line.words))}`: "
                     f"expected {expected}; if a later release wrote it, use its reader")

    def number(self, line: _Line, index: int, what: str) -> int:
        word = line.words[index] if index < len(line.words) else ""
        if not re.fullmatch("0|[1-9][0-9]{0,17}", word):
            raise self.fail(line, f"{what}, a decimal number without leading zeroes, as word "
                                  f"{index + 1}")
        return int(word)

    def name(self, line: _Line, index: int) -> str:
        word = line.words[index] if index < len(line.words) else ""
        # Of white space beyond ASCII the writer's library takes no notice in names of opaques.
        if not 0 < len(word.encode()) <= _NAME_LEN_MAX or word[0] in "#-" \
                or re.search("[\x00-\x20\x7f]", word):
            raise self.fail(line, f"a name as word {index + 1}: 1 to {_NAME_LEN_MAX} bytes without "
                                  "white space, not starting with `#` or `-`")
        return word

    def words(self, line: _Line, count: int) -> None:
        if len(line.words) != count:
            raise self.fail(line, f"{count} words separated by single spaces")

    def child(self, level: int) -> Optional[_Line]:
        """The next line, if it is one of that level."""
        if self.at == len(self.lines):
            return None
        line = self.lines[self.at]
        if line.level > level:
            raise self.fail(line, f"an indent of at most {level} spaces here")
        return line if line.level == level else None

    def root(self) -> Node:
        if not self.lines or self.lines[0].level != 0:
            raise Error("line 1 of the schema: expected `struct NAME SIZE` or "
                        "`enum NAME TAG_SIZE SIZE`")
        line = self.lines[0]
        self.at = 1
        if line.words[0] == "struct":
            self.words(line, 3)
            node, values = self.struct(line, 1, self.number(line, 2, "a size"), 1)
        elif line.words[0] == "enum":
            self.words(line, 4)
            node, values = self.enum(line, 1, self.number(line, 3, "a size"), 1)
        else:
            raise self.fail(line, "`struct NAME SIZE` or `enum NAME TAG_SIZE SIZE`")
        if self.at < len(self.lines):
            raise self.fail(self.lines[self.at], "one record only: all lines below the first are "
                                                 "indented")
        if node.size > _PAYLOAD_LEN_MAX:
            raise self.fail(self.lines[0], f"a record of at most {_PAYLOAD_LEN_MAX} bytes")
        return replace(node, notes=self.lines[0].notes)

    def total(self, line: _Line, values: int) -> int:
        if values > _VALUES_MAX:
            raise self.fail(line, f"at most {_VALUES_MAX} values in a record")
        return max(values, 1)

    def fields(self, line: _Line, level: int, depth: int) -> Tuple[Tuple[Field, ...], int, int]:
        """Fields with the bytes and the number of values that they come to."""
        fields: List[Field] = []
        names, offset, values = set(), 0, 0
        while True:
            inner = self.child(level)
            if inner is None:
                return tuple(fields), offset, self.total(line, values)
            name = self.name(inner, 0)
            if name in names:
                raise self.fail(inner, "a name that no field above has")
            names.add(name)
            node, count = self.typed(inner, offset, depth)
            fields.append(Field(name, offset, node, inner.notes))
            offset += node.size
            values += count

    def typed(self, line: _Line, offset: int, depth: int) -> Tuple[Node, int]:
        """What a line says that is `NAME OFFSET SIZE TYPE`, and what belongs below it."""
        if self.number(line, 1, "an offset") != offset:
            raise self.fail(line, f"offset {offset}, where the field before it ends")
        size = self.number(line, 2, "a size")
        kind = line.words[3] if len(line.words) > 3 else ""
        self.at += 1
        if kind in ("struct", "enum", "array", "option"):
            if depth == _DEPTH_MAX:
                raise self.fail(line, f"no more than {_DEPTH_MAX} levels of records, arrays and "
                                      "options")
            build = {"struct": self.struct, "enum": self.enum, "array": self.array,
                     "option": self.option}[kind]
            self.words(line, {"struct": 5, "enum": 6, "array": 5, "option": 4}[kind])
            return build(line, 4, size, depth + 1)
        if kind == "nonzero":
            self.words(line, 5)
            if line.words[4] not in _INTEGERS:
                raise self.fail(line, "an integer type behind `nonzero`")
            self.size(line, size, _INTEGERS[line.words[4]])
            return Node(kind, size, line.words[4]), 1
        if kind == "opaque":
            self.words(line, 5)
            return Node(kind, size, self.name(line, 4)), 1
        self.words(line, 4)
        if kind in _SIZES:
            self.size(line, size, _SIZES[kind])
        elif kind not in ("str", "bytes"):
            raise self.fail(line, f"a type that this reader knows, not `{_shown(kind)}`")
        return Node(kind, size), 1

    def size(self, line: _Line, found: int, expected: int) -> None:
        if found != expected:
            raise self.fail(line, f"size {expected}, which its parts come to")

    def struct(self, line: _Line, index: int, size: int, depth: int) -> Tuple[Node, int]:
        name = self.name(line, index)
        fields, total, values = self.fields(line, line.level + 1, depth)
        self.size(line, size, total)
        return Node("struct", size, name, fields=fields), values

    def enum(self, line: _Line, index: int, size: int, depth: int) -> Tuple[Node, int]:
        name = self.name(line, index)
        tag_size = self.number(line, index + 1, "the size of the tag")
        if tag_size not in (1, 2):
            raise self.fail(line, "a tag of 1 or 2 bytes")
        if size < tag_size:
            raise self.fail(line, f"a size with room for the tag of {tag_size} bytes")
        variants: List[Variant] = []
        names, tags, values = set(), set(), 1
        while True:
            inner = self.child(line.level + 1)
            if inner is None:
                return Node("enum", size, name, variants=tuple(variants), tag_size=tag_size), values
            self.words(inner, 3)
            variant, tag = self.name(inner, 0), self.number(inner, 1, "a tag")
            body = self.number(inner, 2, "a size")
            if variant in names or tag in tags:
                raise self.fail(inner, "a name and a tag that no variant above has")
            if tag >= 256 ** tag_size:
                raise self.fail(inner, f"a tag of {tag_size} bytes")
            if body > size - tag_size:
                raise self.fail(inner, f"at most the {size - tag_size} bytes of room that the enum "
                                       "has behind its tag")
            names.add(variant)
            tags.add(tag)
            self.at += 1
            fields, total, count = self.fields(inner, inner.level + 1, depth)
            self.size(inner, body, total)
            variants.append(Variant(variant, tag, body, fields, inner.notes))
            values = max(values, count)

    def element(self, line: _Line, offset: int, depth: int) -> Tuple[Node, int]:
        inner = self.child(line.level + 1)
        if inner is None:
            raise self.fail(line, f"a line `- {offset} SIZE TYPE` below it")
        if inner.words[0] != "-":
            raise self.fail(inner, f"`- {offset} SIZE TYPE`")
        return self.typed(inner, offset, depth)

    def array(self, line: _Line, index: int, size: int, depth: int) -> Tuple[Node, int]:
        count = self.number(line, index, "the number of elements")
        element, values = self.element(line, 0, depth)
        self.size(line, size, count * element.size)
        node = Node("array", size, element=element, count=count)
        return node, self.total(line, count * values)

    def option(self, line: _Line, index: int, size: int, depth: int) -> Tuple[Node, int]:
        element, values = self.element(line, 1, depth)
        self.size(line, size, 1 + element.size)
        return Node("option", size, element=element), values


def parse_schema(text: str) -> Node:
    """The record that a schema text describes. Annotations are kept and not judged.

    Raises :class:`Error` with the number of the line for all that it does not understand.
    """
    return _Parser(text).root()


# --- numpy types --------------------------------------------------------------------------------

def _dtype(node: Node) -> Optional[np.dtype]:
    """The numpy type, as docs/FORMAT.md has it; ``None`` for what takes no bytes."""
    kind = node.kind
    if node.size == 0:
        return None
    if kind == "nonzero":
        kind = node.name
    if kind in _NUMBERS:
        return np.dtype(_NUMBERS[kind])
    if kind in _WIDE:
        return np.dtype(_WIDE[kind])
    if kind == "struct":
        return _fields_dtype(node.fields, node.size)
    if kind == "enum":
        return _enum_dtype(node)
    if kind == "option":
        parts = [("present", 0, np.dtype("?")), ("value", 1, _dtype(_part(node)))]
        return _packed(parts, node.size)
    if kind == "array":
        element = _dtype(_part(node))
        assert element is not None, "an array that takes bytes is of elements that do"
        # One level: numpy would keep an array of arrays as two types.
        return np.dtype((element.base, (node.count, *element.shape)))
    if kind in ("str", "bytes", "opaque"):
        return np.dtype(f"{'S' if kind == 'str' else 'V'}{node.size}")
    others: Dict[str, Any] = {"bool": "?", "char": "<u4", "timestamp": "<M8[ns]",
                              "duration": [("secs", "<u8"), ("nanos", "<u4")],
                              "ipv4": ("u1", (4,)), "ipv6": ("u1", (16,))}
    return np.dtype(others[kind])


def _root_dtype(node: Node) -> np.dtype:
    """That of the record itself, which always has fields: a lone tag is one of them."""
    dtype = _dtype(node)
    if dtype is None:
        return np.dtype([])
    return dtype if dtype.names is not None else _packed([("tag", 0, dtype)], node.size)


def _part(node: Node) -> Node:
    assert node.element is not None, "an array or an option"
    return node.element


def _packed(parts: List[Tuple[str, int, Optional[np.dtype]]], size: int) -> np.dtype:
    there = [part for part in parts if part[2] is not None]
    return np.dtype({"names": [name for name, _, _ in there],
                     "offsets": [offset for _, offset, _ in there],
                     "formats": [dtype for _, _, dtype in there], "itemsize": size})


def _fields_dtype(fields: Tuple[Field, ...], size: int) -> np.dtype:
    return _packed([(part.name, part.offset, _dtype(part.type)) for part in fields], size)


def _has_fields(node: Node) -> bool:
    """Whether a record is an enum of which some variant holds something."""
    return node.kind == "enum" and any(variant.fields for variant in node.variants)


def _enum_dtype(node: Node) -> np.dtype:
    tag = np.dtype(f"<u{node.tag_size}")
    room = node.size - node.tag_size
    if room == 0 and not _has_fields(node):
        return tag
    body = np.dtype(f"V{room}") if room else None
    return _packed([("tag", 0, tag), ("body", node.tag_size, body)], node.size)


def _expression(dtype: np.dtype) -> str:
    """A Python expression of which `numpy.dtype` makes an equal type."""
    if dtype.names is not None:
        parts = []
        for name in dtype.names:
            part = dtype[name]
            shape = f", {part.shape}" if part.shape else ""
            parts.append(f"({name!r}, {_expression(part.base)}{shape})")
        return f"[{', '.join(parts)}]"
    return repr(dtype.str)


# --- Values -------------------------------------------------------------------------------------

class _Invalid(Exception):
    """Bytes that are no value, on the way up to the record."""

    def __init__(self, found: str, expected: str) -> None:
        super().__init__()
        self.found, self.expected, self.path, self.offset = found, expected, "", 0

    def within(self, name: str, offset: int) -> "_Invalid":
        dot = "." if self.path and name and not self.path.startswith("[") else ""
        self.path, self.offset = f"{name}{dot}{self.path}", self.offset + offset
        return self


_Decoder = Callable[[Any, int], Any]


def _decoder(node: Node) -> _Decoder:
    """A function of a buffer and an offset that gives the value there, as JSON has it."""
    kind = node.kind
    if kind == "nonzero":
        number = _number_decoder(node.name)

        def nonzero(buffer: Any, at: int) -> int:
            value = number(buffer, at)
            if value == 0:
                raise _Invalid("0", "any other number")
            return value
        return nonzero
    if kind in _NUMBERS or kind in _WIDE:
        return _number_decoder(kind)
    if kind == "struct":
        return _fields_decoder(node.fields)
    if kind == "enum":
        return _enum_decoder(node)
    if kind == "option":
        value = _decoder(_part(node))

        def option(buffer: Any, at: int) -> Any:
            presence = buffer[at]
            if presence == 0:
                return None
            if presence != 1:
                raise _Invalid(f"presence {presence}", "0 (absent) or 1 (present)")
            try:
                return value(buffer, at + 1)
            except _Invalid as invalid:
                raise invalid.within("", 1)
        return option
    if kind == "array":
        element, count, size = _decoder(_part(node)), node.count, _part(node).size

        def array(buffer: Any, at: int) -> List[Any]:
            values: List[Any] = []
            try:
                for start in range(count):
                    values.append(element(buffer, at + start * size))
            except _Invalid as invalid:
                raise invalid.within(f"[{len(values)}]", len(values) * size)
            return values
        return array
    return functools.partial(_SCALARS[kind], node.size)


def _number_decoder(kind: str) -> _Decoder:
    if kind in _WIDE:
        pair = struct.Struct("<QQ" if kind == "u128" else "<Qq").unpack_from

        def wide(buffer: Any, at: int) -> int:
            low, high = pair(buffer, at)
            return low | high << 64
        return wide
    one = struct.Struct("<" + {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i8": "b", "i16": "h",
                               "i32": "i", "i64": "q", "f32": "f", "f64": "d"}[kind]).unpack_from
    if kind.startswith("f"):
        def real(buffer: Any, at: int) -> Optional[float]:
            value = one(buffer, at)[0]
            return value if math.isfinite(value) else None
        return real
    return lambda buffer, at: one(buffer, at)[0]


def _fields_decoder(fields: Tuple[Field, ...]) -> _Decoder:
    if not fields:
        return lambda buffer, at: None
    parts = [(part.name, part.offset, _decoder(part.type)) for part in fields]
    is_tuple = all(part.name == str(index) for index, part in enumerate(fields))

    def named(buffer: Any, at: int) -> Dict[str, Any]:
        values: Dict[str, Any] = {}
        for name, offset, decode in parts:
            try:
                values[name] = decode(buffer, at + offset)
            except _Invalid as invalid:
                raise invalid.within(name, offset)
        return values

    if not is_tuple:
        return named
    if len(fields) == 1:
        return lambda buffer, at: named(buffer, at)["0"]
    return lambda buffer, at: list(named(buffer, at).values())


def _enum_decoder(node: Node) -> _Decoder:
    tag_size = node.tag_size
    variants = {variant.tag: (variant.name, bool(variant.fields), _fields_decoder(variant.fields))
                for variant in node.variants}

    def enum(buffer: Any, at: int) -> Any:
        tag = int.from_bytes(buffer[at:at + tag_size], "little")
        if tag not in variants:
            raise _unknown_tag(node, tag)
        name, has_fields, decode = variants[tag]
        if not has_fields:
            return name
        try:
            return {name: decode(buffer, at + tag_size)}
        except _Invalid as invalid:
            raise invalid.within(name, tag_size)
    return enum


def _unknown_tag(node: Node, tag: int) -> _Invalid:
    known = ", ".join(f"{variant.tag} ({_shown(variant.name)})" for variant in node.variants[:8])
    more = len(node.variants) - 8
    known += f" or {more} more" if more > 0 else ""
    return _Invalid(f"tag {tag}", ("one of " if len(node.variants) > 1 else "") + known)


def _bool(_size: int, buffer: Any, at: int) -> bool:
    byte = buffer[at]
    if byte > 1:
        raise _Invalid(str(byte), "0 or 1")
    return byte == 1


def _char(_size: int, buffer: Any, at: int) -> str:
    code = int.from_bytes(buffer[at:at + 4], "little")
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise _Invalid(f"{code:#x}", "a Unicode scalar value")
    return chr(code)


def _str(size: int, buffer: Any, at: int) -> str:
    text, nul, behind = buffer[at:at + size].partition(b"\0")
    stray = behind.lstrip(b"\0")
    if stray:
        place = size - len(stray)
        raise _Invalid(f"byte {stray[0]:#04x} at {place} behind the end of the text at {len(text)}",
                       "zeroes behind the text")
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _Invalid(f"byte {text[error.start]:#04x} at {error.start} of the text", "UTF-8") \
            from None


def _duration(_size: int, buffer: Any, at: int) -> Dict[str, int]:
    secs, nanos = struct.unpack_from("<QI", buffer, at)
    if nanos >= 1_000_000_000:
        raise _Invalid(f"{nanos} nanoseconds", "less than a second of them")
    return {"secs": secs, "nanos": nanos}


def _ipv6(_size: int, buffer: Any, at: int) -> str:
    address = ipaddress.IPv6Address(buffer[at:at + 16])
    # RFC 5952; the standard library does this part of it from Python 3.13 on.
    mapped = address.ipv4_mapped
    return f"::ffff:{mapped}" if mapped is not None else str(address)


_SCALARS: Dict[str, Callable[[int, Any, int], Any]] = {
    "bool": _bool,
    "char": _char,
    "unit": lambda size, buffer, at: None,
    "str": _str,
    "bytes": lambda size, buffer, at: buffer[at:at + size].hex(),
    "opaque": lambda size, buffer, at: buffer[at:at + size].hex(),
    "timestamp": lambda size, buffer, at: int.from_bytes(buffer[at:at + 8], "little"),
    "duration": _duration,
    "ipv4": lambda size, buffer, at: str(ipaddress.IPv4Address(buffer[at:at + 4])),
    "ipv6": _ipv6,
}


# --- CRC-32C ------------------------------------------------------------------------------------
#
# Without its initial and final value the checksum is linear: that of a message is the XOR of what
# each of its bytes gives alone, with zeroes elsewhere. So a whole column of bytes, one of each
# record, is looked up at once, and zero bytes in front of a message change nothing.

_ONES = 0xFFFFFFFF
#: Bytes of a block: so many columns are looked up, then blocks are joined in pairs.
_BLOCK = 256
#: Of a longer row so many bytes are summed at a time.
_SEGMENT = 1 << 20


def _byte_table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(0x82F63B78), table >> 1)
    return table.astype(np.uint32)


_TABLE = _byte_table()
_TABLE_LIST = _TABLE.tolist()


def _register(state: int, data: bytes) -> int:
    for byte in data:
        state = _TABLE_LIST[(state ^ byte) & 0xFF] ^ (state >> 8)
    return state


def _crc32c(*parts: bytes) -> int:
    return functools.reduce(_register, parts, _ONES) ^ _ONES


def _apply(operator: np.ndarray, values: np.ndarray) -> np.ndarray:
    """What `_advance` gave, on each of an array of registers."""
    return (operator[0][values & 0xFF] ^ operator[1][values >> 8 & 0xFF]
            ^ operator[2][values >> 16 & 0xFF] ^ operator[3][values >> 24])


@functools.lru_cache(maxsize=128)
def _advance(count: int) -> np.ndarray:
    """The operator that feeds `count` zero bytes to a register: a table for each of its bytes."""
    units = np.arange(256, dtype=np.uint32) << np.array([[0], [8], [16], [24]], dtype=np.uint32)
    if count == 0:
        return units
    if count == 1:
        return _TABLE[units & 0xFF] ^ (units >> 8)
    half = _advance(count // 2)
    whole = _apply(half, half)
    return _apply(_advance(1), whole) if count % 2 else whole


@functools.lru_cache(maxsize=1)
def _column_tables() -> np.ndarray:
    """What a byte gives that has 0, 1, ... others behind it."""
    tables = np.empty((_BLOCK, 256), dtype=np.uint32)
    tables[0] = _TABLE
    for index in range(1, _BLOCK):
        before = tables[index - 1]
        tables[index] = _TABLE[before & 0xFF] ^ (before >> 8)
    return tables


def _linear(rows: np.ndarray) -> np.ndarray:
    """The linear part for each row of a matrix of bytes."""
    count, width = rows.shape
    if width > _SEGMENT:
        total = np.zeros(count, dtype=np.uint32)
        for start in range(0, width, _SEGMENT):
            part = rows[:, start:start + _SEGMENT]
            total = _apply(_advance(part.shape[1]), total) ^ _linear(part)
        return total
    blocks = -(-width // _BLOCK)
    if blocks > 1:
        padded = np.zeros((count, blocks * _BLOCK), dtype=np.uint8)
        padded[:, blocks * _BLOCK - width:] = rows
        rows = padded.reshape(-1, _BLOCK)
    tables, last = _column_tables(), rows.shape[1] - 1
    flat = np.zeros(rows.shape[0], dtype=np.uint32)
    for index, column in enumerate(np.ascontiguousarray(rows.T)):
        flat ^= tables[last - index].take(column)
    sums, size = flat.reshape(count, -1), _BLOCK
    while sums.shape[1] > 1:
        if sums.shape[1] % 2:
            sums = np.hstack((np.zeros((count, 1), dtype=np.uint32), sums))
        sums = _apply(_advance(size), sums[:, 0::2]) ^ sums[:, 1::2]
        size *= 2
    return sums[:, 0]


# --- Header -------------------------------------------------------------------------------------

@dataclass(frozen=True)
class _Header:
    checksums: bool
    time_stamps: bool
    data_offset: int
    channel_id: bytes
    writer_id: int
    predecessor_id: bytes
    created: int
    boot_id: bytes
    device: int
    inode: int
    writer_timeout: int
    capacity: int
    max_payload: int
    alignment: int
    stride: int
    fingerprint: int
    text: str

    @property
    def head_size(self) -> int:
        """Bytes in front of the payload."""
        return 16 if self.time_stamps else 8

    @property
    def file_size(self) -> int:
        return _up(self.data_offset + _up(self.capacity, self.alignment) + 8, _PAGE)


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def _read_header(fd: int, size: int, path: str) -> _Header:
    def damaged(problem: str) -> Error:
        return Error(f"the header of `{path}` is damaged: {problem}; copy the file again, whole")

    def truncated(expected: int) -> Error:
        return Error(f"`{path}` is cut short: it has {size} bytes and should have {expected}; copy "
                     "it again, whole")

    fixed = os.pread(fd, _HEADER.size, 0)
    if not fixed:
        raise Error(f"`{path}` is empty; a channel is never empty, so this is some other file or a "
                    "broken copy")
    magic = fixed[:8]
    if magic != _MAGIC:
        if magic.startswith(b"KEKBIT"):
            raise Error(f"`{path}` was a channel once: its line ends have been changed by a "
                        "transfer in text mode; copy it again as binary")
        found = _shown(magic.decode("latin-1"))
        raise Error(f"`{path}` is not a kekbit channel: it begins with \"{found}\", a channel with "
                    "\"KEKBIT\\r\\n\"; check the name")
    if len(fixed) < _HEADER.size:
        raise truncated(_HEADER.size)
    (_, version, flags, data_offset, channel_id, writer_id, predecessor_id, created, boot_id,
     device, inode, writer_timeout, capacity, max_payload, alignment, stride, fingerprint,
     schema_len, reserved, checksum) = _HEADER.unpack(fixed)
    if version > _VERSION:
        raise Error(f"`{path}` has format version {version}; this reader reads up to {_VERSION}: "
                    "use a newer one")
    if version != _VERSION:
        raise damaged(f"there is no format version {version}, expected {_VERSION}")
    if schema_len > _SCHEMA_LEN_MAX:
        raise damaged(f"a schema text of {schema_len} bytes, where {_SCHEMA_LEN_MAX} are allowed")
    least = _up(_HEADER.size + schema_len, _PAGE) + _PAGE
    if size < least:
        raise truncated(least)
    schema = os.pread(fd, schema_len, _HEADER.size)
    expected = _crc32c(fixed[:-4], schema)
    if checksum != expected:
        raise damaged(f"its checksum is {checksum:#010x} and should be {expected:#010x}")
    known = _FLAG_CHECKSUMS | _FLAG_TIME_STAMPS
    if flags & ~known:
        raise Error(f"`{path}` has flags {flags:#x}, of which this reader knows {known:#x} only: "
                    "use a newer one")
    try:
        text = schema.decode("utf-8")
    except UnicodeDecodeError as error:
        raise damaged(f"the schema text is not UTF-8 at byte {error.start}") from None
    header = _Header(bool(flags & _FLAG_CHECKSUMS), bool(flags & _FLAG_TIME_STAMPS), data_offset,
                     channel_id, writer_id, predecessor_id, created, boot_id, device, inode,
                     writer_timeout, capacity, max_payload, alignment, stride, fingerprint, text)
    if alignment not in (8, 64):
        raise damaged(f"an alignment of {alignment} bytes, expected 8 or 64")
    frame = _up(header.head_size + max_payload, alignment)
    for holds, problem in (
            (reserved == 0, "reserved bytes are not zero"),
            (data_offset % _PAGE == 0, f"data starts at {data_offset}, which is no page"),
            (data_offset >= _HEADER.size + schema_len + _PAGE, "data starts inside the header"),
            (header.file_size < 1 << 63, "more capacity than a file can have"),
            (max_payload <= _PAYLOAD_LEN_MAX, "payloads longer than a frame holds"),
            (frame <= capacity, "not even one record fits the capacity"),
            (any(channel_id), "the channel id is zero"),
            (schema_len or stride == 0 == fingerprint,
             "a stride or a fingerprint without a schema"),
            (not schema_len or stride == frame,
             f"a stride of {stride} bytes, where records of {max_payload} have {frame}")):
        if not holds:
            raise damaged(problem)
    if size < header.file_size:
        raise truncated(header.file_size)
    if not schema_len:
        raise Error(f"`{path}` holds raw bytes and has no schema; read it with the `Reader` of the "
                    "Rust library")
    return header


def _boot_id() -> bytes:
    try:
        with io.open("/proc/sys/kernel/random/boot_id") as file:
            return bytes.fromhex(file.read().strip().replace("-", ""))
    except (OSError, ValueError):
        return b""


def _born(fd: int) -> Optional[int]:
    """When the file was made, in nanoseconds since the epoch, if the system tells: `statx`, which
    the standard library does not have."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        statx = ctypes.CDLL(None).statx
    except (AttributeError, OSError):
        return None
    statx.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
    empty_path, birth_time = 0x1000, 0x800
    answer = ctypes.create_string_buffer(256)
    if statx(fd, b"", empty_path, birth_time, answer) != 0:
        return None
    mask, = struct.unpack_from("=I", answer, 0)
    seconds, nanos = struct.unpack_from("=qI", answer, 80)
    return seconds * 1_000_000_000 + nanos if mask & birth_time and seconds >= 0 else None


# --- Channel ------------------------------------------------------------------------------------

class State(str):
    """``open`` (its writer lives), ``closed``, ``abandoned`` (its writer is gone and has not closed
    it) or ``damaged``. Compares as that text.

    ``reason`` is, if closed: ``closed``, ``full``, ``rolled``, ``recovered``, ``sync failed``,
    ``the writer panicked``, or a number that this module has no name for; if damaged: what was
    found where. Otherwise it is ``None``.
    """

    reason: Union[str, int, None]

    def __new__(cls, name: str, reason: Union[str, int, None] = None) -> "State":
        state = super().__new__(cls, name)
        state.reason = reason
        return state


class RecordArray(np.ndarray):
    """The records of a channel in place; read-only. ``channel`` is where they come from.

    Parts of it that are no records, such as a field, are plain numpy arrays.
    """

    channel: Optional["Channel"] = None

    def __array_finalize__(self, source: Any) -> None:
        self.channel = getattr(source, "channel", None)

    def __array_wrap__(self, array: np.ndarray, context: Any = None,
                       return_scalar: bool = False) -> Any:
        return array[()] if return_scalar or array.ndim == 0 else np.asarray(array)

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        if isinstance(part, RecordArray) and part.dtype != self.dtype:
            return part.view(np.ndarray)
        return part


class Variants(Dict[str, np.ndarray]):
    """For each variant of an enum an array of its fields. These are copies.

    ``rows`` holds the sequence numbers of each variant's records, in the same order; ``channel``
    is where they come from.
    """

    channel: "Channel"
    rows: Dict[str, np.ndarray]


@dataclass(frozen=True)
class _End:
    """Where a look ended: the number of records, and what lies behind them."""

    count: int
    close: Optional[int] = None
    damage: Optional[str] = None


class Channel:
    """A channel file, opened for reading; see the module for what that means.

    Attributes: ``path``; of the header ``schema_text``, ``schema`` (parsed), ``fingerprint``,
    ``capacity`` (bytes), ``record_capacity``, ``stride``, ``alignment``, ``checksums``,
    ``time_stamps``, ``channel_id``, ``predecessor_id`` and ``writer_id`` (numbers), ``created`` and
    ``writer_timeout`` (nanoseconds; 0 is none); ``base``, the sequence number of the first record;
    ``dtype`` of the records; ``original``, whether this is the very file that its writer made, in
    the same boot; and ``unverified_from``, the first sequence number for whose payloads nothing
    vouches, or ``None``: without checksums all of a copy, and after a reboot what no sync covered.

    Use it as a context manager, or call :meth:`close`. Arrays stay valid after that.
    """

    def __init__(self, path: _Path, *, verify: bool = False) -> None:
        self._fd = -1
        self.path = os.fsdecode(path)
        shown = _shown(self.path)
        if sys.byteorder != "little":
            raise Error(f"cannot read `{shown}`: this machine is big-endian and the reader is only "
                        "tested on little-endian ones; read it there")
        if sys.maxsize < 1 << 32:
            raise Error(f"cannot read `{shown}`: this Python is a 32-bit one; use one of 64 bits")
        self._verify = verify
        try:
            self._open(shown)
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                raise Error(f"cannot read `{shown}`: {error.strerror}; check it and its "
                            "permissions") from error
            raise

    def _open(self, shown: str) -> None:
        try:
            # Not to wait for the other end of a pipe.
            self._fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise Error(f"there is no channel `{shown}`; has its writer created it yet?") from error
        except ValueError as error:
            raise Error(f"`{shown}` is no name of a file: {error}; check it") from error
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            raise Error(f"`{shown}` is a pipe, socket or device, not a file; a channel is one "
                        "file") from error
        status = os.fstat(self._fd)
        if not stat.S_ISREG(status.st_mode):
            kind = "directory" if stat.S_ISDIR(status.st_mode) else "pipe, socket or device"
            raise Error(f"`{shown}` is a {kind}, not a file; a channel is one file")
        header = self._header = _read_header(self._fd, status.st_size, shown)
        self._read_schema(header, shown)
        self.base = self._read_base(header, shown)
        try:
            self._map = mmap.mmap(self._fd, header.file_size, flags=mmap.MAP_SHARED,
                                  prot=mmap.PROT_READ)
        except (ValueError, OverflowError) as error:
            raise Error(f"cannot map `{shown}`: {error}; is somebody cutting it short?") from error
        self.capacity, self.stride = header.capacity, header.stride
        self.record_capacity = header.capacity // header.stride
        self.alignment = header.alignment
        self.checksums, self.time_stamps = header.checksums, header.time_stamps
        self.channel_id = int.from_bytes(header.channel_id, "little")
        self.predecessor_id = int.from_bytes(header.predecessor_id, "little")
        self.writer_id, self.created = header.writer_id, header.created
        self.writer_timeout = header.writer_timeout
        self._payload = header.data_offset + header.head_size
        # One more than records: where the close mark of a full channel lies.
        self._words = self._view("<u8", header.data_offset, self.record_capacity + 1)
        born = _born(self._fd)
        same_file = ((header.device, header.inode) == (status.st_dev, status.st_ino)
                     and not (born is not None and header.created < born))
        self.original = same_file and any(header.boot_id) and header.boot_id == _boot_id()
        self.unverified_from: Optional[int] = None
        if not self.original and not self.checksums:
            self.unverified_from = self.durable if same_file else self.base
        #: Records that a look before has found; also verified, where that is done.
        self._known = 0

    def _read_schema(self, header: _Header, shown: str) -> None:
        self.schema_text, self.fingerprint = header.text, header.fingerprint
        try:
            self.schema = parse_schema(header.text)
            self.dtype = _root_dtype(self.schema)
        except Error as error:
            raise Error(f"cannot read `{shown}`: {error}") from None
        except (ValueError, TypeError, OverflowError, MemoryError) as error:
            raise Error(f"cannot read `{shown}`: numpy has no type for its records ({error}); read "
                        "it with the Rust library") from error
        fingerprint = _fingerprint(header.text)
        if fingerprint != header.fingerprint:
            raise Error(f"the header of `{shown}` is damaged: its fingerprint is "
                        f"{header.fingerprint:#018x}, its schema's {fingerprint:#018x}; write the "
                        "file again")
        if header.max_payload != self.schema.size:
            raise Error(f"the header of `{shown}` is damaged: records of {header.max_payload} "
                        f"bytes with a stride of {header.stride}, where the schema says "
                        f"{self.schema.size}; write the file again")

    def _read_base(self, header: _Header, shown: str) -> int:
        stored, check = struct.unpack("<QQ", os.pread(self._fd, 16, header.data_offset - _PAGE))
        if stored == 0:
            raise Error(f"`{shown}` has been prepared but is not in use yet; try again when its "
                        "writer has begun")
        expected = _crc32c(header.channel_id, struct.pack("<Q", stored))
        if check != expected:
            raise Error(f"the header of `{shown}` is damaged: the first sequence number "
                        f"{stored - 1} fails its check ({check:#x} instead of {expected:#x}); copy "
                        "the file again")
        if stored - 1 + header.capacity >= 1 << 64:
            raise Error(f"the header of `{shown}` is damaged: the first sequence number "
                        f"{stored - 1} leaves no room for the records; write the file again")
        return stored - 1

    def close(self) -> None:
        """Gives the file back. The mapping stays until the last array that views it is gone."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self.__dict__.pop("_words", None)
        self.__dict__.pop("_map", None)

    def __enter__(self) -> "Channel":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __del__(self) -> None:
        # `__init__` may not have come far.
        if getattr(self, "_fd", -1) >= 0:
            self.close()

    def __repr__(self) -> str:
        return f"<kekbit.Channel {self.path!r}>"

    def __len__(self) -> int:
        """How many records are committed now."""
        return self._look().count

    @property
    def durable(self) -> int:
        """Every record with a lower sequence number has been covered by a sync."""
        return self._read_word(self._header.data_offset - _PAGE + _STATE_DURABLE)

    # Looking

    def _view(self, dtype: Any, offset: int, count: int, kind: Any = np.ndarray) -> Any:
        """Values of one type, a stride apart from each other, in place."""
        return kind((count,), dtype=dtype, buffer=self._map, offset=offset,
                    strides=(self._header.stride,))

    def _read_word(self, offset: int) -> int:
        """A word of the file. Not of the memory: a file that somebody cuts short gives an error,
        and looking at a hole takes no memory."""
        if self._fd < 0:
            raise Error(f"the channel `{_shown(self.path)}` has been closed; open it again")
        word = os.pread(self._fd, 8, offset)
        if len(word) != 8:
            raise Error(f"`{_shown(self.path)}` has been cut short while it was read: byte "
                        f"{offset} is gone; copy it again, whole")
        return int.from_bytes(word, "little")

    def _word(self, index: int) -> int:
        return self._read_word(self._header.data_offset + index * self.stride)

    def _look(self) -> _End:
        """How many records there are now, and what ends them. The words come first of all that is
        read; what they publish is complete behind the system call that follows."""
        if self._fd < 0:
            raise Error(f"the channel `{_shown(self.path)}` has been closed; open it again")
        if self.original and not self._verify:
            end = self._search()
        else:
            end = self._scan()
        self._known = max(self._known, end.count)
        return end

    def _search(self) -> _End:
        """Of a file in which committed frames are a prefix."""
        # Recovery puts its mark at `durable`, and records that it gave up may lie behind it.
        sealed = self.durable - self.base
        if 0 <= sealed <= self.record_capacity:
            mark = self._word(sealed)
            if mark >> 60 == _KIND_CLOSE:
                return self._judge(sealed, mark)
        low, high = self._known, self.record_capacity
        word: Optional[int] = None
        while low < high:
            middle = (low + high) // 2
            found = self._word(middle)
            if found == 0 or found >> 60 == _KIND_CLOSE:
                high, word = middle, found
            else:
                low = middle + 1
        if word is None:
            # Full: only the close mark can lie there.
            word = self._word(low)
        return self._judge(low, word)

    def _scan(self) -> _End:
        """Of any file: looks at every word, and at every payload if there are checksums."""
        at, chunk = self._known, max(1, (1 << 16) // self.stride)
        most = max(1, min(1 << 14, (1 << 22) // self.stride))
        high = np.uint64(_KIND_RECORD << 28 | self._header.max_payload)
        while at < self.record_capacity:
            words = self._words[at:min(at + chunk, self.record_capacity)].copy()
            fine = (words >> np.uint64(32)) == high
            if not self.checksums:
                fine &= (words & np.uint64(_ONES)) == 0
            count = len(words) if fine.all() else int(fine.argmin())
            if count and self.checksums:
                # The system call between the loads of the words and those of the payloads.
                os.fstat(self._fd)
                sums = self._checksums(at, count)
                torn = np.flatnonzero(sums != (words[:count] & np.uint64(_ONES)))
                if len(torn):
                    index = int(torn[0])
                    return self._damage(at + index, "the checksum is "
                                        f"{int(words[index]) & _ONES:#010x} and should be "
                                        f"{int(sums[index]):#010x}")
            if count < len(words):
                return self._judge(at + count, int(words[count]))
            # What has been found fine is not looked at again.
            at += count
            self._known = max(self._known, at)
            chunk = min(2 * chunk, most)
        return self._judge(at, self._word(at))

    def _checksums(self, first: int, count: int) -> np.ndarray:
        """What the checksums of so many records should be."""
        body = self._header.head_size - 8 + self._header.max_payload
        word = (_KIND_RECORD << 28 | self._header.max_payload) << 32
        fixed = _register(_ONES, self._header.channel_id + bytes(8) + struct.pack("<Q", word))
        fixed_sum = _apply(_advance(body), np.array([fixed], dtype=np.uint32)) ^ np.uint32(_ONES)
        numbers = np.arange(count, dtype="<u8") + np.uint64(self.base + first)
        sums = _apply(_advance(8 + body), _linear(numbers.view(np.uint8).reshape(-1, 8)))
        if body:
            start = self._header.data_offset + 8 + first * self.stride
            rows = np.ndarray((count, body), dtype=np.uint8, buffer=self._map, offset=start,
                              strides=(self.stride, 1))
            sums ^= _linear(rows)
        return sums ^ fixed_sum

    def _damage(self, index: int, problem: str) -> _End:
        offset = self._header.data_offset + index * self.stride
        return _End(index, damage=f"record {self.base + index} at byte {offset} is damaged: "
                                  f"{problem}")

    def _judge(self, index: int, word: int) -> _End:
        """What a word is that ends the records."""
        kind, length = word >> 60, word >> 32 & 0xFFFFFFF
        expected_len = self._header.max_payload
        if word == 0:
            return _End(index)
        if kind == _KIND_CLOSE:
            expected = 0
            if self.checksums:
                expected = _crc32c(self._header.channel_id, struct.pack(
                    "<QQ", self.base + index, word >> 32 << 32))
            if word & _ONES != expected:
                return self._damage(index, f"the checksum of a close mark is {word & _ONES:#010x} "
                                           f"and should be {expected:#010x}")
            return _End(index, close=length)
        if kind == _KIND_RECORD and length != expected_len:
            return self._damage(index, f"a payload of {length} bytes, where the channel has "
                                       f"{expected_len}")
        if kind == _KIND_RECORD and index == self.record_capacity:
            return self._damage(index, f"a frame of {self.stride} bytes, where "
                                       f"{self.capacity - index * self.stride} are left")
        if kind == _KIND_RECORD:
            return self._damage(index, f"the checksum is {word & _ONES:#010x} and should be 0")
        if kind == 2:
            return self._damage(index, f"a padding of {length} bytes, which cannot be here")
        return self._damage(index, f"the word {word:#018x} is of no known kind")

    def _committed(self) -> int:
        """The number of records for an array, with the warnings that it deserves."""
        end = self._look()
        if end.damage is not None:
            warnings.warn(f"`{_shown(self.path)}` ends after {end.count} records: {end.damage}",
                          DamageWarning, stacklevel=3)
        if self.unverified_from is not None and self.unverified_from < self.base + end.count:
            warnings.warn(f"records from {self.unverified_from} on of `{_shown(self.path)}` are "
                          "unverified: the channel has no checksums, and this is a copy or from "
                          "before a reboot", UnverifiedWarning, stacklevel=3)
        return end.count

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
        if not self.time_stamps:
            raise Error(f"`{_shown(self.path)}` has no time stamps; they are an option of its "
                        "creation")
        return self._view("<M8[ns]", self._header.data_offset + 8, self._committed())

    @property
    def sequence(self) -> np.ndarray:
        """The sequence numbers of the records that are committed now; made when asked for."""
        return self._numbers(np.arange(self._committed()))

    def rows(self) -> Dict[str, np.ndarray]:
        """For each variant of an enum the sequence numbers of its records."""
        rows = self._rows(self._committed())
        return {name: self._numbers(index) for name, index in rows.items()}

    def _numbers(self, index: np.ndarray) -> np.ndarray:
        return index.astype(np.uint64) + np.uint64(self.base)

    def _rows(self, count: int) -> Dict[str, np.ndarray]:
        if self.schema.kind != "enum":
            raise Error(f"the records of `{_shown(self.path)}` are a struct, "
                        f"`{_shown(self.schema.name)}`, without variants; use `records()`")
        tags = np.array(self._view(f"<u{self.schema.tag_size}", self._payload, count))
        strange = np.flatnonzero(~np.isin(tags, [variant.tag for variant in self.schema.variants]))
        if len(strange):
            index = int(strange[0])
            raise self._invalid(index, _unknown_tag(self.schema, int(tags[index])))
        return {variant.name: np.flatnonzero(tags == variant.tag)
                for variant in self.schema.variants}

    def variants(self) -> Variants:
        """For each variant of an enum an array of its fields: copies. A variant without fields has
        an array of that many empty records."""
        count = self._committed()
        rows = self._rows(count)
        result = Variants()
        result.channel, result.rows = self, {}
        for variant in self.schema.variants:
            index = rows[variant.name]
            dtype = _fields_dtype(variant.fields, variant.size)
            body = self._view(dtype, self._payload + self.schema.tag_size, count)
            result[variant.name] = body[index]
            result.rows[variant.name] = self._numbers(index)
        return result

    def values(self) -> Iterator[Any]:
        """The records that are committed now, one by one, as JSON would have them: numbers, text,
        ``None``, lists and dicts, after the column "JSON" of docs/FORMAT.md. A float that is not
        finite is ``None`` there too.

        Raises :class:`InvalidValue` at bytes that are no value.
        """
        return self._values(self._committed())

    def _values(self, count: int) -> Iterator[Any]:
        decode, buffer = _decoder(self.schema), self._map
        for index in range(count):
            try:
                value = decode(buffer, self._payload + index * self.stride)
            except _Invalid as invalid:
                raise self._invalid(index, invalid) from None
            yield value

    def _invalid(self, index: int, invalid: _Invalid) -> InvalidValue:
        sequence = self.base + index
        name = f"field `{_shown(invalid.path)}` " if invalid.path else ""
        return InvalidValue(f"record {sequence} of `{_shown(self.path)}` is no value of its type: "
                            f"{name}at byte {invalid.offset}: found {invalid.found}, expected "
                            f"{invalid.expected}", sequence, invalid.path, invalid.offset)

    # Its end

    def state(self) -> State:
        """How the channel ends, as of now; see :class:`State`."""
        while True:
            end = self._look()
            if end.damage is not None:
                return State("damaged", end.damage)
            if end.close is not None:
                return State("closed", _REASONS.get(end.close, end.close))
            if self._is_written():
                return State("open")
            # Without this second look, what a writer wrote, and its close mark, between the first
            # look and the question would be missed.
            if self._word(end.count) == 0:
                break
        sequence, durable = self.base + end.count, self.durable
        if sequence < durable:
            return State("damaged", f"record {sequence} is not there, although a sync had covered "
                                    f"all below {durable}")
        return State("abandoned")

    @property
    def reason(self) -> Union[str, int, None]:
        """That of :meth:`state`."""
        return self.state().reason

    def _is_written(self) -> bool:
        """Whether a writer lives: whether somebody holds a write lock on byte 0. Takes nothing."""
        if not hasattr(fcntl, "F_OFD_GETLK"):
            raise Error(f"cannot tell whether `{_shown(self.path)}` has a writer: this system has "
                        "no locks of open file descriptions; ask on Linux")
        # As for a read lock, with which only a write lock conflicts.
        layout = struct.Struct("@hhqqi4x")
        asked = layout.pack(fcntl.F_RDLCK, os.SEEK_SET, 0, 1, 0)
        try:
            answer = fcntl.fcntl(self._fd, fcntl.F_OFD_GETLK, asked)
        except OSError as error:
            raise Error(f"cannot tell whether `{_shown(self.path)}` has a writer: "
                        f"{error.strerror}; network file systems are not supported") from error
        return layout.unpack(answer)[0] != fcntl.F_UNLCK


def open(path: _Path, *, verify: bool = False) -> Union[RecordArray, Variants]:
    """The committed records of a channel: an array in place, or, if they are an enum with fields,
    a dict of arrays, one for each variant, which are copies. Both have a ``channel``."""
    channel = Channel(path, verify=verify)
    return channel.variants() if _has_fields(channel.schema) else channel.records()


# --- Command line -------------------------------------------------------------------------------

def _dump(channel: Channel) -> int:
    encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
    for value in channel.values():
        sys.stdout.buffer.write(encode(value).encode() + b"\n")
    # The warning has said where; a pipeline should not take the prefix for the whole.
    return 1 if channel.state() == "damaged" else 0


def _info(channel: Channel) -> int:
    state = channel.state()
    print(f"state: {state}" + ("" if state.reason is None else f" ({state.reason})"))
    print(f"records: {len(channel)}")
    print(f"dtype: {_expression(channel.dtype)}")
    return 0


def _print_dtype(channel: Channel) -> int:
    print(_expression(channel.dtype))
    return 0


def main(arguments: Optional[List[str]] = None) -> int:
    """The command line; see the module."""
    parser = argparse.ArgumentParser(prog="kekbit.py", description="Looks at a channel file.")
    parser.add_argument("command", choices=("dump", "info", "dtype"),
                        help="records as lines of JSON; what the file is; the numpy type")
    parser.add_argument("path", help="the file")
    parser.add_argument("--verify", action="store_true",
                        help="verify every record of an original file too")
    chosen = parser.parse_args(arguments)
    command = {"dump": _dump, "info": _info, "dtype": _print_dtype}[chosen.command]
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    warnings.simplefilter("always")
    warnings.showwarning = lambda message, *_, **__: print(f"kekbit: {message}", file=sys.stderr)
    try:
        with Channel(chosen.path, verify=chosen.verify) as channel:
            status = command(channel)
            sys.stdout.flush()
            return status
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
