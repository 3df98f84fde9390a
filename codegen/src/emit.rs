//! The emitters: each function turns a part of [`ir`] into tokens. Emission cannot fail.
//!
//! Emitters write full paths, which `imports` shortens.

mod builder;
mod checks;
mod client;
mod defaults;
mod docs;
mod enumeration;
mod error;
mod imports;
mod operation;
mod quick_start;
mod rust_type;
mod server;
mod structure;
mod union;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};

use crate::{
    ir::{self, Kind, Parent, Shape, SimpleType, Type, TypeRef},
    names,
};

pub use imports::Scope;

/// The separator of lines in a doc attribute; documentation cannot contain it. One attribute per line would be slow:
/// a quarter of all lines are documentation.
pub(crate) const LINE_BREAK: char = '\u{1}';

/// Marks a link definition at the end of a text. It is dropped if the name is in scope.
pub(crate) const LINK: char = '\u{2}';

/// A string literal that marks the start of a line in the call of a runtime macro.
pub(crate) const ROW: &str = "\u{1}";

/// A file that is not formatted yet.
#[derive(Debug)]
pub struct File {
    /// The path relative to the crate's `src`, with forward slashes.
    pub path: String,
    /// The items. Documentation contains [`LINE_BREAK`] and [`LINK`].
    pub tokens: TokenStream,
    /// The names that documentation can link to without a path.
    pub scope: Scope,
}

