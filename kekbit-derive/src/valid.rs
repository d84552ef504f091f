//! Judges what was read. All errors a user can make beyond syntax are here, except those that only
//! the compiler can find: field types without a layout, and sizes.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use proc_macro2::TokenTree;
use quote::ToTokens;
use syn::{Attribute, Data, Fields, GenericParam, Lifetime, Type, spanned::Spanned};

use crate::{
    ast::{Field, Input, Kind, Tag, Variant},
    attr::{Errors, TypeAttrs, Written},
};

const PLAIN_TAG_MAX: u64 = u8::MAX as u64;

pub(crate) fn validate(input: &Input<'_>, errors: &mut Errors) {
    repr(&input.original.attrs, errors);
    name(input, errors);
    generics(input, errors);
    versions(input, errors);
    match &input.kind {
        Kind::Struct(members) => {
            no_enum_keys(input, errors);
            fields(input, members, errors);
        }
        Kind::Plain(variants) => plain(input, variants, errors),
        Kind::Tagged(variants) => tagged(input, variants, errors),
        Kind::Union => errors.at(
            union_span(input),
            "a union does not say which of its fields is there; write an enum, whose tag does",
        ),
    }
}

fn union_span(input: &Input<'_>) -> proc_macro2::Span {
    match &input.original.data {
        Data::Union(data) => data.union_token.span,
        Data::Struct(_) | Data::Enum(_) => input.ident().span(),
    }
}

fn repr(attrs: &[Attribute], errors: &mut Errors) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("repr")) {
        let Ok(list) = attr.meta.require_list() else { continue };
        for token in list.tokens.clone() {
            if let TokenTree::Ident(ident) = token
                && ident == "packed"
            {
                errors.at(
                    ident.span(),
                    "fields of a packed struct cannot be borrowed; remove `packed`, the wire \
                     layout is packed without it",
                );
            }
        }
    }
}

fn name(input: &Input<'_>, errors: &mut Errors) {
    if let Some(name) = &input.attrs.name {
        schema_name(name, errors);
    }
    former_names(&input.name(), input.attrs.was.as_deref(), &[], errors);
}

fn schema_name(name: &Written<String>, errors: &mut Errors) {
    let text = &name.value;
    let bad = text.is_empty()
        || 255 < text.len()
        || text.starts_with(['#', '-'])
        || text.chars().any(|c| c.is_whitespace() || c.is_control());
    if bad {
        errors.at(
            name.span,
            "a name has 1 to 255 bytes, none of them white space or a control character, \
             and does not start with `#` or `-`",
        );
    }
}

/// Names that are given up must not be taken again by a sibling: who reads by name would mistake
/// one for the other.
fn former_names(
    name: &str,
    was: Option<&[Written<String>]>,
    siblings: &[&str],
    errors: &mut Errors,
) {
    let mut seen = HashSet::new();
    for former in was.unwrap_or_default() {
        schema_name(former, errors);
        let text = former.value.as_str();
        if text == name {
            errors.at(former.span, "this is its name now; `was` lists the names it had before");
        } else if siblings.contains(&text) {
            errors.at(
                former.span,
                format_args!("`{text}` is called so now; a former name is not taken again"),
            );
        } else if !seen.insert(text) {
            errors.at(former.span, format_args!("`{text}` is given twice; remove one of them"));
        }
    }
}

/// Two fields, or two variants, cannot both be what was once called so.
fn once_among_siblings<'a>(
    former: impl Iterator<Item = &'a [Written<String>]>,
    errors: &mut Errors,
) {
    let mut seen = HashSet::new();
    for names in former {
        let own: HashSet<_> = names.iter().map(|name| name.value.as_str()).collect();
        for name in names.iter().filter(|name| seen.contains(name.value.as_str())) {
            errors.at(
                name.span,
                format_args!(
                    "another one here was called `{}`, too; leave it with the one that was",
                    name.value
                ),
            );
        }
        seen.extend(own);
    }
}

/// A text that is shown in one line.
fn line(text: Option<&Written<String>>, errors: &mut Errors) {
    if let Some(text) = text
        && (text.value.trim() != text.value
            || text.value.is_empty()
            || text.value.chars().any(char::is_control))
    {
        errors.at(text.span, "write one line, without spaces around it or control characters");
    }
}

