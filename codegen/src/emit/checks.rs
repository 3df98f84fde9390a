//! Constraint checks: by servers for each request, by clients before sending if they ask for it.

use proc_macro2::TokenStream;
use quote::quote;

use super::{allow_constants, allow_deprecated, ident, rust_type};
use crate::ir::{Kind, Shape};

/// The method `check` of a structure or union, unless it has no constraints.
pub(super) fn check(shape: &Shape) -> Option<TokenStream> {
    let checks = shape.members.iter().filter_map(|member| {
        let body = rust_type::source(member.check.as_ref()?);
        let (name, wire_name) = (ident(&member.name), &member.wire_name);
        Some(match shape.kind {
            Kind::Union => (
                quote!(Self::#name(value)),
                quote!(checker.member(#wire_name, value, |checker, value| #body)),
            ),
            _ => {
                let method = ident(if member.is_optional() { "optional" } else { "member" });
                (
                    quote!(),
                    quote!(checker.#method(#wire_name, &self.#name, |checker, value| #body);),
                )
            }
        })
    });
    let (variants, checks): (Vec<_>, Vec<_>) = checks.unzip();
    let body = match (shape.kind, &variants[..], &checks[..]) {
        (_, _, []) => return None,
        // Clippy prefers `if let` to a match with one arm.
        (Kind::Union, [variant], [check]) => quote!(if let #variant = self { #check; }),
        (Kind::Union, ..) => quote!(match self { #(#variants => #checks,)* _ => {} }),
        _ => quote!(#(#checks)*),
    };
    let allow = allow_deprecated(shape);
    let mut checked = shape.members.iter().filter(|it| it.check.is_some());
    let allow_bounds = allow_constants(checked.any(|it| it.ty.innermost().is_float()));
    Some(quote! {
        #allow
        #allow_bounds
        fn check<'v>(&'v self, checker: &mut eventstream_rpc::json::Checker<'v>) {
            #body
        }
    })
}
