//! Enums: one byte without data; a tag and room for the largest variant with data.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{Generics, spanned::Spanned};

use super::{
    check, field_defs, get, hidden,
    layout::Layout,
    put, record_impl,
    view::{self, Accessor},
};
use crate::{
    ast::{Input, Tag, Variant},
    bound,
};

/// An enum without data: one byte.
pub(super) fn plain(input: &Input<'_>, variants: &[Variant<'_>]) -> TokenStream {
    let private = &input.private;
    let ident = input.ident();
    let tags: Vec<_> = (0..variants.len()).map(|n| format_ident!("__KEKBIT_TAG_{n}")).collect();
    let tag_consts = tags.iter().zip(variants).map(|(tag, variant)| {
        let name = &variant.original.ident;
        let span = match variant.tag {
            Tag::Number(number, _) => {
                let number = proc_macro2::Literal::u64_unsuffixed(number);
                return quote!(const #tag: __kekbit::u8 = #number;);
            }
            Tag::Expr(expr) => expr.span(),
            Tag::After => name.span(),
        };
        let span = proc_macro2::Span::call_site().located_at(span);
        let value = quote_spanned!(span=> __kekbit::discriminant(#ident::#name as __kekbit::i128));
        quote!(const #tag: __kekbit::u8 = #value;)
    });
    let idents: Vec<_> = variants.iter().map(|variant| &variant.original.ident).collect();
    let names = variants.iter().map(|variant| &variant.name);
    let name = input.name();
    let (first, others) = (idents.first(), idents.get(1..).unwrap_or_default());
    let other_tags = tags.get(1..).unwrap_or_default();
    let lifetime = bound::lifetime();
    let schema = quote! {
        __kekbit::Schema::of_enum(#name, 1, 1, const {
            &[#(__kekbit::VariantDef::new(#names, #tags as __kekbit::u16, &[]),)*]
        })
    };
    let record = record_impl(input, &Generics::default(), &schema);

    quote! {
        #[allow(
            clippy::all,
            clippy::pedantic,
            deprecated,
            unused_qualifications,
            unreachable_patterns
        )]
        const _: () = {
            use #private as __kekbit;
            #(#tag_consts)*

            #[automatically_derived]
            impl __kekbit::Field for #ident {
                type Wire = __kekbit::u8;
                type View<#lifetime> = __kekbit::Result<Self, __kekbit::Invalid>;
                const TYPE: __kekbit::Type = __kekbit::Type::Record(<Self as __kekbit::Record>::SCHEMA);

                #[inline]
                fn put(&self, __kekbit_wire: &mut Self::Wire) {
                    *__kekbit_wire = match self {
                        #(Self::#idents => #tags,)*
                    };
                }

                #[inline]
                fn check(__kekbit_wire: &Self::Wire) -> __kekbit::Result<(), __kekbit::Invalid> {
                    match *__kekbit_wire {
                        #(#tags)|* => __kekbit::Ok(()),
                        __kekbit_tag => __kekbit::Err(__kekbit::unknown_tag(
                            __kekbit_tag as __kekbit::u16,
                            <Self as __kekbit::Record>::SCHEMA,
                        )),
                    }
                }

                #[inline]
                fn get(__kekbit_wire: &Self::Wire) -> Self {
                    match *__kekbit_wire {
                        #(#other_tags => Self::#others,)*
                        _ => Self::#first,
                    }
                }

                #[inline]
                fn view(__kekbit_wire: &Self::Wire) -> Self::View<'_> {
                    match Self::check(__kekbit_wire) {
                        __kekbit::Ok(()) => __kekbit::Ok(Self::get(__kekbit_wire)),
                        __kekbit::Err(__kekbit_invalid) => __kekbit::Err(__kekbit_invalid),
                    }
                }
            }

            #record
        };
    }
}

