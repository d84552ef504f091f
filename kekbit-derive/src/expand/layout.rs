//! The tree of pairs that holds the images of some fields one behind the other.

use proc_macro2::TokenStream;
use quote::quote;

use super::{field_item, located_across};
use crate::ast::Field;

/// A balanced tree: as deep as the logarithm of the number of fields, so that neither the
/// compiler's recursion limit nor its time minds a record of hundreds.
pub(super) struct Layout {
    /// The type of the tree.
    pub(super) ty: TokenStream,
    leaves: Vec<Leaf>,
}

struct Leaf {
    ty: TokenStream,
    /// The way to it: `.a.b.a`.
    path: TokenStream,
    is_bytes: bool,
}

impl Layout {
    /// Leaves are bytes of the right size, so that neither a private type nor one without a layout
    /// is part of the tree. A size that depends on a parameter cannot be told; those stay typed.
    pub(super) fn new(k: &TokenStream, fields: &[Field<'_>]) -> Layout {
        let leaf = |field: &Field<'_>| {
            let wire = field_item(k, field, "Wire");
            let is_bytes = !field.generic;
            let ty = if is_bytes { quote!([#k::u8; #k::size_of::<#wire>()]) } else { wire };
            Leaf { ty, path: TokenStream::new(), is_bytes }
        };
        let mut leaves: Vec<_> = fields.iter().map(leaf).collect();
        let ty = tree(k, &mut leaves, &TokenStream::new());
        Layout { ty, leaves }
    }

    /// A reference to the image of a field in `tree`, which is a reference to the tree.
    pub(super) fn leaf(
        &self,
        k: &TokenStream,
        index: usize,
        field: &Field<'_>,
        tree: &TokenStream,
    ) -> TokenStream {
        let Leaf { path, is_bytes, .. } = &self.leaves[index];
        let leaf =
            if *is_bytes { quote!(#k::tree(&(*#tree) #path)) } else { quote!(&(*#tree) #path) };
        located_across(leaf, field.wire_ty())
    }

    /// The same, to write.
    pub(super) fn leaf_mut(
        &self,
        k: &TokenStream,
        index: usize,
        field: &Field<'_>,
        tree: &TokenStream,
    ) -> TokenStream {
        let Leaf { path, is_bytes, .. } = &self.leaves[index];
        let leaf = if *is_bytes {
            quote!(#k::tree_mut(&mut (*#tree) #path))
        } else {
            quote!(&mut (*#tree) #path)
        };
        located_across(leaf, field.wire_ty())
    }
}

fn tree(k: &TokenStream, leaves: &mut [Leaf], path: &TokenStream) -> TokenStream {
    match leaves {
        [] => quote!(#k::Nothing),
        [leaf] => {
            leaf.path = path.clone();
            leaf.ty.clone()
        }
        _ => {
            let (left, right) = leaves.split_at_mut(leaves.len() / 2);
            let left = tree(k, left, &quote!(#path.a));
            let right = tree(k, right, &quote!(#path.b));
            quote!(#k::Pair<#left, #right>)
        }
    }
}