/// What is said of other versions of the type.
fn versions(input: &Input<'_>, errors: &mut Errors) {
    let TypeAttrs { extends, pin, lock, .. } = &input.attrs;
    let told = [
        ("extends", extends.as_ref().map(Spanned::span)),
        ("pin", pin.as_ref().map(|pin| pin.span)),
        ("lock", lock.as_ref().map(|lock| lock.span)),
    ];
    for (key, span) in told {
        if let (true, Some(span)) = (input.is_generic(), span) {
            errors.at(
                span,
                format_args!(
                    "`{key}` is about one schema, and a generic struct has one for each of its \
                     arguments; write `assert_extends!(V1<X> => V2<X>)` for those in use"
                ),
            );
        }
    }
    if let Some(Type::Path(path)) = extends
        && path.path.is_ident(input.ident())
    {
        errors.at(path.span(), "a record extends an earlier version, not itself");
    }
    if let Some(pin) = pin
        && fingerprint(&pin.value).is_none()
    {
        errors.at(
            pin.span,
            "a fingerprint has 16 hexadecimal digits; write \"0000000000000000\", and the next \
             error tells the right one",
        );
    }
    if let (Some(lock), false) = (lock, input.is_generic()) {
        lock_file(lock, errors);
    }
}

/// The number that a pin gives.
pub(crate) fn fingerprint(digits: &str) -> Option<u64> {
    let plain = digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u64::from_str_radix(digits, 16).ok().filter(|_| plain)
}

/// That the file is missing is told here, with what to do; its content is for the compiler.
fn lock_file(lock: &Written<String>, errors: &mut Errors) {
    let path = Path::new(&lock.value);
    if lock.value.is_empty() || path.is_absolute() {
        errors.at(lock.span, "write a path from the folder of the package's Cargo.toml");
        return;
    }
    // Without cargo there is no such folder to look in; the compiler will.
    let Some(folder) = std::env::var_os("CARGO_MANIFEST_DIR") else { return };
    if !Path::new(&folder).join(path).is_file() {
        errors.at(
            lock.span,
            format_args!(
                "there is no lock file `{}` in the folder of the package's Cargo.toml; if there was \
                 one, restore it from version control; for a type that was never released create \
                 an empty one, then `KEKBIT_LOCK=update cargo test kekbit_lock` fills it",
                lock.value
            ),
        );
    }
}

fn generics(input: &Input<'_>, errors: &mut Errors) {
    let generics = &input.original.generics;
    let is_enum = matches!(input.kind, Kind::Plain(_) | Kind::Tagged(_));
    for param in &generics.params {
        // A lifetime is told by the field that borrows.
        if !matches!(param, GenericParam::Lifetime(_)) && is_enum {
            errors.at(
                param.span(),
                "a generic enum has no fixed size; put the enum into a generic struct, or write \
                 one enum for each type",
            );
            break;
        }
    }
}

fn no_enum_keys(input: &Input<'_>, errors: &mut Errors) {
    let attrs = &input.attrs;
    let keys =
        [("tag_size", &attrs.tag_size), ("size", &attrs.size), ("max_size", &attrs.max_size)];
    for (key, written) in keys {
        if let Some(written) = written {
            errors.at(written.span, format_args!("`{key}` is for enums; remove it"));
        }
    }
}

fn fields(input: &Input<'_>, fields: &[Field<'_>], errors: &mut Errors) {
    let lifetimes = || input.original.generics.lifetimes();
    let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
    let former = fields.iter().filter_map(|field| field.attrs.was.as_deref());
    once_among_siblings(former, errors);
    for field in fields {
        former_names(&field.name, field.attrs.was.as_deref(), &names, errors);
        line(field.attrs.unit.as_ref(), errors);
        line(field.attrs.doc.as_ref(), errors);
        if let Some((equals, _)) = &field.original.default {
            errors.at(
                equals.span(),
                "a record takes no default field values; implement `Default` instead",
            );
        }
        let ty = field.wire_ty();
        if let Some(advice) = advice(ty) {
            errors.at(ty.span(), advice);
        } else if let Some(param) = lifetimes().find(|param| mentions(ty, &param.lifetime)) {
            errors.at(
                ty.span(),
                format_args!(
                    "a record cannot borrow, and this type has the lifetime `{}`; write a type \
                     that owns what it says",
                    param.lifetime
                ),
            );
        }
    }
}

fn mentions(ty: &Type, lifetime: &Lifetime) -> bool {
    ty.to_token_stream().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == lifetime.ident,
        _ => false,
    })
}

/// What to write instead of a type that cannot be a field whatever its names mean.
fn advice(ty: &Type) -> Option<&'static str> {
    match ty {
        Type::Reference(reference) => Some(match &*reference.elem {
            Type::Path(path) if path.path.is_ident("str") => {
                "a record cannot hold a reference; write `FixedStr<N>` instead of `&str`"
            }
            Type::Slice(_) => "a record cannot hold a reference; write `[T; N]` instead of `&[T]`",
            _ => "a record cannot hold a reference; write the type itself",
        }),
        Type::Ptr(_) => Some(
            "a pointer means nothing in another process; write the value itself, or a `u64` that \
             identifies it",
        ),
        Type::Slice(_) => Some("a record has a fixed size; write `[T; N]` instead of `[T]`"),
        Type::Tuple(_) => Some("a tuple has no names; write a struct and derive `Record` for it"),
        Type::FnPtr(_) => Some("a function cannot be written to a file; write an enum of choices"),
        Type::TraitObject(_) | Type::ImplTrait(_) => {
            Some("a record has a fixed size; write an enum of the types that can occur")
        }
        Type::Paren(inner) => advice(&inner.elem),
        Type::Group(inner) => advice(&inner.elem),
        Type::Array(array) => advice(&array.elem),
        _ => None,
    }
}