/// An enum with data, or one that may gain some.
pub(super) fn tagged(input: &Input<'_>, variants: &[Variant<'_>]) -> TokenStream {
    let private = &input.private;
    let ident = input.ident();
    let arms: Vec<_> = variants.iter().enumerate().map(|(n, v)| Arm::new(n, v)).collect();
    let aliases = arms.iter().map(|arm| {
        let (alias, ty) = (&arm.alias, &arm.layout.ty);
        let (body_of, fields) = (&arm.body_of, &arm.variant.fields);
        let body_of = (!fields.is_empty()).then(|| {
            quote! {
                #[inline]
                fn #body_of(__kekbit_wire: &<#ident as __kekbit::Field>::Wire) -> &#alias {
                    __kekbit::body(&__kekbit::tree::<__KekbitTree, _>(__kekbit_wire).body)
                }
            }
        });
        quote! {
            type #alias = #ty;
            #body_of
        }
    });
    let sizes = sizes(input, &arms);
    let puts = arms.iter().map(Arm::put);
    let checks = arms.iter().map(Arm::check);
    // The first variant also stands for tags that only memory altered after the check can hold.
    let gets = arms.iter().skip(1).map(|arm| {
        let (tag, value) = (&arm.tag, arm.get());
        quote!(#tag => #value)
    });
    let first = arms.first().map(Arm::get);
    let lifetime = bound::lifetime();
    let view = enum_view(input, &arms);
    let (view_ty, view_body, definition, view_impls) =
        (view.ty, view.body, view.definition, view.impls);
    let schema = schema(input, &arms);
    let record = record_impl(input, &Generics::default(), &schema);

    quote! {
        #definition

        #[allow(clippy::all, clippy::pedantic, deprecated, unused_qualifications)]
        const _: () = {
            use #private as __kekbit;
            #(#aliases)*
            #sizes

            #[automatically_derived]
            impl __kekbit::Field for #ident {
                type Wire = [__kekbit::u8; __kekbit::size_of::<__KekbitTree>()];
                type View<#lifetime> = __kekbit::Result<#view_ty, __kekbit::Invalid>;
                const TYPE: __kekbit::Type = __kekbit::Type::Record(<Self as __kekbit::Record>::SCHEMA);

                #[inline]
                fn put(&self, __kekbit_wire: &mut Self::Wire) {
                    let __kekbit_tree = __kekbit::tree_mut::<__KekbitTree, _>(__kekbit_wire);
                    match self { #(#puts)* }
                }

                #[inline]
                fn check(__kekbit_wire: &Self::Wire) -> __kekbit::Result<(), __kekbit::Invalid> {
                    let __kekbit_tree = __kekbit::tree::<__KekbitTree, _>(__kekbit_wire);
                    match __kekbit::Tag::read(&__kekbit_tree.tag) {
                        #(#checks)*
                        __kekbit_tag => return __kekbit::Err(__kekbit::unknown_tag(
                            __kekbit_tag,
                            <Self as __kekbit::Record>::SCHEMA,
                        )),
                    }
                    __kekbit::Ok(())
                }

                #[inline]
                fn get(__kekbit_wire: &Self::Wire) -> Self {
                    let __kekbit_tree = __kekbit::tree::<__KekbitTree, _>(__kekbit_wire);
                    match __kekbit::Tag::read(&__kekbit_tree.tag) {
                        #(#gets)*
                        _ => #first
                    }
                }

                #[inline]
                fn view(__kekbit_wire: &Self::Wire) -> Self::View<'_> {
                    #view_body
                }
            }

            #record
            #view_impls
        };
    }
}

/// A variant with what its arms of the four matches share.
struct Arm<'a> {
    variant: &'a Variant<'a>,
    index: usize,
    tag: proc_macro2::Literal,
    alias: proc_macro2::Ident,
    /// The function from the image of the enum to the body of this variant.
    body_of: proc_macro2::Ident,
    layout: Layout,
}

