//! Parses `#[record(...)]`. An unknown or repeated key is an error on that key.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Attribute, Error, Expr, LitInt, LitStr, Path, Result, Token, Type, bracketed,
    meta::ParseNestedMeta, parse::discouraged::Speculative, punctuated::Punctuated,
    spanned::Spanned, token::Bracket,
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
    pub(crate) was: Option<Vec<Written<String>>>,
    pub(crate) extends: Option<Type>,
    pub(crate) pin: Option<Written<String>>,
    pub(crate) lock: Option<Written<String>>,
}

/// What stands on a variant.
#[derive(Default)]
pub(crate) struct VariantAttrs {
    pub(crate) tag: Option<Written<u32>>,
    pub(crate) view: Option<Ident>,
    pub(crate) was: Option<Vec<Written<String>>>,
    pub(crate) doc: Option<Written<String>>,
}

/// What stands on a field.
#[derive(Default)]
pub(crate) struct FieldAttrs {
    pub(crate) proxy: Option<Type>,
    pub(crate) was: Option<Vec<Written<String>>>,
    pub(crate) default: Option<Filler>,
    pub(crate) unit: Option<Written<String>>,
    pub(crate) doc: Option<Written<String>>,
}

/// What stands for a field in records that were written before there was one.
pub(crate) enum Filler {
    /// That of the type.
    OfType(Span),
    Value(TokenStream),
}

impl TypeAttrs {
    pub(crate) fn parse(attrs: &[Attribute], errors: &mut Errors) -> TypeAttrs {
        const KEYS: &str = "`name`, `view`, `crate`, `tag_size`, `size`, `max_size`, `was`, \
                            `extends`, `pin` and `lock`";
        let mut parsed = TypeAttrs::default();
        each_key(attrs, errors, |key, meta| match key {
            "name" => set(&mut parsed.name, meta, text),
            "view" => set(&mut parsed.view, meta, |meta| meta.value()?.parse()),
            "crate" => {
                set(&mut parsed.root, meta, |meta| meta.value()?.call(Path::parse_mod_style))
            }
            "tag_size" => set(&mut parsed.tag_size, meta, number),
            "size" => set(&mut parsed.size, meta, number),
            "max_size" => set(&mut parsed.max_size, meta, number),
            "was" => set(&mut parsed.was, meta, names),
            "extends" => set(&mut parsed.extends, meta, |meta| {
                let value = meta.value()?;
                match value.peek(LitStr) {
                    true => {
                        Err(value.error("write the type without quotes: `extends = v1::Order`"))
                    }
                    false => value.parse(),
                }
            }),
            "pin" => set(&mut parsed.pin, meta, text),
            "lock" => set(&mut parsed.lock, meta, text),
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
            "was" => set(&mut parsed.was, meta, names),
            "doc" => set(&mut parsed.doc, meta, text),
            _ => Err(unknown(meta, "a variant", "`tag`, `view`, `was` and `doc`")),
        });
        parsed
    }
}

impl FieldAttrs {
    pub(crate) fn parse(attrs: &[Attribute], errors: &mut Errors) -> FieldAttrs {
        let mut parsed = FieldAttrs::default();
        each_key(attrs, errors, |key, meta| match key {
            "as" => set(&mut parsed.proxy, meta, |meta| meta.value()?.parse()),
            "was" => set(&mut parsed.was, meta, names),
            "default" if !meta.input.peek(Token![=]) && parsed.default.is_none() => {
                parsed.default = Some(Filler::OfType(meta.path.span()));
                Ok(())
            }
            "default" => set(&mut parsed.default, meta, |meta| expression(meta).map(Filler::Value)),
            "unit" => set(&mut parsed.unit, meta, text),
            "doc" => set(&mut parsed.doc, meta, text),
            _ => Err(unknown(meta, "a field", "`as`, `was`, `default`, `unit` and `doc`")),
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

fn text(meta: &ParseNestedMeta<'_>) -> Result<Written<String>> {
    let text: LitStr = meta.value()?.parse()?;
    Ok(Written { value: text.value(), span: text.span() })
}

/// `"name"`, or `["name", ...]`.
fn names(meta: &ParseNestedMeta<'_>) -> Result<Vec<Written<String>>> {
    let value = meta.value()?;
    if !value.peek(Bracket) {
        let text: LitStr = value.parse()?;
        return Ok(vec![Written { value: text.value(), span: text.span() }]);
    }
    let list;
    bracketed!(list in value);
    let names = Punctuated::<LitStr, Token![,]>::parse_terminated(&list)?;
    Ok(names.iter().map(|name| Written { value: name.value(), span: name.span() }).collect())
}

/// Any expression. Not all of them are known to `syn` without its largest feature; of the others,
/// arrays and blocks among them, none has a comma outside of brackets.
fn expression(meta: &ParseNestedMeta<'_>) -> Result<TokenStream> {
    let value = meta.value()?;
    let known = value.fork();
    if let Ok(expression) = known.parse::<Expr>()
        && (known.is_empty() || known.peek(Token![,]))
    {
        value.advance_to(&known);
        return Ok(expression.to_token_stream());
    }
    let mut tokens = TokenStream::new();
    while !value.is_empty() && !value.peek(Token![,]) {
        tokens.extend([value.parse::<TokenTree>()?]);
    }
    if tokens.is_empty() {
        return Err(value.error("write a value, as in `default = 1`"));
    }
    Ok(tokens)
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
