//! The input as the other files see it: names unrawed, attributes parsed, tags given.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::{
    Data, DeriveInput, Expr, ExprLit, Fields, Index, Lit, Member, Path, Type, ext::IdentExt,
    spanned::Spanned,
};

use crate::attr::{Errors, FieldAttrs, TypeAttrs, VariantAttrs};

pub(crate) struct Input<'a> {
    pub(crate) original: &'a DeriveInput,
    pub(crate) attrs: TypeAttrs,
    /// The path of the facade's hidden module.
    pub(crate) private: TokenStream,
    pub(crate) kind: Kind<'a>,
}

pub(crate) enum Kind<'a> {
    Struct(Vec<Field<'a>>),
    /// No data, one byte: Rust's discriminants.
    Plain(Vec<Variant<'a>>),
    /// A tag from 1 and a body.
    Tagged(Vec<Variant<'a>>),
    Union,
}

pub(crate) struct Field<'a> {
    pub(crate) original: &'a syn::Field,
    pub(crate) attrs: FieldAttrs,
    pub(crate) member: Member,
    /// The name in schema and errors.
    pub(crate) name: String,
    /// Whether the type mentions a parameter of the record.
    pub(crate) generic: bool,
    /// Whether the proxy or the type it stands for does.
    pub(crate) generic_proxy: bool,
    /// Where the type that is laid out starts and where it ends.
    pub(crate) span: (Span, Span),
}

pub(crate) struct Variant<'a> {
    pub(crate) original: &'a syn::Variant,
    pub(crate) attrs: VariantAttrs,
    pub(crate) name: String,
    pub(crate) fields: Vec<Field<'a>>,
    pub(crate) tag: Tag<'a>,
}

/// The tag of a variant.
pub(crate) enum Tag<'a> {
    Number(u64, Span),
    /// A discriminant that only the compiler can work out.
    Expr(&'a Expr),
    /// One more than such a discriminant.
    After,
}

impl<'a> Input<'a> {
    pub(crate) fn new(original: &'a DeriveInput, facade: &str, errors: &mut Errors) -> Input<'a> {
        let attrs = TypeAttrs::parse(&original.attrs, errors);
        let private = private_path(attrs.root.as_ref(), facade);
        let params = params(original);
        let kind = match &original.data {
            Data::Struct(data) => Kind::Struct(fields(&data.fields, &params, errors)),
            Data::Enum(data) => {
                let has_data = data.variants.iter().any(|v| !matches!(v.fields, Fields::Unit));
                let wide = attrs.tag_size.as_ref().is_some_and(|size| size.value == 2);
                let tagged = has_data || wide;
                let variants = variants(&data.variants, &params, tagged, errors);
                if tagged { Kind::Tagged(variants) } else { Kind::Plain(variants) }
            }
            Data::Union(_) => Kind::Union,
        };
        Input { original, attrs, private, kind }
    }

    pub(crate) fn ident(&self) -> &'a Ident {
        &self.original.ident
    }

    /// The name in the schema.
    pub(crate) fn name(&self) -> String {
        match &self.attrs.name {
            Some(name) => name.value.clone(),
            None => self.ident().unraw().to_string(),
        }
    }

    pub(crate) fn view(&self) -> Ident {
        match &self.attrs.view {
            Some(view) => view.clone(),
            None => format_ident!("{}View", self.ident().unraw(), span = self.ident().span()),
        }
    }

    pub(crate) fn variant_view(&self, variant: &Variant<'_>) -> Ident {
        match &variant.attrs.view {
            Some(view) => view.clone(),
            None => format_ident!(
                "{}{}View",
                self.ident().unraw(),
                variant.original.ident.unraw(),
                span = variant.original.ident.span()
            ),
        }
    }

    pub(crate) fn is_generic(&self) -> bool {
        !self.original.generics.params.is_empty()
    }
}

