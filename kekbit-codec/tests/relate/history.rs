//! Random records, and what people do to them: each step that the rules allow is read by all later
//! versions, each that they do not allow is refused.

use kekbit_codec::{Relation, relate};
use proptest::prelude::*;

use crate::model::*;

const NAMES: [Name; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

fn scalar() -> impl Strategy<Value = Ty> {
    prop::sample::select(vec![
        U8,
        U16,
        Ty::Scalar("unit", 0),
        Ty::Scalar("str", 5),
        Ty::Scalar("nonzero u32", 4),
        Ty::Scalar("opaque Money", 16),
        Ty::Scalar("timestamp", 8),
    ])
}

fn row(ty: impl Strategy<Value = Ty>) -> impl Strategy<Value = Vec<Field>> {
    prop::collection::vec((ty, any::<bool>(), any::<bool>()), 1..5).prop_map(|types| {
        let fields = types.into_iter().zip(NAMES).map(|((ty, default, was), name)| {
            let field = field(name, ty).with_was(if was { &["z1", "z2"] } else { &[] });
            Field { default, ..field }
        });
        fields.collect()
    })
}

fn tree_of(ty: impl Strategy<Value = Ty> + Clone) -> impl Strategy<Value = Tree> {
    let bodies = prop::collection::vec(row(ty.clone()), 1..5);
    prop_oneof![
        row(ty).prop_map(|fields| structure("S", fields)),
        (bodies, 1..3_usize, 0..20_usize).prop_map(|(bodies, tag_size, room)| {
            let variants = bodies.into_iter().zip(NAMES).zip(1..);
            let variants =
                variants.map(|((fields, name), tag)| variant(name, tag, fields)).collect();
            choice("E", tag_size, room, variants)
        }),
    ]
}

fn ty() -> impl Strategy<Value = Ty> + Clone {
    let nested = scalar().prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(option),
            (inner.clone(), 0..4_usize).prop_map(|(element, count)| array(element, count)),
            tree_of(inner.boxed()).prop_map(record),
        ]
    });
    nested.boxed()
}

/// The record itself, or one that is the last of it, and may grow: that many steps down.
fn growing(tree: &mut Tree, steps: usize) -> &mut Tree {
    fn below(tree: &mut Tree) -> Option<&mut Tree> {
        let fields = match &mut tree.shape {
            Shape::Struct(fields) => fields,
            Shape::Enum { variants, .. } => &mut variants.last_mut()?.fields,
        };
        let mut ty = &mut fields.last_mut()?.ty;
        while let Ty::Option(value) = ty {
            ty = value;
        }
        match ty {
            Ty::Record(tree) => Some(tree),
            _ => None,
        }
    }
    if steps == 0 || below(&mut tree.clone()).is_none() {
        return tree;
    }
    growing(below(tree).unwrap(), steps - 1)
}

/// One of all rows of fields in a record, wherever they are.
fn rows(tree: &mut Tree) -> Vec<&mut Vec<Field>> {
    fn inside(ty: &mut Ty) -> Option<&mut Tree> {
        match ty {
            Ty::Scalar(..) => None,
            Ty::Array(inner, _) | Ty::Option(inner) => inside(inner),
            Ty::Record(tree) => Some(tree),
        }
    }
    // Where there are some below, those; so none is borrowed twice.
    let own: Vec<&mut Vec<Field>> = match &mut tree.shape {
        Shape::Struct(fields) => vec![fields],
        Shape::Enum { variants, .. } => {
            variants.iter_mut().map(|variant| &mut variant.fields).collect()
        }
    };
    let mut all = Vec::new();
    for row in own {
        if row.iter_mut().any(|field| inside(&mut field.ty).is_some()) {
            for field in row {
                all.extend(inside(&mut field.ty).into_iter().flat_map(rows));
            }
        } else {
            all.push(row);
        }
    }
    all
}

