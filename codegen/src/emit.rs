//! What is generated: which files there are, and the tokens of each.
//!
//! Emitting cannot fail. Each function turns a piece of [`ir`] into tokens with full paths, which `imports` shortens.

mod builder;
mod checks;
mod client;
mod defaults;
mod docs;
mod enumeration;
mod error;
mod imports;
mod operation;
mod rust_type;
mod server;
mod structure;
mod union;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};

use crate::{
    ir::{self, Home, Kind, Shape, SimpleType, Type, TypeRef},
    names,
};

pub use imports::Scope;

/// What stands between the lines of a documentation, which never has it itself. A quarter of all lines are
/// documentation, and an attribute for each would take as long as a statement does.
pub(crate) const LINE_BREAK: char = '\u{1}';

/// What precedes the definition of a link at the end of a text: it is left out where the name is in scope.
pub(crate) const LINK: char = '\u{2}';

/// What begins a line in a macro of the runtime, as a text.
pub(crate) const ROW: &str = "\u{1}";

/// A file that is not formatted yet.
#[derive(Debug)]
pub struct File {
    /// Relative to the crate's `src`, with forward slashes.
    pub path: String,
    /// The items. Each documentation is one attribute, with [`LINE_BREAK`] and [`LINK`] in it.
    pub tokens: TokenStream,
    /// The names that documentation can link to.
    pub scope: Scope,
}

/// Makes all source files of the crate, in no order.
///
/// They are passed on one by one: the tokens of a large model together need more memory than all else.
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
    let modules = quote! {
        //! One module for each operation: its request, response, errors and builders.

        #(pub mod #modules;)*
    };
    add("operation.rs".into(), modules);
    for it in &service.operations {
        add(format!("operation/{}.rs", it.method), operation::module(service, it));
    }
    let about =
        " The shapes that operations share, and those that requests and responses are made of.";
    let about_errors = " The errors that the service answers with.";
    for (home, folder, about) in
        [(Home::Types, "types", about), (Home::Error, "types/error", about_errors)]
    {
        let shapes = service.shapes.iter().filter(|it| it.type_ref.home == home);
        let shapes: Vec<_> = shapes.collect();
        add(format!("{folder}.rs"), shapes_module(&shapes, &home, about));
        add(format!("{folder}/builders.rs"), builders_module(&shapes, folder));
        for shape in shapes {
            add(format!("{folder}/{}.rs", shape.module), shape_items(shape));
        }
    }
}

fn library(service: &ir::Service) -> TokenStream {
    let page = match service.readme {
        true => quote!(#![doc = include_str!("../README.md")]),
        false => docs::inner(&docs::text(&service.docs)),
    };
    // A shape that is deprecated is still used by other shapes and their builders.
    let allow = service.deprecates_types().then(|| {
        quote!(#![allow(deprecated, reason = "what the model deprecates is generated and used")])
    });
    let limit = service.recursion_limit.filter(|_| !service.is_module).map(|it| {
        let limit = it.to_string();
        // An example of the documentation is a crate that uses the types.
        quote!(#![recursion_limit = #limit] #![doc(test(attr(recursion_limit = #limit)))])
    });
    let allow_types = service.has_complex_types.then(|| {
        quote!(#![allow(clippy::type_complexity, reason = "lists and maps are what the model says")])
    });
    let blocking = of_side(service, "blocking", quote! { pub mod blocking; });
    let client = of_side(service, "tokio", quote! { pub mod client; });
    let server = of_side(service, "server", quote! { pub mod server; });
    let use_client = of_side(service, "tokio", quote! { pub use client::Client; });
    let streams = quote! {
        pub use eventstream_rpc::client::{StreamHandler, Subscription, SubscriptionHandle};
    };
    let use_streams = of_side(service, "tokio", streams);
    quote! {
        #page
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

        #use_client
        #use_streams
    }
}

/// An item of the side with this feature: behind the feature if there is one, nothing if the side is left
/// out.
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
        //! Why something failed. The errors of the service are in [`types::error`](crate::types::error).

        pub use eventstream_rpc::error::{
            BuildError, ConnectError, ConnectionError, ErrorMetadata, ResponseError, SdkError, Unhandled,
            with_sources,
        };
        #violations
    }
}

fn primitives_module(service: &ir::Service) -> TokenStream {
    let is_big =
        |it: &Type| matches!(it, Type::Simple(SimpleType::BigInteger | SimpleType::BigDecimal));
    let uses_big = service.members().any(|it| is_big(it.ty.innermost()));
    let big = uses_big.then(|| quote!(BigDecimal, BigInteger,));
    quote! {
        //! The simple types that Rust has no type of its own for.

        pub use eventstream_rpc::primitives::{#big Blob, Document, Timestamp, document};
    }
}

/// The module of the types that live here, which are in modules of their own.
fn shapes_module(shapes: &[&Shape], home: &Home, about: &str) -> TokenStream {
    let mut shapes = shapes.to_vec();
    shapes.sort_by(|a, b| a.type_ref.cmp(&b.type_ref));
    let (modules, names): (Vec<_>, Vec<_>) =
        shapes.iter().map(|it| (ident(&it.module), ident(&it.type_ref.name))).unzip();
    let error = (*home == Home::Types).then(|| quote! { pub mod error; });
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

/// For what names the members of a shape: some of them may be deprecated.
fn allow_deprecated(shape: &Shape) -> Option<TokenStream> {
    shape.uses_deprecated().then(|| quote!(#[allow(deprecated)]))
}

/// For numbers of a model, which may well say 3.14 and mean it.
fn allow_constants(has_floats: bool) -> Option<TokenStream> {
    has_floats
        .then(|| quote!(#[allow(clippy::approx_constant, reason = "it is what the model says")]))
}

/// For enums with a variant that may be much larger than the others.
fn allow_large_variants(is_large: bool) -> Option<TokenStream> {
    is_large.then(|| {
        quote!(#[allow(clippy::large_enum_variant, reason = "a box would stand in every reader's way")])
    })
}

/// An identifier, raw where it is a keyword.
fn ident(name: &str) -> Ident {
    match names::is_keyword(name) {
        true => Ident::new_raw(name, Span::call_site()),
        false => Ident::new(name, Span::call_site()),
    }
}

impl ToTokens for TypeRef {
    /// The full path.
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let path = self.path();
        let path = path.split("::").map(ident);
        tokens.extend(quote!(#(#path)::*));
    }
}
