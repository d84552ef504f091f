//! All small schemas of several kinds.

use crate::model::*;

/// All rows of fields, each of `choices` or none at each place, without two of one name.
fn rows(choices: &[Vec<Field>]) -> Vec<Vec<Field>> {
    let mut all = vec![vec![]];
    let mut longest = all.clone();
    for place in choices {
        let mut longer = Vec::new();
        for row in &longest {
            for next in place {
                let is_taken = |field: &Field| {
                    field.name == next.name
                        || field.was.contains(&next.name)
                        || next.was.contains(&field.name)
                };
                if !row.iter().any(is_taken) {
                    longer.push([row.clone(), vec![next.clone()]].concat());
                }
            }
        }
        all.extend(longer.clone());
        longest = longer;
    }
    all
}

fn structs(rows: Vec<Vec<Field>>) -> Vec<Tree> {
    rows.into_iter().map(|fields| structure("R", fields)).collect()
}

/// Up to two fields with any names, former names, types and defaults.
pub(crate) fn names() -> Vec<Tree> {
    let mut fields = Vec::new();
    for (name, was) in
        [("a", &[][..]), ("b", &[]), ("b", &["a"]), ("c", &["a"]), ("a", &["b", "c"])]
    {
        for ty in [U8, option(U8), Ty::Scalar("str", 1), Ty::Scalar("str", 2)] {
            for default in [false, true] {
                let field = field(name, ty.clone()).with_was(was);
                fields.push(Field { default, ..field });
            }
        }
    }
    structs(rows(&[fields.clone(), fields]))
}

/// Up to three fields in any order, each required, optional or with a default.
pub(crate) fn orders() -> Vec<Tree> {
    let mut fields = Vec::new();
    for name in ["a", "b", "c"] {
        fields.push(field(name, U8));
        fields.push(field(name, U8).with_default());
        fields.push(field(name, option(U8)));
    }
    structs(rows(&[fields.clone(), fields.clone(), fields]))
}

/// What a field in front, in the middle, at the end can hold, and what may stand around it.
fn placed(held: &[Ty]) -> Vec<Tree> {
    let mut all = Vec::new();
    let nothing = Ty::Scalar("unit", 0);
    for ty in held {
        for front in [vec![], vec![field("front", U16)]] {
            for back in [
                vec![],
                vec![field("back", option(U8))],
                vec![field("back", U8)],
                vec![field("back", U8).with_default()],
                vec![field("back", nothing.clone()).with_default()],
            ] {
                let middle = vec![field("held", ty.clone())];
                all.push(structure("R", [front.clone(), middle, back].concat()));
            }
        }
    }
    all
}

fn inner_structs() -> Vec<Tree> {
    let (x, y) = (field("x", U8), field("y", option(U8)));
    vec![
        structure("S", vec![]),
        structure("S", vec![x.clone()]),
        structure("S", vec![x.clone(), y.clone()]),
        structure("S", vec![x.clone(), field("y", U8).with_default()]),
        structure("S", vec![x.clone(), field("y", U8)]),
        structure("T", vec![x.clone()]),
        structure("T", vec![x.clone(), y]).with_was(&["S"]),
    ]
}

/// Structs that grow or not, bare, in options and in arrays, in every place.
pub(crate) fn nested() -> Vec<Tree> {
    let mut held = Vec::new();
    for tree in inner_structs() {
        let ty = record(tree);
        held.push(array(ty.clone(), 2));
        held.push(option(ty.clone()));
        held.push(ty);
    }
    held.push(array(record(structure("S", vec![])), 1));
    placed(&held)
}

/// Two levels: structs, options and arrays in each other.
pub(crate) fn deep() -> Vec<Tree> {
    let mut held = Vec::new();
    for tree in inner_structs().into_iter().take(4) {
        let ty = record(tree);
        held.push(option(array(ty.clone(), 1)));
        held.push(array(option(ty.clone()), 1));
        held.push(option(option(ty.clone())));
        for back in [vec![], vec![field("z", option(U8))], vec![field("z", U8)]] {
            let middle = vec![field("s", ty.clone())];
            let outer = structure("M", [middle, back].concat());
            held.push(record(outer.clone()));
            held.push(option(record(outer)));
        }
    }
    placed(&held)
}

/// Enums with every subset of variants, in both orders, and every body.
fn enums() -> Vec<Tree> {
    let bodies = [
        vec![],
        vec![field("x", U8)],
        vec![field("x", U8), field("y", option(U8))],
        vec![field("x", record(structure("S", vec![field("u", U8)])))],
        vec![field(
            "x",
            record(structure("S", vec![field("u", U8), field("v", U8).with_default()])),
        )],
    ];
    let mut all = Vec::new();
    for (index, first) in bodies.iter().enumerate() {
        for second in bodies.iter().skip(index % 2).step_by(2).map(Some).chain([None]) {
            for room in [0, 3] {
                let a = variant("A", 1, first.clone());
                let mut variants = vec![a];
                if let Some(second) = second {
                    variants.push(variant("B", 2, second.clone()));
                    if index % 2 == 0 {
                        variants.reverse();
                    }
                }
                all.push(choice("E", 1, room, variants));
            }
        }
    }
    all
}

/// Records that are enums.
pub(crate) fn choices() -> Vec<Tree> {
    let mut all = enums();
    for (name, was, tag) in [
        ("A", &[][..], 1),
        ("A", &[], 2),
        ("C", &[], 1),
        ("C", &["A"], 1),
        ("A", &["C"], 1),
        ("C", &["A", "B"], 2),
    ] {
        for tag_size in [1, 2] {
            for others in [vec![], vec![variant("B", 9, vec![field("x", U8)])]] {
                let own = vec![variant(name, tag, vec![]).with_was(was)];
                all.push(choice("E", tag_size, 0, [own.clone(), others.clone()].concat()));
                all.push(choice("E", tag_size, 2, [others, own].concat()));
            }
        }
    }
    all.push(choice("F", 1, 0, vec![variant("A", 1, vec![])]));
    all.push(choice("F", 1, 0, vec![variant("A", 1, vec![])]).with_was(&["E"]));
    all.push(structure("E", vec![field("A", U8)]));
    all
}

/// Enums in structs, in options, in arrays, and in variants of another enum.
pub(crate) fn held_choices() -> Vec<Tree> {
    let mut held = Vec::new();
    for tree in enums().into_iter().step_by(2) {
        let ty = record(tree);
        held.push(array(ty.clone(), 2));
        held.push(ty.clone());
    }
    held.push(record(choice("E", 2, 0, vec![variant("A", 1, vec![])])));
    let mut all: Vec<_> = placed(&held).into_iter().step_by(2).collect();
    for tree in enums() {
        let ty = record(tree);
        for room in [0, 5] {
            let fields = vec![field("e", ty.clone())];
            let longer = [fields.clone(), vec![field("z", option(U8))]].concat();
            all.push(choice("O", 2, room, vec![variant("V", 1, fields)]));
            all.push(choice("O", 2, room, vec![variant("V", 1, longer)]));
        }
        all.push(structure("R", vec![field("held", option(ty))]));
    }
    all
}
