//! Builders of structures.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Imports, defaults, docs, ident, rust_type, structure};
use crate::{
    ir::{Literal, Member, Presence, Role, Structure},
    names,
};

/// The builder and its methods.
pub(super) fn items(it: &Structure, imports: &mut Imports) -> TokenStream {
    let builder = ident(&it.builder);
    let about = format!(" Builds a [`{}`].", it.type_ref.name);
    let is_redacted = it.is_redacted();
    let debug = (!is_redacted).then(|| quote!(Debug,));
    let fields: Vec<_> = it
        .members
        .iter()
        .map(|member| {
            let name = ident(&member.name);
            let ty = rust_type::boxed(&member.ty, member.is_boxed, imports);
            quote!(#name: Option<#ty>)
        })
        .collect();
    let setters: Vec<_> = it.members.iter().map(|member| setters(member, imports)).collect();
    let build = build(it, imports);
    let debug_impl = is_redacted.then(|| debug_impl(it, imports));
    quote! {
        #[doc = #about]
        #[derive(Clone, #debug Default)]
        #[must_use = "it builds nothing until `build` is called"]
        pub struct #builder {
            #(#fields),*
        }

        impl #builder {
            #(#setters)*
            #build
        }

        #debug_impl
    }
}

/// The two setters of a member.
fn setters(member: &Member, imports: &mut Imports) -> TokenStream {
    let docs = docs::outer(&structure::member_docs(member));
    let deprecated = docs::deprecated(&member.docs);
    let name = ident(&member.name);
    let argument = ident(names::argument(&member.name));
    let set_name = ident(&names::setter(&member.name));
    let rust_type::Argument { ty, value } = rust_type::argument(member, imports);
    let optional = rust_type::boxed(&member.ty, member.is_boxed, imports);
    let about_set = format!(" Sets or clears [`{0}`](Self::{0}).", member.name);
    let allow = allow_operator(member);
    quote! {
        #docs
        #deprecated
        #allow
        pub fn #name(mut self, #argument: #ty) -> Self {
            self.#name = Some(#value);
            self
        }

        #[doc = #about_set]
        #deprecated
        pub fn #set_name(mut self, #argument: Option<#optional>) -> Self {
            self.#name = #argument;
            self
        }
    }
}

/// The same setters on a fluent builder, which hands them on.
pub(super) fn forwarding_setters(member: &Member, imports: &mut Imports) -> TokenStream {
    let docs = docs::outer(&structure::member_docs(member));
    let deprecated = docs::deprecated(&member.docs);
    let allow_deprecated = member.docs.deprecated.is_some().then(|| quote!(#[allow(deprecated)]));
    let name = ident(&member.name);
    let argument = ident(names::argument(&member.name));
    let set_name = ident(&names::setter(&member.name));
    let rust_type::Argument { ty, .. } = rust_type::argument(member, imports);
    let optional = rust_type::boxed(&member.ty, member.is_boxed, imports);
    let about_set = format!(" Sets or clears [`{0}`](Self::{0}).", member.name);
    let allow = allow_operator(member);
    quote! {
        #docs
        #deprecated
        #allow_deprecated
        #allow
        pub fn #name(mut self, #argument: #ty) -> Self {
            self.request = self.request.#name(#argument);
            self
        }

        #[doc = #about_set]
        #deprecated
        #allow_deprecated
        pub fn #set_name(mut self, #argument: Option<#optional>) -> Self {
            self.request = self.request.#set_name(#argument);
            self
        }
    }
}

/// A setter may have the name and the signature of an operator.
fn allow_operator(member: &Member) -> Option<TokenStream> {
    names::OPERATORS.contains(&&*member.name).then(|| {
        quote!(#[allow(clippy::should_implement_trait, reason = "it is called after the member")])
    })
}

fn build(it: &Structure, imports: &mut Imports) -> TokenStream {
    let name = match &it.type_ref.home {
        // Its own file, or the parent of its builders' file.
        crate::ir::Home::Operation(_) => imports.type_ref(&it.type_ref),
        _ => ident(&it.type_ref.name),
    };
    let has_required = it.has_required();
    let fields: Vec<_> = it
        .members
        .iter()
        .map(|member| {
            let field = ident(&member.name);
            let wire_name = &member.wire_name;
            let token = member.is_token.then(|| {
                let token = imports.path("eventstream_rpc::primitives::idempotency_token");
                quote!(self.#field.or_else(|| Some(#token())))
            });
            match (&member.presence, token) {
                (Presence::Required | Presence::Default(_), Some(_)) => {
                    let token = imports.path("eventstream_rpc::primitives::idempotency_token");
                    quote!(#field: self.#field.unwrap_or_else(#token))
                }
                (_, Some(token)) => quote!(#field: #token),
                (Presence::Required, None) => {
                    quote!(#field: self.#field.ok_or(BuildError::missing_member(ID, #wire_name))?)
                }
                (Presence::Default(Literal::Zero), None) => {
                    quote!(#field: self.#field.unwrap_or_default())
                }
                (Presence::Default(_), None) => {
                    let default = defaults::function(member);
                    quote!(#field: self.#field.unwrap_or_else(#name::#default))
                }
                (Presence::Optional | Presence::Expected | Presence::ReadsAs(_), None) => {
                    quote!(#field: self.#field)
                }
            }
        })
        .collect();
    let uses_deprecated = it.members.iter().any(|it| it.docs.deprecated.is_some());
    let allow = uses_deprecated.then(|| quote!(#[allow(deprecated)]));
    let about = format!(" The [`{name}`] with what was set.");
    if !it.is_build_fallible() {
        return quote! {
            #[doc = #about]
            #allow
            pub fn build(self) -> #name {
                #name { #(#fields),* }
            }
        };
    }
    imports.path("eventstream_rpc::error::BuildError");
    let id = has_required.then(|| {
        imports.path("eventstream_rpc::operation::Shape");
        quote!(const ID: &str = #name::ID;)
    });
    let why = match (has_required, it.role) {
        (false, Role::Request) => {
            " None now: no member is required. A later version of the model may require one."
        }
        _ => " A required member that was not set.",
    };
    quote! {
        #[doc = #about]
        ///
        /// # Errors
        ///
        #[doc = #why]
        #allow
        pub fn build(self) -> Result<#name, BuildError> {
            #id
            Ok(#name { #(#fields),* })
        }
    }
}

/// `Debug` that says only that values are set.
fn debug_impl(it: &Structure, imports: &mut Imports) -> TokenStream {
    let fmt = imports.path("std::fmt");
    let redacted = imports.path("eventstream_rpc::REDACTED");
    let builder = ident(&it.builder);
    let text = &it.builder;
    let fields = it.members.iter().map(|member| {
        let (label, field) = (&member.name, ident(&member.name));
        match it.is_sensitive || member.is_sensitive {
            true => quote!(.field(#label, &self.#field.as_ref().map(|_| #redacted))),
            false => quote!(.field(#label, &self.#field)),
        }
    });
    quote! {
        impl #fmt::Debug for #builder {
            fn fmt(&self, f: &mut #fmt::Formatter<'_>) -> #fmt::Result {
                f.debug_struct(#text)#(#fields)*.finish()
            }
        }
    }
}
