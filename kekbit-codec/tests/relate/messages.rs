//! One change of each kind, and all that is said of it.

use kekbit_codec::{Reason, Relation, relate};

struct Case {
    old: &'static str,
    new: &'static str,
    reason: Reason,
    path: &'static str,
    expected: &'static str,
    found: &'static str,
    said: &'static str,
}

const BODY: &str = "enum E 1 4\n A 1 0\n B 2 3\n  x 0 1 u8\n  y 1 2 u16\n";

const CASES: &[Case] = &[
    Case {
        old: "struct R 1\n a 0 1 u8\n",
        new: "struct R 1\n a 0 u8\n",
        reason: Reason::Malformed,
        path: "",
        expected: "a 0 1 u8",
        found: "a 0 u8",
        said: "line 2 of the earlier schema text (`a 0 1 u8`) or line 2 of the later one \
               (`a 0 u8`) is not what belongs there",
    },
    Case {
        old: "struct R 1\n a 0 1 u8\n",
        new: "struct R 1\n a 1 1 u8\n",
        reason: Reason::Malformed,
        path: "",
        expected: "a 0 1 u8",
        found: "a 1 1 u8",
        said: "line 2 of the earlier schema text (`a 0 1 u8`) or line 2 of the later one \
               (`a 1 1 u8`) is not what belongs there",
    },
    Case {
        old: "struct R 1\n a 0 1 u8\n",
        new: "enum R 1 1\n a 0 0\n",
        reason: Reason::RecordKind,
        path: "",
        expected: "struct",
        found: "enum",
        said: "the record was of kind `struct` and is of kind `enum`; a record keeps its kind",
    },
    Case {
        old: "struct R 0\n",
        new: "struct S 0\n # record-was Q\n",
        reason: Reason::RecordName,
        path: "",
        expected: "R",
        found: "S",
        said: "the type of the record was called `R` and is called `S`; if it was renamed, write \
               `#[record(was = \"R\")]` on it",
    },
    Case {
        old: "struct R 0\n # record-was P Q\n",
        new: "struct S 0\n # record-was R P\n",
        reason: Reason::RecordNameLost,
        path: "",
        expected: "Q",
        found: "S",
        said: "the type of the record was once called `Q` and says so no more; former names stay \
               in `was`",
    },
    Case {
        old: "struct R 1\n a 0 1 struct S\n  x 0 1 u8\n",
        new: "struct R 1\n a 0 1 struct T\n  x 0 1 u8\n",
        reason: Reason::RecordName,
        path: "a",
        expected: "S",
        found: "T",
        said: "the type of `a` was called `S` and is called `T`; if it was renamed, write \
               `#[record(was = \"S\")]` on it",
    },
    Case {
        old: "struct R 1\n a 0 1 enum E 1\n  X 1 0\n",
        new: "struct R 2\n a 0 2 enum E 2\n  X 1 0\n",
        reason: Reason::TagSize,
        path: "a",
        expected: "1",
        found: "2",
        said: "the tag of `a` had `1` bytes and has `2`; write the `tag_size` that it had (an enum \
               that was released without data stays without, unless it had `tag_size = 2` from \
               the start)",
    },
    Case {
        old: "struct R 2\n a 0 1 u8\n b 1 1 u8\n",
        new: "struct R 5\n b 0 1 u8\n c 1 4 u32\n",
        reason: Reason::Removed,
        path: "",
        expected: "a",
        found: "b",
        said: "field `a` has gone; fields stay for good",
    },
    Case {
        old: "struct R 2\n a 0 1 u8\n b 1 1 u8\n",
        new: "struct R 3\n a 0 1 u8\n c 1 2 u16\n",
        reason: Reason::Renamed,
        path: "",
        expected: "b",
        found: "c",
        said: "field `b` is called `c`; if it was renamed, write `#[record(was = \"b\")]` on it",
    },
    Case {
        old: "struct R 2\n a 0 1 u8\n b 1 1 u8\n",
        new: "struct R 2\n b 0 1 u8\n a 1 1 u8\n",
        reason: Reason::Reordered,
        path: "",
        expected: "a",
        found: "b",
        said: "field `b` stands where `a` was; fields keep their order",
    },
    Case {
        old: "struct R 2\n a 0 1 u8\n b 1 1 u8\n",
        new: "struct R 2\n b 0 1 u8\n c 1 1 u8\n  # was a\n",
        reason: Reason::Reordered,
        path: "",
        expected: "a",
        found: "b",
        said: "field `b` stands where `a` was; fields keep their order",
    },
    Case {
        old: "struct R 2\n s 0 2 struct S\n  a 0 1 u8\n  b 1 1 u8\n",
        new: "struct R 4\n s 0 4 struct S\n  a 0 1 u8\n  c 1 2 option\n   - 1 1 u8\n  b 3 1 \
              u8\n",
        reason: Reason::Inserted,
        path: "s",
        expected: "b",
        found: "c",
        said: "field `c` in `s` stands where `b` was; new fields go to the end",
    },
    Case {
        old: "struct R 1\n a 0 1 u8\n",
        new: "struct R 2\n a 0 1 u8\n b 1 1 u8\n",
        reason: Reason::NoDefault,
        path: "b",
        expected: "",
        found: "b",
        said: "`b` is new, and older records have nothing for it; make it an `Option`, or write \
               `#[record(default = ...)]` on it",
    },
    Case {
        old: "struct R 1\n a 0 1 u8\n  # was b c\n",
        new: "struct R 1\n a 0 1 u8\n  # was b d\n",
        reason: Reason::NameLost,
        path: "a",
        expected: "c",
        found: "a",
        said: "`a` was once called `c` and says so no more; former names stay in `was`",
    },
    Case {
        old: "struct R 1\n a 0 1 u8\n  # default\n",
        new: "struct R 1\n a 0 1 u8\n  # was z\n",
        reason: Reason::DefaultLost,
        path: "a",
        expected: "a",
        found: "a",
        said: "`a` had a default and has none; older records still need it: keep \
               `#[record(default = ...)]`",
    },
    Case {
        old: "struct R 4\n a 0 4 array 4\n  - 0 1 nonzero u8\n",
        new: "struct R 4\n a 0 4 array 4\n  - 0 1 u8\n",
        reason: Reason::Type,
        path: "a[]",
        expected: "nonzero u8",
        found: "u8",
        said: "`a[]` was of type `nonzero u8` and is of type `u8`; types never change: append a \
               new field instead",
    },
    Case {
        old: "struct R 4\n a 0 4 str\n",
        new: "struct R 8\n a 0 8 str\n",
        reason: Reason::Length,
        path: "a",
        expected: "4",
        found: "8",
        said: "`a` had `4` bytes and has `8`; lengths never change: append a new field instead",
    },
    Case {
        old: "struct R 4\n a 0 4 array 4\n  - 0 1 u8\n",
        new: "struct R 5\n a 0 5 array 5\n  - 0 1 u8\n",
        reason: Reason::Count,
        path: "a",
        expected: "array 4",
        found: "array 5",
        said: "`a` was `array 4` and is `array 5`; arrays keep their length: append a new field \
               instead",
    },
    Case {
        old: "struct R 2\n a 0 2 array 2\n  - 0 1 struct S\n   x 0 1 u8\n",
        new: "struct R 6\n a 0 6 array 2\n  - 0 3 struct S\n   x 0 1 u8\n   y 1 2 option\n    - 1 \
              1 u8\n",
        reason: Reason::Element,
        path: "a[]",
        expected: "1",
        found: "3",
        said: "`a[]` had `1` bytes and has `3`; elements of an array keep their size",
    },
    Case {
        old: "struct R 2\n a 0 1 struct S\n  x 0 1 u8\n b 1 1 u8\n",
        new: "struct R 4\n a 0 3 struct S\n  x 0 1 u8\n  y 1 2 option\n   - 1 1 u8\n b 3 1 u8\n",
        reason: Reason::Grown,
        path: "a",
        expected: "1",
        found: "3",
        said: "`a` had `1` bytes and has `3`, but other fields of the earlier version stand behind \
               it, and only its last field may grow; append to the record itself instead",
    },
    Case {
        old: "struct R 4\n e 0 4 enum E 1\n  A 1 0\n",
        new: "struct R 5\n e 0 1 enum E 1\n  A 1 0\n z 1 4 u32\n  # default\n",
        reason: Reason::Shrunk,
        path: "e",
        expected: "4",
        found: "1",
        said: "`e` had `4` bytes and has `1`; nothing may shrink: give the enum the `size` that it \
               had",
    },
    Case {
        old: "enum E 1 9\n A 1 0\n",
        new: "enum E 1 4\n A 1 0\n B 2 3\n  x 0 3 str\n",
        reason: Reason::VariantRemoved,
        path: "",
        expected: "B",
        found: "",
        said: "variant `B` has gone; variants stay for good",
    },
    Case {
        old: BODY,
        new: "enum E 1 4\n B 2 3\n  x 0 1 u8\n  y 1 2 u16\n C 3 0\n",
        reason: Reason::VariantRemoved,
        path: "",
        expected: "A",
        found: "",
        said: "variant `A` has gone; variants stay for good",
    },
    Case {
        old: BODY,
        new: "enum E 1 4\n A 1 0\n C 2 3\n  # was D\n  x 0 1 u8\n  y 1 2 u16\n",
        reason: Reason::VariantRenamed,
        path: "",
        expected: "B",
        found: "C",
        said: "variant `B` is called `C`; if it was renamed, write `#[record(was = \"B\")]` on it, \
               else give the new one a new tag",
    },
    Case {
        old: "struct R 1\n e 0 1 enum E 1\n  A 1 0\n",
        new: "struct R 1\n e 0 1 enum E 1\n  B 7 0\n   # was A\n",
        reason: Reason::VariantTag,
        path: "e.B",
        expected: "1",
        found: "7",
        said: "the tag of `e.B` was `1` and is `7`; give the variant back its tag with \
               `#[record(tag = 1)]`, or with `= 1` in an enum without data",
    },
    Case {
        old: BODY,
        new: "enum E 1 4\n A 1 0\n C 2 0\n B 3 3\n  x 0 1 u8\n  y 1 2 u16\n",
        reason: Reason::VariantTag,
        path: "B",
        expected: "2",
        found: "3",
        said: "the tag of `B` was `2` and is `3`; give the variant back its tag with \
               `#[record(tag = 2)]`, or with `= 2` in an enum without data",
    },
    Case {
        old: BODY,
        new: "enum E 1 4\n A 1 0\n B 2 2\n  x 0 1 u8\n  y 1 1 i8\n",
        reason: Reason::Type,
        path: "B.y",
        expected: "u16",
        found: "i8",
        said: "`B.y` was of type `u16` and is of type `i8`; types never change: append a new field \
               instead",
    },
];