/// What a new version may do; `step` makes names new.
fn allow(tree: &mut Tree, kind: usize, steps: usize, step: usize) {
    const NEW: [Name; 6] = ["n0", "n1", "n2", "n3", "n4", "n5"];
    const NEWER: [Name; 6] = ["m0", "m1", "m2", "m3", "m4", "m5"];
    let tree = growing(tree, steps);
    let size = tree.size();
    let rename = |name: &mut Name, was: &mut Vec<Name>| {
        was.push(std::mem::replace(name, NEW[step]));
    };
    match (kind, &mut tree.shape) {
        (0, _) => rename(&mut tree.name, &mut tree.was),
        (1, _) => tree.was.insert(0, NEWER[step]),
        (2, Shape::Struct(fields)) => fields.push(field(NEW[step], option(Ty::Scalar("u64", 8)))),
        (3, Shape::Struct(fields)) => {
            fields.push(field(NEW[step], array(U16, 3)).with_default());
        }
        (4, Shape::Struct(fields)) => {
            let first = &mut fields[0];
            rename(&mut first.name, &mut first.was);
        }
        (_, Shape::Struct(fields)) => {
            fields[0].default = true;
            fields[0].was.insert(0, NEWER[step]);
        }
        (2, Shape::Enum { variants, .. }) => {
            let fields = vec![field("x", Ty::Scalar("u128", 16))];
            variants.insert(0, variant(NEW[step], 100 + u16::try_from(step).unwrap(), fields));
        }
        (3, Shape::Enum { room, .. }) => *room = size,
        (4, Shape::Enum { variants, .. }) => {
            let first = &mut variants[0];
            rename(&mut first.name, &mut first.was);
            variants.rotate_left(1);
        }
        (_, Shape::Enum { variants, .. }) => {
            variants[0].fields.push(field(NEW[step], option(U8)));
            variants[0].was.push(NEWER[step]);
        }
    }
}

/// What is refused wherever it happens, from both sides.
fn refuse(tree: &mut Tree, kind: usize, at: prop::sample::Index) {
    let mut rows = rows(tree);
    if rows.is_empty() {
        return tree.name = "Other";
    }
    let index = at.index(rows.len());
    let row = &mut rows[index];
    let last = row.len() - 1;
    match kind {
        0 => row[last].name = "other",
        1 => row[last].ty = Ty::Scalar("other", row[last].ty.size()),
        2 => row.insert(0, field("other", option(U8))),
        3 => row.push(field("other", U8)),
        4 if 0 < last => row.swap(0, last),
        5 => {
            row[last].was = vec!["other"];
            row[0].name = "strange";
        }
        _ => row[last].ty = array(row[last].ty.clone(), 1),
    }
}

fn name(relation: Relation<'_>) -> &'static str {
    match relation {
        Relation::Identical => "identical",
        Relation::Older => "older",
        Relation::Newer => "newer",
        _ => "incompatible",
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 512 }))]

    #[test]
    fn what_is_allowed_is_read_for_good(
        first in tree_of(ty()),
        edits in prop::collection::vec((0..6_usize, 0..4_usize), 1..6),
        note in prop::sample::select(vec!["", "USD"]),
    ) {
        let mut versions = vec![first];
        for (step, (kind, steps)) in edits.into_iter().enumerate() {
            let mut next = versions[step].clone();
            allow(&mut next, kind, steps, step);
            if let Shape::Struct(fields) = &mut next.shape {
                fields[0].unit = note;
            }
            versions.push(next);
        }
        let texts: Vec<_> = versions.iter().map(Tree::text).collect();
        for (old, before) in texts.iter().enumerate() {
            prop_assert_eq!(relate(before, before), Relation::Identical);
            for (new, now) in texts.iter().enumerate().skip(old + 1) {
                prop_assert_eq!(name(relate(before, now)), "older", "{}{}", before, now);
                prop_assert_eq!(name(relate(now, before)), "newer", "{}{}", before, now);
                prop_assert!(reads(&versions[old], &versions[new]));
                prop_assert!(!reads(&versions[new], &versions[old]));
            }
        }
    }

    #[test]
    fn what_is_not_allowed_is_refused(
        first in tree_of(ty()),
        edits in prop::collection::vec((0..6_usize, 0..4_usize), 0..3),
        kind in 0..7_usize,
        at in any::<prop::sample::Index>(),
    ) {
        let mut next = first.clone();
        for (step, (kind, steps)) in edits.into_iter().enumerate() {
            allow(&mut next, kind, steps, step);
        }
        let before = next.clone();
        refuse(&mut next, kind, at);
        prop_assert!(!reads(&before, &next) && !reads(&next, &before), "{:?}", next);
        let (old, new) = (before.text(), next.text());
        prop_assert_eq!(name(relate(&old, &new)), "incompatible", "{}{}", old, new);
    }
}
