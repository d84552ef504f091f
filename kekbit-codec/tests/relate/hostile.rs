//! Texts that are none, or none that a person would write: an answer, and soon.

use std::{fmt::Write as _, sync::LazyLock};

use kekbit_codec::{Reason, Relation, relate};
use proptest::prelude::*;

use crate::{model::Tree, universe};

/// What is said of texts of any kind is the same from both sides.
fn poke(old: &str, new: &str) {
    let (forward, backward) = (relate(old, new), relate(new, old));
    match (forward, backward) {
        (Relation::Identical, Relation::Identical)
        | (Relation::Older, Relation::Newer)
        | (Relation::Newer, Relation::Older) => {}
        (Relation::Incompatible(one), Relation::Incompatible(other)) => {
            for difference in [one, other] {
                assert!(!difference.to_string().is_empty());
                let _ = format!("{} {difference:?}", difference.path());
            }
            assert!(!(one.is_backward() && other.is_backward()));
        }
        other => panic!("{old}{new}: {other:?}"),
    }
}

fn reason(old: &str, new: &str) -> Option<Reason> {
    match relate(old, new) {
        Relation::Incompatible(difference) => Some(difference.reason()),
        _ => None,
    }
}

fn texts() -> Vec<String> {
    let all = [universe::deep(), universe::held_choices(), universe::choices(), universe::names()];
    all.iter().flatten().step_by(3).map(Tree::text).collect()
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,20}",
        " {0,4}[ab#-] [0-9]{1,21} [0-9]{1,21} (u8|option|array 2|struct S|enum E 1|str)",
        " {0,4}# (was|record-was|default|doc)( [a-c]){0,3}",
        " {0,4}[AB] [0-9]{1,12} [0-9]{1,2}",
        Just("\r".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 8 } else { 512 }))]

    #[test]
    fn any_text(old in "\\PC*", new in "(struct|enum) [ -~\\n]{0,80}") {
        poke(&old, &new);
        poke(&new, &new);
        poke(&old, &old);
    }

    #[test]
    fn texts_with_lines_of_any_kind(
        old in any::<prop::sample::Index>(),
        new in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..6, line()), 1..5),
    ) {
        static TEXTS: LazyLock<Vec<String>> = LazyLock::new(texts);
        let texts = &*TEXTS;
        let (old, new) = (old.get(texts), new.get(texts));
        let mut lines: Vec<_> = new.lines().map(str::to_owned).collect();
        for (at, kind, line) in changes {
            let at = at.index(lines.len());
            match kind {
                0 => lines[at] = line,
                1 => lines.insert(at, line),
                2 if 1 < lines.len() => drop(lines.remove(at)),
                3 => lines[at].insert(0, ' '),
                4 if lines[at].starts_with(' ') => drop(lines[at].remove(0)),
                _ => lines.swap(0, at),
            }
        }
        let changed = lines.join("\n");
        poke(old, &changed);
        poke(new, &changed);
        poke(&changed, &changed);
    }
}

/// Files that people edit have such ends of lines, and blank lines.
#[test]
fn ends_of_lines_do_not_matter() {
    for text in texts() {
        let carriage = text.replace('\n', "\r\n");
        let blank = text.replace('\n', "\n  \n\r\n");
        let unended = text.trim_end();
        for other in [carriage.as_str(), &blank, unended] {
            assert_eq!(relate(&text, other), Relation::Identical, "{text}");
            assert_eq!(relate(other, &text), Relation::Identical, "{text}");
        }
    }
}

#[test]
fn no_schema_at_all() {
    for text in ["", "\n", " ", "\r\n", "# note", "struct", "struct R", "struct R x", "enum E 1"] {
        assert_eq!(reason(text, text).unwrap_or(Reason::Malformed), Reason::Malformed, "{text:?}");
        assert_eq!(reason(text, "struct R 0\n"), Some(Reason::Malformed), "{text:?}");
        assert_eq!(reason("struct R 0\n", text), Some(Reason::Malformed), "{text:?}");
    }
    assert_eq!(reason("", ""), Some(Reason::Malformed));
}

#[test]
fn numbers_that_are_too_long() {
    for number in ["99999999999", "18446744073709551616", "-1", "+1", "", "1e3", "\u{661}"] {
        for text in [
            format!("struct R {number}\n"),
            format!("struct R 0\n a {number} 1 u8\n"),
            format!("struct R 0\n a 0 {number} u8\n"),
            format!("enum R 1 1\n A {number} 0\n"),
            format!("enum R 1 1\n A 1 {number}\n"),
        ] {
            let other = text.replace(number, "0").replace("R", "Q");
            let own = text.replace(" a", " b").replace(" A", " B") + "\n";
            assert_eq!(reason(&text, &own), Some(Reason::Malformed), "{text}");
            poke(&text, &other);
        }
    }
}

