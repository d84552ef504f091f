//! Parses `#[record(...)]`. An unknown or repeated key is an error on that key.

use proc_macro2::{Ident, Span};
use syn::{
    Attribute, Error, LitInt, LitStr, Path, Result, Token, Type, meta::ParseNestedMeta,
    spanned::Spanned,
};

/// A value with the place it was written at.
pub(crate) struct Written<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// What stands on the type.
#[derive(Default)]
pub(crate) struct TypeAttrs {
    pub(crate) name: Option<Written<String>>,
    pub(crate) view: Option<Ident>,
    pub(crate) root: Option<Path>,
    pub(crate) tag_size: Option<Written<u32>>,
    pub(crate) size: Option<Written<u32>>,
    pub(crate) max_size: Option<Written<u32>>,
}

/// What stands on a variant.
#[derive(Default)]
pub(crate) struct VariantAttrs {
    pub(crate) tag: Option<Written<u32>>,
    pub(crate) view: Option<Ident>,
}

/// What stands on a field.
#[derive(Default)]
pub(crate) struct FieldAttrs {
    pub(crate) proxy: Option<Type>,
}

impl TypeAttrs {
    pub(crate) fn parse(attrs: &[Attribute], errors: &mut Errors) -> TypeAttrs {
        const KEYS: &str = "`name`, `view`, `crate`, `tag_size`, `size` and `max_size`";
        let mut parsed = TypeAttrs::default();
        each_key(attrs, errors, |key, meta| match key {
            "name" => set(&mut parsed.name, meta, |meta| {
                let text: LitStr = meta.value()?.parse()?;
                Ok(Written { value: text.value(), span: text.span() })
            }),
            "view" => set(&mut parsed.view, meta, |meta| meta.value()?.parse()),
            "crate" => {
                set(&mut parsed.root, meta, |meta| meta.value()?.call(Path::parse_mod_style))
            }
            "tag_size" => set(&mut parsed.tag_size, meta, number),
            "size" => set(&mut parsed.size, meta, number),
            "max_size" => set(&mut parsed.max_size, meta, number),
            _ => Err(unknown(meta, "a type", KEYS)),
        });
        parsed
    }
}

impl VariantAttrs {
    pub(crate) fn parse(attrs: &[Attribute], errors: &mut Errors) -> VariantAttrs {
        let mut parsed = VariantAttrs::default();
        each_key(attrs, errors, |key, meta| match key {
            "tag" => set(&mut parsed.tag, meta, number),
            "view" => set(&mut parsed.view, meta, |meta| meta.value()?.parse()),
            _ => Err(unknown(meta, "a variant", "`tag` and `view`")),
        });
        parsed
    }
}

impl FieldAttrs {
    pub(crate) fn parse(attrs: &[Attribute], errors: &mut Errors) -> FieldAttrs {
        let mut parsed = FieldAttrs::default();
        each_key(attrs, errors, |key, meta| match key {
            "as" => set(&mut parsed.proxy, meta, |meta| meta.value()?.parse()),
            _ => Err(unknown(meta, "a field", "`as`")),
        });
        parsed
    }
}

/// All errors of one derive, so that one build shows them together.
#[derive(Default)]
pub(crate) struct Errors(Option<Error>);

impl Errors {
    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    pub(crate) fn at(&mut self, span: Span, message: impl core::fmt::Display) {
        self.push(Error::new(span, message));
    }

    pub(crate) fn into_result<T>(self, value: T) -> Result<T> {
        match self.0 {
            Some(error) => Err(error),
            None => Ok(value),
        }
    }
}

fn each_key(
    attrs: &[Attribute],
    errors: &mut Errors,
    mut read: impl FnMut(&str, &ParseNestedMeta<'_>) -> Result<()>,
) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("record")) {
        let parsed = attr.parse_nested_meta(|meta| {
            let key = meta.path.get_ident().map(Ident::to_string).unwrap_or_default();
            read(&key, &meta)
        });
        if let Err(error) = parsed {
            errors.push(error);
        }
    }
}

fn set<T>(
    slot: &mut Option<T>,
    meta: &ParseNestedMeta<'_>,
    parse: impl FnOnce(&ParseNestedMeta<'_>) -> Result<T>,
) -> Result<()> {
    if slot.is_some() {
        let key = meta.path.get_ident().map(Ident::to_string).unwrap_or_default();
        return Err(meta.error(format_args!("`{key}` is given twice; remove one of them")));
    }
    if !meta.input.peek(Token![=]) {
        let key = meta.path.get_ident().map(Ident::to_string).unwrap_or_default();
        return Err(meta.error(format_args!("write `{key} = ...`")));
    }
    *slot = Some(parse(meta)?);
    Ok(())
}

fn number(meta: &ParseNestedMeta<'_>) -> Result<Written<u32>> {
    let number: LitInt = meta.value()?.parse()?;
    Ok(Written { value: number.base10_parse()?, span: number.span() })
}

fn unknown(meta: &ParseNestedMeta<'_>, place: &str, keys: &str) -> Error {
    Error::new(
        meta.path.span(),
        format_args!("no such key; `#[record(...)]` on {place} knows {keys}"),
    )
}
