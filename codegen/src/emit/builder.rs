//! The builders of structures and of calls.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::{allow_deprecated, defaults, docs, ident, of_side, rust_type, structure};
use crate::{
    ir::{CallBuilder, Events, Member, Operation, Presence, Service, Shape},
    names,
};

/// The builder of a structure, unless the structure has none or is built by an operation.
pub(super) fn of_structure(structure: &Shape) -> Option<TokenStream> {
    let builder = ident(structure.builder.as_ref().filter(|_| !structure.is_built_by_operation())?);
    let name = &structure.type_ref;
    let about = format!(" Builds {}.", docs::a_link(&name.name));
    let (derived_debug, debug_impl) = debug(structure, &builder, None);
    let fields = structure.members.iter().map(field);
    let setters = structure.members.iter().map(setters);
    let (id, value) = value(structure);
    let about_build = about_build(structure, structure.is_build_fallible());
    let (ty, value) = if structure.is_build_fallible() {
        (quote!(Result<#name, eventstream_rpc::error::BuildError>), quote!(Ok(#value)))
    } else {
        (quote!(#name), value)
    };
    let allow = allow_deprecated(structure);
    Some(quote! {
        #[doc = #about]
        #[derive(Clone, #derived_debug Default)]
        #[must_use = "it builds nothing until `build` is called"]
        pub struct #builder {
            #(#fields),*
        }

        impl #builder {
            #(#setters)*

            #about_build
            #allow
            pub fn build(self) -> #ty {
                #id
                #value
            }
        }

        #debug_impl
    })
}

/// The builder of a call, which builds the request or sends it.
pub(super) fn of_call(service: &Service, operation: &Operation, request: &Shape) -> TokenStream {
    let options_type = match operation.events {
        Events::None => quote!(eventstream_rpc::client::CallOptions),
        Events::Stream { .. } => quote!(eventstream_rpc::client::SubscribeOptions),
    };
    let names = &operation.builder;
    let [builder, parameter, connection, options, into_parts] =
        [&names.name, &names.parameter, &names.connection, &names.options, &names.into_parts]
            .map(|it| ident(it));
    let name = &request.type_ref;
    let link = docs::a_link(&name.name);
    let about = format!(" Builds {link}. The builder that a client returns also sends it.");
    let own_fields = [(&connection, quote!(#parameter)), (&options, quote!(#options_type))];
    let (derived_debug, debug_impl) = debug(request, &builder, Some(names));
    let fields = own_fields.iter().map(|(name, ty)| quote!(#name: #ty));
    let fields = fields.chain(request.members.iter().map(field));
    let unset = request.members.iter().map(|it| ident(&it.name));
    let setters = request.members.iter().map(setters);
    let (id, value) = value(request);
    let about_build = about_build(request, true);
    let allow = allow_deprecated(request);
    let sending = sending(service, operation, request);
    quote! {
        #[doc = #about]
        #[derive(Clone, #derived_debug Default)]
        #[must_use = "nothing happens until `send` or `build` is called"]
        pub struct #builder<#parameter = ()> {
            #(#fields),*
        }

        impl<#parameter> #builder<#parameter> {
            /// Creates a builder without any member set, for a request on this connection.
            pub fn new(#connection: #parameter) -> Self {
                Self {
                    #connection,
                    #options: #options_type::default(),
                    #(#unset: None),*
                }
            }

            #(#setters)*

            #allow
            fn #into_parts(self) -> Result<(#parameter, #options_type, #name), eventstream_rpc::error::BuildError> {
                #id
                let request = #value;
                Ok((self.#connection, self.#options, request))
            }
        }

        impl #builder {
            #about_build
            pub fn build(self) -> Result<#name, eventstream_rpc::error::BuildError> {
                Ok(self.#into_parts()?.2)
            }
        }

        #sending
        #debug_impl
    }
}

/// The methods of a call: its options, and `send` of each client.
fn sending(service: &Service, operation: &Operation, request: &Shape) -> TokenStream {
    let names = &operation.builder;
    let [builder, options, into_parts, marker, response, error] = [
        &names.name,
        &names.options,
        &names.into_parts,
        &operation.name,
        &operation.response.name,
        &operation.error,
    ]
    .map(|it| ident(it));
    let (subscribe, method, types) = match operation.events {
        Events::None => (None, quote!(call), quote!(#marker, #error, #response)),
        Events::Stream { .. } => {
            (Some(quote!(subscribe)), quote!(subscribe), quote!(#marker, #error))
        }
    };
    let validate = request.is_checked().then(|| quote!(validate));
    let send = quote!(eventstream_rpc::impl_async_send!(#method #builder.#into_parts: #types););
    let send = of_side(service, "tokio", send);
    let wait = quote!(eventstream_rpc::impl_blocking_send!(#method #builder.#into_parts: #types););
    let wait = of_side(service, "blocking", wait);
    quote! {
        eventstream_rpc::impl_call_options!(#builder.#options: call #validate #subscribe);
        #send
        #wait
    }
}

fn field(member: &Member) -> TokenStream {
    let name = ident(&member.name);
    let ty = rust_type::boxed(&member.ty, member.is_boxed);
    quote!(#name: Option<#ty>)
}

fn setters(member: &Member) -> TokenStream {
    let docs = docs::text(&member.docs);
    let docs = docs::outer(&match member.presence {
        Presence::Required if !member.is_token => format!("{docs}\n\nThis member is required."),
        _ => docs,
    });
    let deprecated = docs::deprecated(&member.docs);
    let name = ident(&member.name);
    let argument = ident(names::argument(&member.name));
    let set_name = ident(&names::setter(&member.name));
    let (ty, value) = rust_type::argument(member);
    let optional = rust_type::boxed(&member.ty, member.is_boxed);
    let about_set = format!(" Sets or clears [`{0}`](Self::{0}).", member.name);
    // A setter may have the name and the signature of an operator's method.
    let allow = names::OPERATORS.contains(&&*member.name).then(|| {
        quote!(#[allow(clippy::should_implement_trait, reason = "it is named after the member")])
    });
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

fn about_build(structure: &Shape, is_fallible: bool) -> TokenStream {
    let about = format!("Builds the [`{}`].", structure.type_ref.name);
    let why = if structure.has_required() {
        "A required member was not set."
    } else {
        "Currently none: no member is required. A later version of the model may require one."
    };
    let errors = if is_fallible { format!("\n\n# Errors\n\n{why}") } else { String::new() };
    docs::outer(&(about + &errors))
}

/// The structure with the fields of `self`, and the shape ID for errors about missing members.
fn value(structure: &Shape) -> (Option<TokenStream>, TokenStream) {
    let name = &structure.type_ref;
    let id = structure.has_required().then(|| {
        quote! {
            use eventstream_rpc::json::Shape;
            const ID: &str = #name::ID;
        }
    });
    let fields = structure.members.iter().map(|member| {
        let (field, wire_name) = (ident(&member.name), &member.wire_name);
        let token =
            member.is_token.then(|| quote!(eventstream_rpc::primitives::idempotency_token));
        match (&member.presence, token) {
            (Presence::Required | Presence::Default(_), Some(token)) => {
                quote!(#field: self.#field.unwrap_or_else(#token))
            }
            (_, Some(token)) => quote!(#field: self.#field.or_else(|| Some(#token()))),
            (Presence::Required, None) => {
                quote!(#field: self.#field.ok_or(eventstream_rpc::error::BuildError::missing_member(ID, #wire_name))?)
            }
            (Presence::Default(_), None) if member.own_default().is_none() => {
                quote!(#field: self.#field.unwrap_or_default())
            }
            (Presence::Default(_), None) => {
                let default = defaults::function("default", member);
                quote!(#field: self.#field.unwrap_or_else(#name::#default))
            }
            (Presence::Optional | Presence::Expected | Presence::ReadsAs(_), None) => {
                quote!(#field: self.#field)
            }
        }
    });
    (id, quote!(#name { #(#fields),* }))
}

/// `Debug` of a builder: derived, or an implementation that says only that values are set.
fn debug(
    structure: &Shape,
    builder: &Ident,
    call: Option<&CallBuilder>,
) -> (Option<TokenStream>, Option<TokenStream>) {
    if !structure.is_redacted() {
        return (Some(quote!(Debug,)), None);
    }
    let own = call.into_iter().flat_map(|it| [&it.connection, &it.options]);
    let parameter = call.map(|it| ident(&it.parameter));
    let hide = |field| quote!(self.#field.as_ref().map(|_| eventstream_rpc::REDACTED));
    (None, Some(structure::debug_impl(structure, builder, parameter, own, hide)))
}
