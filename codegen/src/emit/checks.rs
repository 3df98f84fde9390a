//! What a server checks when it has read a request, and a client before it sends one if it is asked to.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::{Imports, ident};
use crate::ir::{Check, Member, Shape, Type};

/// `check` of a structure; nothing if the model asks for nothing.
pub(super) fn of_structure(structure: &Shape, imports: &mut Imports) -> Option<TokenStream> {
    let checks = structure.members.iter().filter_map(|member| {
        let check = member.check.as_ref()?;
        let (field, wire_name) = (ident(&member.name), &member.wire_name);
        let method = ident(if member.is_optional() { "optional" } else { "member" });
        let body = value(check, &member.ty, imports);
        Some(quote!(it.#method(#wire_name, &self.#field, |it, value| #body);))
    });
    let checks: Vec<_> = checks.collect();
    method(structure, &checks, quote!(#(#checks)*), imports)
}

/// `check` of a union; nothing if the model asks for nothing.
pub(super) fn of_union(union: &Shape, imports: &mut Imports) -> Option<TokenStream> {
    let arms = union.members.iter().filter_map(|variant| {
        let check = variant.check.as_ref()?;
        let (name, wire_name) = (ident(&variant.name), &variant.wire_name);
        let body = value(check, &variant.ty, imports);
        Some((quote!(Self::#name(value)), quote!(it.member(#wire_name, value, |it, value| #body))))
    });
    let (variants, bodies): (Vec<_>, Vec<_>) = arms.unzip();
    // A match of one arm is not how people write it.
    let choice = match (&variants[..], &bodies[..]) {
        ([variant], [body]) => quote!(if let #variant = self { #body; }),
        _ => quote!(match self { #(#variants => #bodies,)* _ => {} }),
    };
    method(union, &bodies, choice, imports)
}

/// Whether a floating-point number is compared with numbers of the model.
fn bounds_float(member: &Member) -> bool {
    let is_float = matches!(member.ty.innermost(), Type::Float(_));
    is_float && member.check.iter().flat_map(Check::parts).any(|it| it.range.is_some())
}

fn method(
    shape: &Shape,
    checks: &[TokenStream],
    body: TokenStream,
    imports: &mut Imports,
) -> Option<TokenStream> {
    if checks.is_empty() {
        return None;
    }
    let checker = imports.path("eventstream_rpc::serde::Checker");
    let allow = shape.uses_deprecated().then(|| quote!(#[allow(deprecated)]));
    // A model may well say 3.14 and mean it.
    let allow_bounds =
        shape.members.iter().any(bounds_float).then(
            || quote!(#[allow(clippy::approx_constant, reason = "it is what the model says")]),
        );
    Some(quote! {
        #allow
        #allow_bounds
        fn check<'v>(&'v self, it: &mut #checker<'v>) {
            #body
        }
    })
}

/// `validate` of a request, for those who want to know before they send it.
pub(super) fn validate(structure: &Shape, imports: &mut Imports) -> TokenStream {
    let name = ident(&structure.type_ref.name);
    let checker = imports.path("eventstream_rpc::serde::Checker");
    let violations = imports.path("eventstream_rpc::serde::Violations");
    quote! {
        impl #name {
            /// Checks what the model asks of the values: lengths, ranges, patterns, elements that differ.
            ///
            /// A server does so by itself when it has read the request.
            ///
            /// # Errors
            ///
            /// The members that are not what the model asks for.
            pub fn validate(&self) -> Result<(), #violations> {
                let mut checker = #checker::default();
                self.check(&mut checker);
                checker.finish()
            }
        }
    }
}

/// An expression that checks `value`, which is a reference.
fn value(check: &Check, ty: &Type, imports: &mut Imports) -> TokenStream {
    let checks = checks(check, ty, imports);
    match &checks[..] {
        [only] => only.clone(),
        all => quote!({ #(#all;)* }),
    }
}

fn checks(check: &Check, ty: &Type, imports: &mut Imports) -> Vec<TokenStream> {
    if let Type::Sparse(ty) = ty {
        let checks = checks(check, ty, imports);
        return vec![quote!(if let Some(value) = value { #(#checks;)* })];
    }
    let mut all = Vec::new();
    if let Some(source) = &check.pattern {
        let pattern = imports.path("eventstream_rpc::serde::Pattern");
        let text = if *ty == Type::String { quote!(value) } else { quote!(value.as_str()) };
        all.push(quote!(static PATTERN: #pattern = #pattern::new(#source)));
        all.push(quote!(it.pattern(#text, &PATTERN)));
    }
    if let Some(length) = check.length {
        let count = match ty {
            Type::String => quote!(value.chars().count()),
            Type::Named(_) => quote!(value.as_str().chars().count()),
            _ => quote!(value.len()),
        };
        let bound = |it: Option<u64>| match it.map(Literal::u64_unsuffixed) {
            Some(bound) => quote!(Some(#bound)),
            None => quote!(None),
        };
        let (min, max) = (bound(length.min), bound(length.max));
        all.push(quote!(it.length(#count, #min, #max)));
    }
    all.extend(check.range.as_ref().map(|it| range(it.min.as_deref(), it.max.as_deref(), ty)));
    if check.is_unique {
        all.push(quote!(it.unique(value)));
    }
    match ty {
        Type::List(item) => all.extend(check.item.as_ref().map(|it| {
            let body = value(it, item, imports);
            quote!(it.items(value, |it, value| #body))
        })),
        Type::Map(key, item) => all.extend(entries(check, key, item, imports)),
        _ => {}
    }
    if check.is_nested {
        imports.path("eventstream_rpc::operation::Shape");
        all.push(quote!(value.check(it)));
    }
    all
}

fn entries(check: &Check, key: &Type, item: &Type, imports: &mut Imports) -> Option<TokenStream> {
    let of_key = check.key.as_ref().map(|it| value(it, key, imports));
    let of_item = check.item.as_ref().map(|it| value(it, item, imports));
    Some(match (of_key, of_item) {
        (None, None) => return None,
        (Some(of_key), None) => quote!(it.entries(value, |it, value, _| #of_key)),
        (None, Some(of_item)) => quote!(it.entries(value, |it, _, value| #of_item)),
        (Some(of_key), Some(of_item)) => quote! {
            it.entries(value, |it, key, item| {
                let value = key;
                #of_key;
                let value = item;
                #of_item;
            })
        },
    })
}

/// The check of a number. Integers are compared as wide ones, so that no bound is too large.
fn range(min: Option<&str>, max: Option<&str>, ty: &Type) -> TokenStream {
    let bounds = |literal: &dyn Fn(&str) -> TokenStream| {
        let bound = |it: Option<&str>| match it.map(literal) {
            Some(bound) => quote!(Some(#bound)),
            None => quote!(None),
        };
        let (min, max) = (bound(min), bound(max));
        quote!(#min, #max)
    };
    let integer = |text: &str| {
        // One that is written with an exponent may be beyond all numbers there are.
        let value = text
            .parse::<i128>()
            .unwrap_or_else(|_| text.parse::<f64>().unwrap_or_default() as i128);
        let value = Literal::i128_unsuffixed(value);
        quote!(#value)
    };
    match ty {
        Type::Int(_) => {
            let bounds = bounds(&integer);
            quote!(it.range(i128::from(*value), #bounds))
        }
        Type::Named(_) => {
            let bounds = bounds(&integer);
            quote!(it.range(i128::from(value.as_i32()), #bounds))
        }
        Type::Float(bits) => {
            // In the precision of the type, so that the bound itself is within.
            let bounds = bounds(&|text| {
                let value: f64 = text.parse().unwrap_or_default();
                let literal = match bits {
                    32 => Literal::f32_unsuffixed((value as f32).clamp(f32::MIN, f32::MAX)),
                    _ => Literal::f64_unsuffixed(value.clamp(f64::MIN, f64::MAX)),
                };
                quote!(#literal)
            });
            quote!(it.range(*value, #bounds))
        }
        _ => {
            let bounds = bounds(&|text| quote!(#text));
            quote!(it.big_range(value.as_str(), #bounds))
        }
    }
}