fn ladder(levels: usize, bottom: &str) -> String {
    let mut text = format!("struct R {}\n", levels + 1);
    for level in 1..=levels {
        let size = levels + 1 - level;
        let offset = usize::from(level != 1);
        let name = if level == 1 { "a" } else { "-" };
        writeln!(text, "{:level$}{name} {offset} {} option", "", size + 1).unwrap();
    }
    let level = levels + 1;
    writeln!(text, "{:level$}- 1 1 {bottom}", "").unwrap();
    text
}

#[test]
fn types_nested_too_deep() {
    assert_eq!(reason(&ladder(31, "u8"), &ladder(31, "i8")), Some(Reason::Type));
    for levels in [32, 33, 1000, 1400] {
        let (old, new) = (ladder(levels, "u8"), ladder(levels, "i8"));
        assert_eq!(reason(&old, &new), Some(Reason::TooDeep), "{levels}");
        // All that is appended is gone past without being looked into.
        assert_eq!(relate("struct R 0\n", &new), Relation::Older);
    }
    let mut steep = "struct R 0\n".to_owned();
    for level in 1..100_000 {
        steep.push_str(&" ".repeat(level % 700));
        steep.push_str("a 0 0 struct S\n");
        if 1 << 20 < steep.len() {
            break;
        }
    }
    assert_eq!(reason(&steep, "struct R 0\n"), Some(Reason::TooLong));
    assert_eq!(reason(&steep, &steep), Some(Reason::TooLong));
    steep.truncate(1 << 20);
    assert_eq!(relate(&steep, &steep), Relation::Identical);
    poke(&steep, "struct R 0\n");
    poke(&steep, &steep[1 << 10..]);
}

#[test]
fn lines_of_a_mebibyte() {
    let long = (1 << 20) - 200;
    let name = "n".repeat(long);
    let (plain, other) = (format!("struct {name} 0\n"), format!("struct {name}m 0\n"));
    assert_eq!(relate(&plain, &plain), Relation::Identical);
    assert_eq!(reason(&plain, &other), Some(Reason::RecordName));
    poke(&plain, &other);
    for line in [
        "#".repeat(long),
        " ".repeat(long),
        format!(" a 0 1 {name}"),
        format!(" {name} 0 1 u8"),
        format!(" a {} 1 u8", "9".repeat(long)),
        format!(" a 0 1 u8\n  # was {name}"),
        format!(" a 0 1 u8\n  # was {}", "x ".repeat(long / 2)),
    ] {
        let text = format!("struct R 1\n{line}\n");
        poke(&text, "struct R 1\n a 0 1 u8\n");
        poke(&text, &text.replace("R 1", "R 2"));
        assert_eq!(reason(&format!("{text}{}", " ".repeat(300)), &text), Some(Reason::TooLong));
    }
}

fn enum_text(tags: impl Iterator<Item = u32>, body: &str) -> String {
    let mut text = "enum E 2 2\n".to_owned();
    for tag in tags {
        writeln!(text, " V{tag} {tag} 0{body}").unwrap();
    }
    text
}

/// Some are found in any order; with thousands it is given up, long before each was compared with
/// each. In their order there may be any number.
#[test]
fn variants_in_another_order() {
    for (count, expected) in [(1_500, None), (50_000, Some(Reason::OutOfOrder))] {
        let up = enum_text(1..count, "");
        let down = enum_text((1..count).rev(), "");
        assert_eq!(reason(&up, &down), expected, "{count}");
        assert_eq!(reason(&down, &up), expected, "{count}");
    }
    let (up, more) = (enum_text(1..50_000, ""), enum_text(1..50_001, ""));
    assert_eq!(relate(&up, &more), Relation::Older);
    assert_eq!(relate(&enum_text((1..50_000).step_by(2), ""), &up), Relation::Older);
}

#[test]
fn variants_of_one_tag_in_front_of_a_large_one() {
    let old = enum_text(std::iter::repeat_n(1, 50_000), "");
    let mut new = enum_text(1..2, "");
    for field in 0..30_000 {
        writeln!(new, "  f{field} 0 1 option\n   - 1 0 unit").unwrap();
    }
    assert_eq!(reason(&old, &new), Some(Reason::OutOfOrder));
}

#[test]
fn former_names_in_another_order() {
    let text = |names: &mut dyn Iterator<Item = u32>| {
        let mut text = "struct R 1\n a 0 1 u8\n  # was".to_owned();
        names.for_each(|name| write!(text, " {name}").unwrap());
        text
    };
    let up = text(&mut (0..100_000));
    assert_eq!(relate(&up, &text(&mut (0..100_001))), Relation::Older);
    assert_eq!(reason(&up, &text(&mut (0..100_000).rev())), Some(Reason::OutOfOrder));
    let few = text(&mut (0..3_000));
    assert_eq!(relate(&few, &text(&mut (0..3_000).rev())), Relation::Identical);
}
