//! The relation at compile time: rustc follows 128 calls in each other, and no text may make it
//! give up. That this file compiles is most of the test.

use kekbit_codec::{__private::locked, Reason, Relation, assert_extends, relate};

/// Enums in each other around a type.
macro_rules! nest {
    ($held:ty: $name:ident $($more:ident)*) => {
        #[derive(Record)]
        pub(crate) enum $name {
            #[allow(dead_code)]
            Some { held: $held },
        }
        nest!($name: $($more)*);
    };
    ($held:ty:) => {};
}

// NB: not 32 levels: from 25 on rustc asks for a larger `recursion_limit`, as a schema that is part
// of a type takes five of its queries for each level.
mod v1 {
    use kekbit_codec::Record;

    #[derive(Record)]
    #[allow(dead_code)]
    pub(crate) struct Bottom {
        first: u64,
    }
    nest!(Bottom: A B C D E F G H I J K L M N O P Q R S T);
}

mod v2 {
    use kekbit_codec::Record;

    #[derive(Record)]
    #[allow(dead_code)]
    pub(crate) struct Bottom {
        first: u64,
        #[record(default)]
        second: u64,
    }
    nest!(Bottom: A B C D E F G H I J K L M N O P Q R S T);
}

assert_extends!(v1::T => v2::T);

const fn put(text: &mut [u8], at: usize, line: &[u8]) -> usize {
    let mut index = 0;
    while index < line.len() {
        text[at + index] = line[index];
        index += 1;
    }
    at + line.len()
}

const fn as_text(text: &[u8]) -> &str {
    match str::from_utf8(text) {
        Ok(text) => text,
        Err(_) => panic!("names here are ASCII"),
    }
}

/// Enums in each other, as deep as can be. What is not filled is a blank line.
const fn nested(innermost: &[u8]) -> [u8; 8192] {
    const INDENT: &[u8] = &[b' '; 64];
    let mut text = [b' '; 8192];
    let mut at = put(&mut text, 0, b"enum E 1 99\n");
    let mut level = 1;
    while level < 32 {
        at = put(&mut text, at, INDENT.split_at(2 * level - 1).0);
        at = put(&mut text, at, b"A 1 98\n");
        at = put(&mut text, at, INDENT.split_at(2 * level).0);
        at = put(&mut text, at, b"x 0 98 enum E 1\n");
        level += 1;
    }
    at = put(&mut text, at, INDENT.split_at(63).0);
    at = put(&mut text, at, b"A 1 0\n");
    at = put(&mut text, at, INDENT.split_at(64).0);
    put(&mut text, at, innermost);
    text
}

const DEEP: [u8; 8192] = nested(b"a 0 1 u8\n");
const DEEP_OTHER: [u8; 8192] = nested(b"a 0 1 i8\n");
const DEEP_LINKED: [u8; 8192] = nested(b"a 0 1 option\n");

const fn reason(old: &[u8], new: &[u8]) -> Reason {
    match relate(as_text(old), as_text(new)) {
        Relation::Incompatible(difference) => difference.reason(),
        _ => panic!("the texts differ"),
    }
}

const OTHER: Reason = reason(&DEEP, &DEEP_OTHER);
const TOO_DEEP: Reason = reason(&DEEP_LINKED, &nested(b"b 0 1 option\n  # was a\n"));

#[test]
fn enums_in_enums_as_deep_as_can_be() {
    assert_eq!(OTHER, Reason::Type);
    assert_eq!(TOO_DEEP, Reason::TooDeep);
    let Relation::Incompatible(difference) = relate(as_text(&DEEP), as_text(&DEEP_OTHER)) else {
        panic!("the texts differ");
    };
    assert_eq!(difference.path(), format!("{}A.a", "A.x.".repeat(31)));
}

const FIELDS: usize = 130;
const LINE: &[u8] = b" f000 0000 8 u64\n";
const VERSIONS: usize = 40;
const VERSION_LEN: usize = 14 + FIELDS * LINE.len();

/// A struct with that many fields, and what is not filled.
const fn version<const N: usize>(fields: usize) -> [u8; N] {
    const fn number(text: &mut [u8], end: usize, number: usize) {
        let mut left = number;
        let mut at = end;
        while 0 < left {
            at -= 1;
            text[at] = b'0' + (left % 10) as u8;
            left /= 10;
        }
    }
    let mut text = [b'\n'; N];
    put(&mut text, 0, b"struct R 0000\n");
    number(&mut text, 13, fields * 8);
    let mut field = 0;
    while field < fields {
        let at = 14 + field * LINE.len();
        put(&mut text, at, LINE);
        number(&mut text, at + 5, field);
        number(&mut text, at + 10, field * 8);
        field += 1;
    }
    if FIELDS < fields {
        put(&mut text, 14 + fields * LINE.len(), b"  # default\n");
    }
    text
}

const LOCK_LEN: usize = VERSIONS * VERSION_LEN + NEXT.len();
const NEXT: [u8; VERSION_LEN + LINE.len() + 12] = version(FIELDS + 1);
/// A lock file of versions of two kilobytes. Each takes rustc about 50 ms.
static RELEASED: [u8; LOCK_LEN] = {
    let old: [u8; VERSION_LEN] = version(FIELDS);
    let mut lock = [0; LOCK_LEN];
    let mut at = 0;
    while at < VERSIONS {
        lock.split_at_mut(at * VERSION_LEN).1.split_at_mut(VERSION_LEN).0.copy_from_slice(&old);
        at += 1;
    }
    lock.split_at_mut(VERSIONS * VERSION_LEN).1.copy_from_slice(&NEXT);
    lock
};

#[allow(long_running_const_eval)]
const _: () = locked(&NEXT, "schemas/r.lock", as_text(&RELEASED), None);

#[test]
fn a_lock_file_of_many_versions() {
    let (old, new) = (version::<VERSION_LEN>(FIELDS), as_text(&NEXT));
    assert_eq!(relate(as_text(&old), new), Relation::Older);
    locked(&NEXT, "schemas/r.lock", as_text(&RELEASED), None);
}
