//! The tree of pairs that holds the images of some fields one behind the other.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};

use super::field::{args, field_item};
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
}

impl Layout {
    /// Leaves are bytes of the right size, so that neither a private type nor one without a layout
    /// is part of the tree. A size that depends on a parameter cannot be told; those stay typed,
    /// as do plain numbers.
    pub(super) fn new(fields: &[Field<'_>]) -> Layout {
        let leaf = |field: &Field<'_>| {
            let wire = field_item(field, "Wire");
            let ty = if field.is_typed_leaf() {
                wire
            } else {
                quote!([__kekbit::u8; __kekbit::size_of::<#wire>()])
            };
            Leaf { ty, path: TokenStream::new() }
        };
        let mut leaves: Vec<_> = fields.iter().map(leaf).collect();
        let ty = tree(&mut leaves, &TokenStream::new());
        Layout { ty, leaves }
    }

    /// A reference to the image of a field in `tree`, which is a reference to the tree.
    pub(super) fn leaf(&self, index: usize, field: &Field<'_>, tree: &TokenStream) -> TokenStream {
        let path = &self.leaves[index].path;
        let leaf = quote!(&(*#tree) #path);
        if field.is_typed_leaf() { leaf } else { cast("tree", field, leaf) }
    }

    /// The same, to write.
    pub(super) fn leaf_mut(
        &self,
        index: usize,
        field: &Field<'_>,
        tree: &TokenStream,
    ) -> TokenStream {
        let path = &self.leaves[index].path;
        let leaf = quote!(&mut (*#tree) #path);
        if field.is_typed_leaf() { leaf } else { cast("tree_mut", field, leaf) }
    }
}

/// From bytes to the image of the field.
fn cast(function: &str, field: &Field<'_>, leaf: TokenStream) -> TokenStream {
    let function = Ident::new(function, field.span.1);
    let path = quote_spanned!(field.span.0=> __kekbit::#function);
    let args = args(field, leaf);
    quote!(#path #args)
}

fn tree(leaves: &mut [Leaf], path: &TokenStream) -> TokenStream {
    match leaves {
        [] => quote!(__kekbit::Nothing),
        [leaf] => {
            leaf.path = path.clone();
            leaf.ty.clone()
        }
        _ => {
            let (left, right) = leaves.split_at_mut(leaves.len() / 2);
            let left = tree(left, &quote!(#path.a));
            let right = tree(right, &quote!(#path.b));
            quote!(__kekbit::Pair<#left, #right>)
        }
    }
}
