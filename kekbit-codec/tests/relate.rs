//! The relation of two schemas, against a model of its own: on all small schemas of several kinds,
//! on random histories, and on texts that are none.

#[path = "relate/constants.rs"]
mod constants;
#[path = "relate/history.rs"]
mod history;
#[path = "relate/hostile.rs"]
mod hostile;
#[path = "relate/messages.rs"]
mod messages;
#[path = "relate/model.rs"]
mod model;
#[path = "relate/universe.rs"]
mod universe;

use kekbit_codec::{ParsedSchema, Relation, relate};
use model::{Tree, reads};

/// Holds the words of `relate` for each pair against the rules, and the rules against each other.
fn exhaust(universe: &[Tree]) {
    let texts: Vec<_> = universe.iter().map(Tree::text).collect();
    let count = universe.len();
    let words = count.div_ceil(64);
    // Row `old`: which of them read it.
    let mut reading = vec![vec![0_u64; words]; count];
    let (mut older, mut apart) = (0, 0);
    for (old, row) in reading.iter_mut().enumerate() {
        for new in 0..count {
            let (forward, backward) =
                (reads(&universe[old], &universe[new]), reads(&universe[new], &universe[old]));
            let relation = relate(&texts[old], &texts[new]);
            let same = match relation {
                Relation::Identical => forward && backward,
                Relation::Older => forward && !backward,
                Relation::Newer => !forward && backward,
                Relation::Incompatible(_) => !forward && !backward,
                _ => false,
            };
            assert!(
                same,
                "{}{}is {relation:?}, but by the rules ({forward}, {backward})",
                texts[old], texts[new]
            );
            older += usize::from(relation == Relation::Older);
            apart += usize::from(matches!(relation, Relation::Incompatible(_)));
            row[new / 64] |= u64::from(forward) << (new % 64);
        }
    }
    for old in 0..count {
        assert_eq!(relate(&texts[old], &texts[old]), Relation::Identical, "{}", texts[old]);
        if let Err(error) = ParsedSchema::parse(&texts[old]) {
            panic!("{}{error}", texts[old]);
        }
        for new in (0..count).filter(|new| reading[old][new / 64] >> (new % 64) & 1 == 1) {
            for (word, (next, first)) in reading[new].iter().zip(&reading[old]).enumerate() {
                let lost = next & !first;
                assert_eq!(
                    lost,
                    0,
                    "not transitive:\n{}{}{}",
                    texts[old],
                    texts[new],
                    texts[word * 64 + lost.trailing_zeros() as usize]
                );
            }
        }
    }
    assert!(count < older && count < apart, "{count} schemas, {older} older, {apart} apart");
}

#[test]
fn structs_with_any_names_and_defaults() {
    exhaust(&universe::names());
}

#[test]
fn structs_with_fields_in_any_order() {
    exhaust(&universe::orders());
}

#[test]
fn structs_in_structs() {
    exhaust(&universe::nested());
}

#[test]
fn structs_in_structs_in_structs() {
    exhaust(&universe::deep());
}

#[test]
fn enums() {
    exhaust(&universe::choices());
}

#[test]
fn enums_in_structs_and_enums() {
    exhaust(&universe::held_choices());
}