#[test]
fn what_is_said_of_each_change() {
    for case in CASES {
        let Relation::Incompatible(difference) = relate(case.old, case.new) else {
            panic!("{} and {} are not incompatible", case.old, case.new);
        };
        let told = (difference.reason(), difference.expected(), difference.found());
        assert_eq!(difference.to_string(), case.said);
        assert_eq!(told, (case.reason, case.expected, case.found), "{}", case.said);
        assert_eq!(difference.path(), case.path, "{}", case.said);
    }
}

/// What is larger is taken for the later one, whichever is asked about.
#[test]
fn the_larger_record_is_the_one_that_changed() {
    let (small, large) =
        ("struct R 2\n a 0 2 u16\n", "struct R 3\n a 0 1 u8\n b 1 2 option\n  - 1 1 u8\n");
    for (old, new, is_backward) in [(small, large, false), (large, small, true)] {
        let Relation::Incompatible(difference) = relate(old, new) else { panic!("{old}{new}") };
        assert_eq!(difference.is_backward(), is_backward);
        assert_eq!((difference.expected(), difference.found()), ("u16", "u8"));
    }
}

/// In messages there is room for some kilobytes; names are never cut in a character.
#[test]
fn long_names_are_cut_in_messages_only() {
    let name = "\u{e9}".repeat(127);
    let nested = |ty: &str| {
        let mut text = "struct R 1\n".to_owned();
        for level in 1..32 {
            let indent = " ".repeat(level);
            let ty = if level == 31 { ty.to_owned() } else { format!("struct S{level}") };
            text.push_str(&format!("{indent}{name} 0 1 {ty}\n"));
        }
        text
    };
    let (old, new) = (nested("u8"), nested("i8"));
    let Relation::Incompatible(difference) = relate(&old, &new) else { panic!("{old}{new}") };
    let said = difference.to_string();
    assert!(said.starts_with(&format!("`{name}.{name}")), "{said}");
    assert_eq!(difference.path(), vec![name; 31].join("."));
}