impl<'a> Arm<'a> {
    fn new(index: usize, variant: &'a Variant<'_>) -> Arm<'a> {
        let number = match variant.tag {
            Tag::Number(number, _) => number,
            // Tagged enums have no discriminants.
            Tag::Expr(_) | Tag::After => 0,
        };
        Arm {
            variant,
            index,
            tag: proc_macro2::Literal::u64_unsuffixed(number),
            alias: format_ident!("__KekbitVariant{index}"),
            body_of: format_ident!("__kekbit_body_{index}"),
            layout: Layout::new(&variant.fields),
        }
    }

    /// `Self::Moved { 0: __kekbit_0, 1: __kekbit_1 } => ...`: the same for every shape of variant.
    fn put(&self) -> TokenStream {
        let Arm { variant, tag, alias, layout, .. } = self;
        let ident = &variant.original.ident;
        let members = variant.fields.iter().map(|field| &field.member);
        let names = || (0..variant.fields.len()).map(hidden);
        let pattern = members.zip(names()).map(|(member, name)| quote!(#member: #name));
        let tree = quote!(__kekbit_body);
        let puts = variant.fields.iter().zip(names()).enumerate().map(|(n, (field, name))| {
            put(field, &quote!(#name), &layout.leaf_mut(n, field, &tree))
        });
        quote! {
            Self::#ident { #(#pattern),* } => {
                __kekbit::Tag::write(&mut __kekbit_tree.tag, #tag);
                let __kekbit_body = __kekbit::body_mut::<#alias, _>(&mut __kekbit_tree.body);
                #(#puts)*
                let _ = __kekbit_body;
            }
        }
    }

    fn check(&self) -> TokenStream {
        let Arm { variant, index, tag, body_of, layout, .. } = self;
        if variant.fields.is_empty() {
            return quote!(#tag => {});
        }
        let tree = quote!(__kekbit_body);
        let checks = variant.fields.iter().enumerate().map(|(n, field)| {
            let enclose = quote! {
                __kekbit::in_variant(__kekbit_invalid, <Self as __kekbit::Record>::SCHEMA, #index, #n)
            };
            check(field, &layout.leaf(n, field, &tree), &enclose)
        });
        quote! {
            #tag => {
                let __kekbit_body = #body_of(__kekbit_wire);
                #(#checks)*
            }
        }
    }

    fn get(&self) -> TokenStream {
        let Arm { variant, body_of, layout, .. } = self;
        let ident = &variant.original.ident;
        if variant.fields.is_empty() {
            return quote!(Self::#ident {},);
        }
        let tree = quote!(__kekbit_body);
        let gets = variant.fields.iter().enumerate().map(|(n, field)| {
            let member = &field.member;
            let value = get(field, &layout.leaf(n, field, &tree));
            quote!(#member: #value)
        });
        quote! {
            {
                let __kekbit_body = #body_of(__kekbit_wire);
                Self::#ident { #(#gets),* }
            }
        }
    }

    fn accessors<'b>(&'b self, input: &'b Input<'_>) -> Vec<Accessor<'b>> {
        let Arm { variant, index, body_of, layout, .. } = self;
        let (ident, tree) = (input.ident(), quote!(__kekbit_body));
        let accessor = |(n, field): (usize, _)| Accessor {
            field,
            vis: &input.original.vis,
            tree: quote!(let __kekbit_body = #body_of(self.0);),
            leaf: layout.leaf(n, field, &tree),
            place: quote!(__kekbit::Place::variant(<#ident as __kekbit::Record>::SCHEMA, #index, #n)),
        };
        variant.fields.iter().enumerate().map(accessor).collect()
    }
}

/// The size of the body and the tree, and the check of `size` and `max_size`.
fn sizes(input: &Input<'_>, arms: &[Arm<'_>]) -> TokenStream {
    let one_byte = input.attrs.tag_size.as_ref().is_some_and(|size| size.value == 1);
    let tag = if one_byte { quote!(__kekbit::u8) } else { quote!(__kekbit::U16) };
    let aliases: Vec<_> = arms.iter().map(|arm| &arm.alias).collect();
    let names = || arms.iter().map(|arm| &arm.variant.name);
    let reserved = input.attrs.size.as_ref().map(|size| {
        let size = proc_macro2::Literal::u32_unsuffixed(size.value);
        quote!(__kekbit::usize::saturating_sub(#size, __kekbit::size_of::<#tag>()),)
    });
    let limits = [&input.attrs.size, &input.attrs.max_size].into_iter().flatten().map(|limit| {
        let names = names();
        let value = proc_macro2::Literal::u32_unsuffixed(limit.value);
        let span = proc_macro2::Span::call_site().located_at(limit.span);
        quote_spanned! {span=>
            const _: () = __kekbit::variants_fit(
                &[#((#names, __kekbit::size_of::<#tag>() + __kekbit::size_of::<#aliases>()),)*],
                #value,
            );
        }
    });
    quote! {
        const __KEKBIT_BODY_SIZE: __kekbit::usize =
            __kekbit::largest(&[#reserved #(__kekbit::size_of::<#aliases>()),*]);
        type __KekbitTree = __kekbit::Tagged<#tag, [__kekbit::u8; __KEKBIT_BODY_SIZE]>;
        #(#limits)*
    }
}

fn schema(input: &Input<'_>, arms: &[Arm<'_>]) -> TokenStream {
    let name = input.name();
    let one_byte = input.attrs.tag_size.as_ref().is_some_and(|size| size.value == 1);
    let tag_size = if one_byte { quote!(1) } else { quote!(2) };
    let variants = arms.iter().map(|arm| {
        let (name, tag) = (&arm.variant.name, &arm.tag);
        let defs = field_defs(&arm.variant.fields);
        quote!(__kekbit::VariantDef::new(#name, #tag, const { #defs }),)
    });
    quote! {
        __kekbit::Schema::of_enum(
            #name,
            __kekbit::size_of::<__KekbitTree>(),
            #tag_size,
            const { &[#(#variants)*] },
        )
    }
}

struct EnumView {
    ty: TokenStream,
    body: TokenStream,
    definition: TokenStream,
    impls: TokenStream,
}

/// An enum of the views of the variants; the enum itself as long as no variant has a field.
fn enum_view(input: &Input<'_>, arms: &[Arm<'_>]) -> EnumView {
    if arms.iter().all(|arm| arm.variant.fields.is_empty()) {
        return EnumView {
            ty: quote!(Self),
            body: quote! {
                match Self::check(__kekbit_wire) {
                    __kekbit::Ok(()) => __kekbit::Ok(Self::get(__kekbit_wire)),
                    __kekbit::Err(__kekbit_invalid) => __kekbit::Err(__kekbit_invalid),
                }
            },
            definition: TokenStream::new(),
            impls: TokenStream::new(),
        };
    }
    let (ident, vis, view) = (input.ident(), &input.original.vis, input.view());
    let lifetime = bound::lifetime();
    let (mut definition, mut impls) = (TokenStream::new(), TokenStream::new());
    let (mut variants, mut arms_of_view, mut shows) = (vec![], vec![], vec![]);
    for Arm { variant, tag, .. } in arms {
        let name = &variant.original.ident;
        let doc = format!("[`{ident}::{name}`].");
        if variant.fields.is_empty() {
            let text = &variant.name;
            variants.push(quote!(#[doc = #doc] #name,));
            arms_of_view.push(quote!(#tag => __kekbit::Ok(#view::#name),));
            shows.push(quote!(Self::#name => __kekbit::Formatter::write_str(__kekbit_f, #text),));
        } else {
            let variant_view = input.variant_view(variant);
            variants.push(quote!(#[doc = #doc] #name(#variant_view<#lifetime>),));
            arms_of_view
                .push(quote!(#tag => __kekbit::Ok(#view::#name(#variant_view(__kekbit_wire))),));
            shows.push(
                quote!(Self::#name(__kekbit_0) => __kekbit::Debug::fmt(__kekbit_0, __kekbit_f),),
            );
        }
    }
    for arm in arms.iter().filter(|arm| !arm.variant.fields.is_empty()) {
        let view = view::of_variant(input, arm.variant, &arm.accessors(input));
        definition.extend(view.definition);
        impls.extend(view.impls);
    }
    let doc = format!("A [`{ident}`] in place: the view of the variant that is there.");
    definition.extend(quote! {
        #[doc = #doc]
        #[allow(dead_code)]
        #vis enum #view<#lifetime> { #(#variants)* }
    });
    impls.extend(view::copy(&view, &Generics::default()));
    impls.extend(quote! {
        #[automatically_derived]
        impl __kekbit::Debug for #view<'_> {
            fn fmt(&self, __kekbit_f: &mut __kekbit::Formatter<'_>) -> __kekbit::FmtResult {
                match self { #(#shows)* }
            }
        }
    });
    EnumView {
        ty: quote!(#view<#lifetime>),
        body: quote! {
            let __kekbit_tree = __kekbit::tree::<__KekbitTree, _>(__kekbit_wire);
            match __kekbit::Tag::read(&__kekbit_tree.tag) {
                #(#arms_of_view)*
                __kekbit_tag => __kekbit::Err(__kekbit::unknown_tag(
                    __kekbit_tag,
                    <Self as __kekbit::Record>::SCHEMA,
                )),
            }
        },
        definition,
        impls,
    }
}
