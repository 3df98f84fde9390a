//! Structures.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::{allow_deprecated, builder, checks, defaults, docs, error, ident, rust_type};
use crate::ir::{Member, Presence, Shape, SimpleType, Type};

pub(super) fn items(structure: &Shape) -> TokenStream {
    let name = ident(&structure.type_ref.name);
    let is_redacted = structure.is_redacted();
    let debug = (!is_redacted).then(|| quote!(Debug,));
    let can_default = structure.has_default();
    let has_defaults = structure.members.iter().any(|it| it.own_default().is_some());
    let is_derived = !structure.members.iter().any(defaults::is_own);
    let default = (can_default && is_derived).then(|| quote!(Default,));
    let fields = structure.members.iter().map(|it| field(structure, it)).collect::<Vec<_>>();
    let docs = docs::of(&structure.docs);
    let id = &structure.id;
    let debug_impl = is_redacted.then(|| {
        let hide = |_| quote!(eventstream_rpc::REDACTED);
        debug_impl(structure, &name, None, std::iter::empty(), hide)
    });
    let defaults = has_defaults.then(|| defaults::items(structure, can_default && !is_derived));
    let check = checks::check(structure);
    let validate =
        structure.has_validate().then(|| quote!(eventstream_rpc::impl_validate!(#name);));
    let error = error::structure_impls(structure);
    let builder = builder::of_structure(structure);
    let new_builder = structure.builder.as_ref().map(|builder| {
        let builder = ident(builder);
        let about = format!(" Creates a builder of {}.", docs::a_link(&structure.type_ref.name));
        quote! {
            impl #name {
                #[doc = #about]
                pub fn builder() -> #builder {
                    #builder::default()
                }
            }
        }
    });
    quote! {
        #docs
        #[non_exhaustive]
        #[derive(Clone, #debug #default PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct #name {
            #(#fields)*
        }

        #new_builder

        impl eventstream_rpc::json::Shape for #name {
            const ID: &'static str = #id;
            #check
        }

        #validate
        #defaults
        #debug_impl
        #error
        #builder
    }
}

fn field(structure: &Shape, member: &Member) -> TokenStream {
    let name = ident(&member.name);
    let ty = rust_type::field(member);
    let docs = docs::of(&member.docs);
    let rename = (member.wire_name != member.name).then(|| {
        let wire_name = &member.wire_name;
        quote!(rename = #wire_name,)
    });
    let skip = member.is_optional().then(|| quote!(skip_serializing_if = "Option::is_none",));
    let gap = match &member.presence {
        Presence::Optional if member.ty == Type::Simple(SimpleType::Document) => {
            quote!(default, deserialize_with = eventstream_rpc::json::document,)
        }
        Presence::Optional => TokenStream::new(),
        Presence::Required | Presence::Expected => {
            quote!(deserialize_with = eventstream_rpc::json::required,)
        }
        Presence::Default(_) if member.own_default().is_none() => {
            quote!(default, deserialize_with = eventstream_rpc::json::or_default,)
        }
        Presence::Default(_) | Presence::ReadsAs(_) => defaults::attributes(structure, member),
    };
    let writer = rust_type::writer(&member.ty).map(|(function, _)| {
        let function = ident(function);
        quote!(serialize_with = eventstream_rpc::json::#function,)
    });
    let attribute = trim_comma(quote!(#rename #gap #skip #writer));
    let attribute = (!attribute.is_empty()).then(|| quote!(#[serde(#attribute)]));
    quote! {
        #docs
        #attribute
        pub #name: #ty,
    }
}

/// Removes the comma after the last argument of an attribute.
fn trim_comma(tokens: TokenStream) -> TokenStream {
    let mut trees: Vec<_> = tokens.into_iter().collect();
    trees.pop();
    trees.into_iter().collect()
}

/// `Debug` with `hide` in place of sensitive fields. `own` are fields of a builder that are not members.
pub(super) fn debug_impl<'s>(
    structure: &'s Shape,
    name: &Ident,
    parameter: Option<Ident>,
    own: impl Iterator<Item = &'s String>,
    hide: impl Fn(Ident) -> TokenStream,
) -> TokenStream {
    let members =
        structure.members.iter().map(|it| (&it.name, it.is_sensitive || structure.is_sensitive));
    let fields = own.map(|it| (it, false)).chain(members).map(|(label, is_hidden)| {
        let field = ident(label);
        let value = if is_hidden { hide(field) } else { quote!(self.#field) };
        quote!(.field(#label, &#value))
    });
    let bound = parameter.iter().map(|it| quote!(<#it: std::fmt::Debug>));
    let argument = parameter.iter().map(|it| quote!(<#it>));
    let allow = allow_deprecated(structure);
    let text = name.to_string();
    quote! {
        #allow
        impl #(#bound)* std::fmt::Debug for #name #(#argument)* {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(#text)#(#fields)*.finish()
            }
        }
    }
}