/// An enum none of whose variants has a field is its own view.
fn no_own_view(input: &Input<'_>, variants: &[Variant<'_>], errors: &mut Errors) {
    if let Some(view) = &input.attrs.view
        && variants.iter().all(|variant| variant.fields.is_empty())
    {
        errors.at(view.span(), "an enum without fields is its own view; remove `view`");
    }
}

fn sizes(input: &Input<'_>, errors: &mut Errors) {
    if let (Some(size), Some(max_size)) = (&input.attrs.size, &input.attrs.max_size)
        && max_size.value < size.value
    {
        errors.at(
            size.span,
            format_args!(
                "`size = {}` is more than `max_size = {}` allows; make it smaller or the limit \
                 larger",
                size.value, max_size.value
            ),
        );
    }
}

fn variant_names(input: &Input<'_>, variants: &[Variant<'_>], errors: &mut Errors) {
    let names: Vec<_> = variants.iter().map(|variant| variant.name.as_str()).collect();
    let former = variants.iter().filter_map(|variant| variant.attrs.was.as_deref());
    once_among_siblings(former, errors);
    for variant in variants {
        former_names(&variant.name, variant.attrs.was.as_deref(), &names, errors);
        line(variant.attrs.doc.as_ref(), errors);
    }
    if variants.is_empty() {
        errors.at(
            input.ident().span(),
            "an enum without variants has no values to record; add a variant, or write a unit \
             struct",
        );
    }
}

fn plain(input: &Input<'_>, variants: &[Variant<'_>], errors: &mut Errors) {
    variant_names(input, variants, errors);
    no_own_view(input, variants, errors);
    tag_size(input, errors);
    for written in [&input.attrs.size, &input.attrs.max_size].into_iter().flatten() {
        errors.at(
            written.span,
            "an enum without data takes one byte; write `tag_size = 2` if it is to gain data later",
        );
    }
    for variant in variants {
        if let Some(tag) = &variant.attrs.tag {
            errors.at(
                tag.span,
                format_args!(
                    "the tag of an enum without data is its discriminant; write `{} = {}`, or \
                     `#[record(tag_size = 2)]` on the enum",
                    variant.name, tag.value
                ),
            );
        } else if let Tag::Number(number, span) = variant.tag
            && PLAIN_TAG_MAX < number
        {
            errors.at(
                span,
                format_args!(
                    "discriminant {number} does not fit the one byte of an enum without data; \
                     write `#[record(tag_size = 2)]` on the enum and `#[record(tag = {number})]` \
                     on the variant"
                ),
            );
        }
        no_view(variant, errors);
    }
}

fn tag_size(input: &Input<'_>, errors: &mut Errors) {
    if let Some(size) = &input.attrs.tag_size
        && !matches!(size.value, 1 | 2)
    {
        errors.at(size.span, "a tag has 1 or 2 bytes");
    }
}

fn tagged(input: &Input<'_>, variants: &[Variant<'_>], errors: &mut Errors) {
    variant_names(input, variants, errors);
    no_own_view(input, variants, errors);
    tag_size(input, errors);
    sizes(input, errors);
    let one_byte = input.attrs.tag_size.as_ref().is_some_and(|size| size.value == 1);
    let tag_max = if one_byte { u64::from(u8::MAX) } else { u64::from(u16::MAX) };
    let mut seen = HashMap::new();
    for variant in variants {
        if let (Some((_, expr)), None) = (&variant.original.discriminant, &variant.attrs.tag) {
            errors.at(
                expr.span(),
                "the tag of an enum with data is not its discriminant; write \
                 `#[record(tag = ...)]` on the variant",
            );
        }
        if let Tag::Number(number, span) = variant.tag {
            if number == 0 {
                errors.at(span, "tag 0 marks memory that was never written; count from 1");
            } else if tag_max < number {
                errors
                    .at(span, format_args!("tag {number} is too large; the largest is {tag_max}"));
            } else if let Some(other) = seen.insert(number, &variant.name) {
                errors.at(span, format_args!("tag {number} is that of `{other}`; choose another"));
            }
        }
        if matches!(variant.original.fields, Fields::Unit) {
            no_view(variant, errors);
        }
        fields(input, &variant.fields, errors);
    }
}

fn no_view(variant: &Variant<'_>, errors: &mut Errors) {
    if let Some(view) = &variant.attrs.view {
        errors.at(view.span(), "a variant without fields has no view; remove `view`");
    }
}
