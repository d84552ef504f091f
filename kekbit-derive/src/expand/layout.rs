//! The tree of pairs that holds the images of some fields one behind the other.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::field_trait;
use crate::ast::Field;

/// A balanced tree: as deep as the logarithm of the number of fields, so that neither the compiler's
/// recursion limit nor its time minds a record of hundreds.
pub(super) struct Layout {
    /// The type of the tree.
    pub(super) ty: TokenStream,
    /// The way to each leaf: `.a.b.a`.
    paths: Vec<TokenStream>,
    /// Leaves that are bytes because their types may be private.
    bytes: Vec<bool>,
}

impl Layout {
    /// A tree that is named only inside the expansion: all leaves are typed.
    pub(super) fn private(k: &TokenStream, fields: &[Field<'_>]) -> Layout {
        Layout::new(k, fields, |_| false)
    }

    /// A tree that is part of an interface: leaves that do not depend on a parameter are bytes.
    pub(super) fn public(k: &TokenStream, fields: &[Field<'_>]) -> Layout {
        Layout::new(k, fields, |field| !field.generic)
    }

    fn new(k: &TokenStream, fields: &[Field<'_>], is_bytes: fn(&Field<'_>) -> bool) -> Layout {
        let leaf = |field: &Field<'_>| {
            let field_trait = field_trait(k, field);
            let span = proc_macro2::Span::call_site().located_at(field.span());
            let wire = quote_spanned!(span=> #field_trait::Wire);
            if is_bytes(field) { quote!([#k::u8; #k::size_of::<#wire>()]) } else { wire }
        };
        let leaves: Vec<_> = fields.iter().map(leaf).collect();
        let mut paths = Vec::with_capacity(leaves.len());
        let ty = tree(k, &leaves, &TokenStream::new(), &mut paths);
        Layout { ty, paths, bytes: fields.iter().map(is_bytes).collect() }
    }

    /// A reference to the image of a field in `tree`, which is a reference to the tree.
    pub(super) fn leaf(&self, k: &TokenStream, index: usize, tree: &TokenStream) -> TokenStream {
        let path = &self.paths[index];
        if self.bytes[index] { quote!(#k::tree(&(*#tree) #path)) } else { quote!(&(*#tree) #path) }
    }

    /// The same, to write.
    pub(super) fn leaf_mut(
        &self,
        k: &TokenStream,
        index: usize,
        tree: &TokenStream,
    ) -> TokenStream {
        let path = &self.paths[index];
        if self.bytes[index] {
            quote!(#k::tree_mut(&mut (*#tree) #path))
        } else {
            quote!(&mut (*#tree) #path)
        }
    }
}

fn tree(
    k: &TokenStream,
    leaves: &[TokenStream],
    path: &TokenStream,
    paths: &mut Vec<TokenStream>,
) -> TokenStream {
    match leaves {
        [] => quote!(#k::Nothing),
        [leaf] => {
            paths.push(path.clone());
            leaf.clone()
        }
        _ => {
            let (left, right) = leaves.split_at(leaves.len() / 2);
            let left = tree(k, left, &quote!(#path.a), paths);
            let right = tree(k, right, &quote!(#path.b), paths);
            quote!(#k::Pair<#left, #right>)
        }
    }
}
