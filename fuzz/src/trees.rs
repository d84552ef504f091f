//! Schemas that the fuzzer draws, and changes of them: allowed ones and others.

use arbitrary::{Arbitrary, Result, Unstructured};

use crate::model::{Field, Name, Shape, Tree, Ty, Variant, array, choice, field, option, record};

const NAMES: [Name; 10] = ["a", "b", "c", "0", "1", "int", "A_B", "\u{e9}\"\\", "tag", "a.b"];

const SCALARS: [(Name, usize); 24] = [
    ("u8", 1),
    ("u16", 2),
    ("u32", 4),
    ("u64", 8),
    ("u128", 16),
    ("i8", 1),
    ("i16", 2),
    ("i64", 8),
    ("i128", 16),
    ("f32", 4),
    ("f64", 8),
    ("bool", 1),
    ("char", 4),
    ("nonzero u16", 2),
    ("nonzero i128", 16),
    ("unit", 0),
    ("str", 3),
    ("str", 0),
    ("bytes", 5),
    ("timestamp", 8),
    ("duration", 12),
    ("ipv4", 4),
    ("ipv6", 16),
    ("opaque Money", 6),
];

/// A record that is nested so deep at most.
pub(crate) fn tree(input: &mut Unstructured<'_>, depth: usize) -> Result<Tree> {
    let was = names(input)?;
    let name = *input.choose(&NAMES)?;
    if input.ratio(2, 3)? {
        let fields = fields(input, depth)?;
        return Ok(Tree { name, was, shape: Shape::Struct(fields) });
    }
    let mut variants = Vec::new();
    for _ in 0..input.int_in_range(1..=3)? {
        variants.push(variant(input, depth)?);
    }
    let (tag_size, room) = (input.int_in_range(1..=2)?, input.int_in_range(0..=9)?);
    Ok(choice(name, tag_size, room, variants).with_was(&was))
}

fn names(input: &mut Unstructured<'_>) -> Result<Vec<Name>> {
    let mut names = Vec::new();
    if input.ratio(1, 6)? {
        for _ in 0..input.int_in_range(1..=2)? {
            names.push(*input.choose(&NAMES)?);
        }
    }
    Ok(names)
}

fn fields(input: &mut Unstructured<'_>, depth: usize) -> Result<Vec<Field>> {
    let first = input.choose_index(NAMES.len())?;
    let count = input.int_in_range(0..=3)?;
    let named = (0..count).map(|index| drawn(input, NAMES[(first + index) % NAMES.len()], depth));
    named.collect()
}

fn drawn(input: &mut Unstructured<'_>, name: Name, depth: usize) -> Result<Field> {
    let ty = ty(input, depth)?;
    let field = field(name, ty).with_was(&names(input)?);
    let unit = if input.ratio(1, 6)? { "USD" } else { "" };
    Ok(Field { default: input.ratio(1, 4)?, unit, ..field })
}

fn variant(input: &mut Unstructured<'_>, depth: usize) -> Result<Variant> {
    let tag =
        if input.ratio(1, 8)? { u16::arbitrary(input)? } else { input.int_in_range(0..=5)? };
    let (name, was) = (*input.choose(&NAMES)?, names(input)?);
    Ok(Variant { name, was, tag, fields: fields(input, depth)? })
}

fn ty(input: &mut Unstructured<'_>, depth: usize) -> Result<Ty> {
    let Some(inner) = depth.checked_sub(1) else { return scalar(input) };
    Ok(match input.int_in_range(0..=8)? {
        0..=3 => scalar(input)?,
        4 => array(ty(input, inner)?, input.int_in_range(0..=3)?),
        5 => array(ty(input, inner)?, usize::from(u16::arbitrary(input)?) * 3),
        6 => option(ty(input, inner)?),
        _ => record(tree(input, inner)?),
    })
}

fn scalar(input: &mut Unstructured<'_>) -> Result<Ty> {
    let (words, size) = *input.choose(&SCALARS)?;
    Ok(Ty::Scalar(words, size))
}

/// Does something to a record, or to one inside of it.
pub(crate) fn change(tree: &mut Tree, input: &mut Unstructured<'_>) -> Result<()> {
    match input.int_in_range(0..=9)? {
        0 => tree.name = input.choose(&NAMES)?,
        1 => tree.was.push(input.choose(&NAMES)?),
        2 => {
            tree.was.push(tree.name);
            tree.name = input.choose(&NAMES)?;
        }
        _ => match &mut tree.shape {
            Shape::Struct(fields) => return change_fields(fields, input),
            Shape::Enum { tag_size, room, variants } => {
                let at = input.choose_index(variants.len())?;
                match input.int_in_range(0..=7)? {
                    0 => *tag_size = 3 - *tag_size,
                    1 => *room += 1,
                    2 => *room = room.saturating_sub(1),
                    3 => variants.push(variant(input, 1)?),
                    4 if 1 < variants.len() => drop(variants.remove(at)),
                    5 => variants.swap(0, at),
                    6 => {
                        let changed = &mut variants[at];
                        rename(&mut changed.name, &mut changed.was, input)?;
                    }
                    _ => return change_fields(&mut variants[at].fields, input),
                }
            }
        },
    }
    Ok(())
}

fn rename(name: &mut Name, was: &mut Vec<Name>, input: &mut Unstructured<'_>) -> Result<()> {
    let new = *input.choose(&NAMES)?;
    if input.ratio(3, 4)? {
        was.push(*name);
    }
    *name = new;
    Ok(())
}

fn change_fields(fields: &mut Vec<Field>, input: &mut Unstructured<'_>) -> Result<()> {
    if fields.is_empty() || input.ratio(1, 3)? {
        let name = *input.choose(&NAMES)?;
        fields.push(drawn(input, name, 1)?);
        return Ok(());
    }
    let at = input.choose_index(fields.len())?;
    let changed = &mut fields[at];
    match input.int_in_range(0..=6)? {
        0 => drop(fields.pop()),
        1 => fields.swap(0, at),
        2 => changed.default = !changed.default,
        3 => rename(&mut changed.name, &mut changed.was, input)?,
        4 => changed.ty = ty(input, 1)?,
        _ => change_type(&mut changed.ty, input)?,
    }
    Ok(())
}

fn change_type(ty: &mut Ty, input: &mut Unstructured<'_>) -> Result<()> {
    match ty {
        Ty::Scalar(..) => *ty = scalar(input)?,
        Ty::Array(_, count) if input.ratio(1, 4)? => *count += 1,
        Ty::Array(inner, _) | Ty::Option(inner) => change_type(inner, input)?,
        Ty::Record(tree) => change(tree, input)?,
    }
    Ok(())
}