impl<'a> Field<'a> {
    /// The type as declared.
    pub(crate) fn ty(&self) -> &'a Type {
        &self.original.ty
    }

    /// Whether the leaf of the tree is the image itself and not as many bytes: where its size
    /// depends on a parameter, and, as that is quicker to compile, for the plain numbers.
    pub(crate) fn is_typed_leaf(&self) -> bool {
        const NUMBERS: [&str; 14] = [
            "u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128", "f32", "f64",
            "bool", "char",
        ];
        let is_number = |path: &syn::TypePath| NUMBERS.iter().any(|name| path.path.is_ident(name));
        self.generic || matches!(self.wire_ty(), Type::Path(path) if is_number(path))
    }

    /// The type that is laid out.
    pub(crate) fn wire_ty(&self) -> &Type {
        self.attrs.proxy.as_ref().unwrap_or(&self.original.ty)
    }
}

/// `root::__private`, every token at the derive.
pub(crate) fn private_path(root: Option<&Path>, facade: &str) -> TokenStream {
    match root {
        Some(root) => quote!(#root::__private),
        None => {
            let facade = Ident::new(facade, Span::call_site());
            quote!(::#facade::__private)
        }
    }
}

fn params(input: &DeriveInput) -> Vec<&Ident> {
    let generics = &input.generics;
    let types = generics.type_params().map(|param| &param.ident);
    types.chain(generics.const_params().map(|param| &param.ident)).collect()
}

fn fields<'a>(fields: &'a Fields, params: &[&Ident], errors: &mut Errors) -> Vec<Field<'a>> {
    let field = |(index, original): (usize, &'a syn::Field)| {
        let attrs = FieldAttrs::parse(&original.attrs, errors);
        let (member, name) = match &original.ident {
            Some(ident) => (Member::Named(ident.clone()), ident.unraw().to_string()),
            None => (Member::Unnamed(Index::from(index)), index.to_string()),
        };
        let ty = attrs.proxy.as_ref().unwrap_or(&original.ty);
        let tokens = ty.to_token_stream();
        let span = ends(&tokens);
        let generic = mentions(tokens, params);
        let generic_proxy =
            attrs.proxy.is_some() && (generic || mentions(original.ty.to_token_stream(), params));
        Field { original, attrs, member, name, generic, generic_proxy, span }
    };
    fields.iter().enumerate().map(field).collect()
}

fn variants<'a>(
    originals: impl IntoIterator<Item = &'a syn::Variant>,
    params: &[&Ident],
    tagged: bool,
    errors: &mut Errors,
) -> Vec<Variant<'a>> {
    // What the next variant has without saying so; `None` behind an expression.
    let mut next = Some(u64::from(tagged));
    let variant = |original: &'a syn::Variant| {
        let attrs = VariantAttrs::parse(&original.attrs, errors);
        let discriminant = original.discriminant.as_ref().map(|(_, expr)| expr);
        let tag = match (&attrs.tag, discriminant.filter(|_| !tagged)) {
            (Some(tag), _) => Tag::Number(tag.value.into(), tag.span),
            (None, Some(expr)) => match literal(expr) {
                Some(number) => Tag::Number(number, expr.span()),
                None => Tag::Expr(expr),
            },
            (None, None) => match next {
                Some(number) => Tag::Number(number, original.ident.span()),
                None => Tag::After,
            },
        };
        next = match tag {
            Tag::Number(number, _) => number.checked_add(1),
            Tag::Expr(_) | Tag::After => None,
        };
        let name = original.ident.unraw().to_string();
        let fields = fields(&original.fields, params, errors);
        Variant { original, attrs, name, fields, tag }
    };
    originals.into_iter().map(variant).collect()
}

fn literal(expr: &Expr) -> Option<u64> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok(),
        Expr::Lit(ExprLit { lit: Lit::Byte(byte), .. }) => Some(byte.value().into()),
        _ => None,
    }
}

fn ends(tokens: &TokenStream) -> (Span, Span) {
    let mut spans = tokens.clone().into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    (first, spans.last().unwrap_or(first))
}

fn mentions(tokens: TokenStream, params: &[&Ident]) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => params.iter().any(|param| **param == ident),
        TokenTree::Group(group) => mentions(group.stream(), params),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