/// Emits all source files of the crate, in no particular order.
///
/// Files are passed on one by one, because the tokens of a large model need much memory.
pub fn emit(service: &ir::Service, mut pass: impl FnMut(File)) {
    let mut add = |path: String, tokens| {
        let (tokens, scope) = imports::import(tokens);
        pass(File { path, tokens, scope });
    };
    add("lib.rs".into(), library(service));
    add("error.rs".into(), error_module(service));
    add("primitives.rs".into(), primitives_module(service));
    if service.sides.client {
        add("client.rs".into(), client::module(service, true));
    }
    if service.sides.blocking {
        add("blocking.rs".into(), client::module(service, false));
    }
    if service.sides.server {
        add("server.rs".into(), server::module(service));
    }
    let modules = service.operations.iter().map(|it| ident(&it.method));
    let protected = service.operations.iter().filter(|it| it.permission.is_some());
    let mut permissions = protected.map(|it| {
        let (module, name) = (ident(&it.method), ident(&it.name));
        quote!(#module::#name::PERMISSION,)
    });
    let permissions = permissions.next().map(|first| {
        quote! {
            /// The permissions that operations require, in the order of the model.
            pub const PERMISSIONS: &[eventstream_rpc::greengrass::Permission] =
                &[#first #(#permissions)*];
        }
    });
    let modules = quote! {
        //! One module for each operation, with its request, response, errors and builder.

        #(pub mod #modules;)*

        #permissions
    };
    add("operation.rs".into(), modules);
    for operation in &service.operations {
        add(format!("operation/{}.rs", operation.method), operation::module(service, operation));
    }
    let about =
        " The types of members, and the requests and responses that several operations use.";
    let about_errors = " The errors of the service.";
    for (parent, folder, about) in
        [(Parent::Types, "types", about), (Parent::Error, "types/error", about_errors)]
    {
        let shapes = service.shapes.iter().filter(|it| it.type_ref.parent == parent);
        let shapes: Vec<_> = shapes.collect();
        add(format!("{folder}.rs"), shapes_module(&shapes, &parent, about));
        add(format!("{folder}/builders.rs"), builders_module(&shapes, folder));
        for shape in shapes {
            add(format!("{folder}/{}.rs", shape.module), shape_items(shape));
        }
    }
}

fn library(service: &ir::Service) -> TokenStream {
    let page = if service.readme {
        quote!(#![doc = include_str!("../README.md")])
    } else {
        let start = if service.is_module { String::new() } else { quick_start::page(service) };
        docs::inner(format!("{}\n\n{start}", docs::text(&service.docs)).trim_end())
    };
    // Other shapes and their builders use deprecated shapes.
    let allow = service.deprecates_types().then(|| {
        quote!(#![allow(deprecated, reason = "generated code uses deprecated items of the model")])
    });
    let limit = service.recursion_limit.filter(|_| !service.is_module).map(|limit| {
        let limit = limit.to_string();
        // Examples in the documentation are crates that use the types.
        quote!(#![recursion_limit = #limit] #![doc(test(attr(recursion_limit = #limit)))])
    });
    // docs.rs then shows which feature an item needs.
    let doc_cfg = (!service.is_module).then(|| quote!(#![cfg_attr(docsrs, feature(doc_cfg))]));
    let allow_types = service.has_complex_types.then(
        || quote!(#![allow(clippy::type_complexity, reason = "the model nests lists and maps")]),
    );
    let blocking = of_side(service, "blocking", quote! { pub mod blocking; });
    let client = of_side(service, "tokio", quote! { pub mod client; });
    let server = of_side(service, "server", quote! { pub mod server; });
    let use_client = of_side(service, "tokio", quote! { pub use client::Client; });
    let streams = quote! {
        pub use eventstream_rpc::client::{StreamHandler, Subscription, SubscriptionHandle};
    };
    let use_streams = of_side(service, "tokio", streams);
    let modules = service.modules.iter().map(|(name, path)| {
        let name = ident(name);
        quote!(#[path = #path] pub mod #name;)
    });
    quote! {
        #page
        #doc_cfg
        #allow
        #limit
        #allow_types

        #blocking
        #client
        pub mod error;
        pub mod operation;
        pub mod primitives;
        #server
        pub mod types;

        #(#modules)*

        #use_client
        #use_streams
    }
}

/// An item of the side with this feature, behind the feature in a crate. `None` if the side is not generated.
fn of_side(service: &ir::Service, feature: &str, item: TokenStream) -> Option<TokenStream> {
    let is_there = service.sides.features().any(|it| it.0 == feature);
    let condition = (!service.is_module).then(|| quote!(#[cfg(feature = #feature)]));
    is_there.then(|| quote!(#condition #item))
}

fn error_module(service: &ir::Service) -> TokenStream {
    let is_checked = service.shapes.iter().any(Shape::is_checked);
    let violations = is_checked.then(|| {
        quote! {
            pub use eventstream_rpc::json::{Violation, ViolationKind, Violations};
        }
    });
    quote! {
        //! Errors of the runtime. The errors of the service are in [`types::error`](crate::types::error).

        pub use eventstream_rpc::error::{
            BuildError, ConnectError, ConnectionError, ErrorMetadata, ResponseError, SdkError, Unhandled,
            UnknownValueError, with_sources,
        };
        pub use eventstream_rpc::json::Error as JsonError;
        #violations
    }
}

fn primitives_module(service: &ir::Service) -> TokenStream {
    let is_big =
        |it: &Type| matches!(it, Type::Simple(SimpleType::BigInteger | SimpleType::BigDecimal));
    let uses_big = service.members().any(|it| is_big(it.ty.innermost()));
    let big = uses_big.then(|| quote!(BigDecimal, BigInteger,));
    quote! {
        //! Simple types that the standard library does not have.

        pub use eventstream_rpc::primitives::{#big Blob, Document, Timestamp, document};
    }
}

/// A module that exports types, each from a private module.
fn shapes_module(shapes: &[&Shape], parent: &Parent, about: &str) -> TokenStream {
    let mut shapes = shapes.to_vec();
    shapes.sort_by(|a, b| a.type_ref.cmp(&b.type_ref));
    let (modules, names): (Vec<_>, Vec<_>) =
        shapes.iter().map(|it| (ident(&it.module), ident(&it.type_ref.name))).unzip();
    let error = (*parent == Parent::Types).then(|| quote! { pub mod error; });
    quote! {
        #![doc = #about]

        pub mod builders;
        #error

        #(mod #modules;)*
        #(pub use #modules::#names;)*
    }
}

fn builders_module(shapes: &[&Shape], folder: &str) -> TokenStream {
    let builders = shapes.iter().filter_map(|it| Some((&it.module, it.builder.as_ref()?)));
    let mut builders: Vec<_> = builders.collect();
    builders.sort();
    let (modules, builders): (Vec<_>, Vec<_>) =
        builders.into_iter().map(|it| (ident(it.0), ident(it.1))).unzip();
    let about =
        format!(" Builders for the structures in [`{}`](super).", folder.replace('/', "::"));
    quote! {
        #![doc = #about]

        #(pub use super::#modules::#builders;)*
    }
}

fn shape_items(shape: &Shape) -> TokenStream {
    match shape.kind {
        Kind::Structure(_) => structure::items(shape),
        Kind::Union => union::items(shape),
        Kind::Enum | Kind::IntEnum => enumeration::items(shape),
    }
}

/// An attribute for items that use the members of a shape: members may be deprecated.
fn allow_deprecated(shape: &Shape) -> Option<TokenStream> {
    shape.uses_deprecated().then(|| quote!(#[allow(deprecated)]))
}

/// An attribute for numbers of a model, which may be close to a constant such as pi.
fn allow_constants(has_floats: bool) -> Option<TokenStream> {
    has_floats
        .then(|| quote!(#[allow(clippy::approx_constant, reason = "the number is from the model")]))
}

/// An attribute for enums with a variant that may be much larger than the others.
fn allow_large_variants(is_large: bool) -> Option<TokenStream> {
    is_large.then(|| {
        quote!(#[allow(clippy::large_enum_variant, reason = "a Box would make matching harder")])
    })
}

/// An identifier, raw if it is a keyword.
fn ident(name: &str) -> Ident {
    if names::is_keyword(name) {
        Ident::new_raw(name, Span::call_site())
    } else {
        Ident::new(name, Span::call_site())
    }
}

impl ToTokens for TypeRef {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let path = self.path();
        let path = path.split("::").map(ident);
        tokens.extend(quote!(#(#path)::*));
    }
}
