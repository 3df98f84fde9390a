//! What is generated, as text: which files there are, and what is in each.
//!
//! Emission looks nothing up and cannot fail. Each function takes a piece of [`ir`] and
//! gives tokens, in the order of the finished file.

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
use quote::quote;

use crate::{
    ir::{self, Home, Kind, Shape, SimpleType, Type},
    names,
};

use imports::Imports;

/// What stands between the lines of a documentation, which never has it itself. A quarter of all lines are
/// documentation, and an attribute for each would take as long as a statement does.
pub(crate) const LINE_BREAK: char = '\u{1}';

/// A file that is not formatted yet.
#[derive(Debug)]
pub struct File {
    /// Relative to the crate's `src`, with forward slashes.
    pub path: String,
    /// The items. Each documentation is one attribute, with U+0001 where a line ends.
    pub tokens: TokenStream,
}

/// All source files of the crate, in the order of their paths.
///
/// Each is made when it is asked for: the tokens of a large model together need more memory than all else.
pub fn emit(service: &ir::Service) -> impl Iterator<Item = File> {
    let mut files = vec![
        file("lib.rs", || library(service)),
        file("error.rs", || error_module(service)),
        file("primitives.rs", || primitives_module(service)),
        file("operation.rs", || operation_module(service)),
        file("types.rs", || types_module(service)),
        file("types/builders.rs", || builders_module(service, &Home::Types)),
        file("types/error.rs", || error_types_module(service)),
        file("types/error/builders.rs", || builders_module(service, &Home::Error)),
    ];
    if service.sides.client {
        files.push(file("client.rs", || client::module(service, &client::ASYNC)));
    }
    if service.sides.blocking {
        files.push(file("blocking.rs", || client::module(service, &client::BLOCKING)));
    }
    if service.sides.server {
        files.push(file("server.rs", || server::module(service)));
        files.push(file("server/service.rs", || server::dispatch(service)));
    }
    for it in &service.operations {
        let path = format!("operation/{}.rs", it.method);
        files.push(file(path, || operation::module(service, it)));
    }
    for shape in &service.shapes {
        let path = match shape.type_ref.home {
            Home::Operation(_) => continue,
            Home::Types => format!("types/{}.rs", shape.module),
            Home::Error => format!("types/error/{}.rs", shape.module),
        };
        files.push(file(path, || shape_file(shape)));
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files.into_iter().map(|(path, tokens)| File { path, tokens: tokens() })
}

type Tokens<'s> = Box<dyn FnOnce() -> TokenStream + 's>;

fn file<'s>(
    path: impl Into<String>,
    tokens: impl FnOnce() -> TokenStream + 's,
) -> (String, Tokens<'s>) {
    (path.into(), Box::new(tokens))
}

fn library(service: &ir::Service) -> TokenStream {
    let page = match service.readme {
        true => quote!(#![doc = include_str!("../README.md")]),
        false => docs::inner(&docs::text(
            &service.docs,
            &format!("The service `{}`.", service.id),
            &Imports::default(),
        )),
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
            pub use eventstream_rpc::serde::{Violation, ViolationKind, Violations};
        }
    });
    quote! {
        //! Why something failed. The errors of the service are in [`types::error`](crate::types::error).

        pub use eventstream_rpc::error::{
            BuildError, ConnectError, ConnectionError, ResponseError, SdkError, ServiceErrorRef, Unhandled,
            with_sources,
        };
        #violations
    }
}

fn primitives_module(service: &ir::Service) -> TokenStream {
    let uses_big = service
        .types()
        .any(|it| matches!(it, Type::Simple(SimpleType::BigInteger | SimpleType::BigDecimal)));
    let big = uses_big.then(|| quote!(BigDecimal, BigInteger,));
    quote! {
        //! The simple types that Rust has no type of its own for.

        pub use eventstream_rpc::primitives::{#big Blob, Document, Timestamp, document};
    }
}

fn operation_module(service: &ir::Service) -> TokenStream {
    let modules = service.operations.iter().map(|it| {
        let module = ident(&it.method);
        quote!(pub mod #module;)
    });
    quote! {
        //! One module for each operation: its request, response, errors and builders.

        #(#modules)*
    }
}

fn in_home(service: &ir::Service, home: Home) -> impl Iterator<Item = &Shape> {
    service.shapes.iter().filter(move |it| it.type_ref.home == home)
}

fn module_list(service: &ir::Service, home: Home) -> TokenStream {
    let mut shapes: Vec<_> = in_home(service, home).collect();
    shapes.sort_by(|a, b| a.type_ref.cmp(&b.type_ref));
    let modules = shapes.iter().map(|it| {
        let module = ident(&it.module);
        quote!(mod #module;)
    });
    let uses = shapes.iter().map(|it| {
        let (module, name) = (ident(&it.module), ident(&it.type_ref.name));
        quote!(pub use #module::#name;)
    });
    quote!(#(#modules)* #(#uses)*)
}

fn types_module(service: &ir::Service) -> TokenStream {
    let list = module_list(service, Home::Types);
    quote! {
        //! The shapes that operations share, and those that requests and responses are made of.

        pub mod builders;
        pub mod error;

        #list
    }
}

fn error_types_module(service: &ir::Service) -> TokenStream {
    let list = module_list(service, Home::Error);
    quote! {
        //! The errors that the service answers with.

        pub mod builders;

        #list
    }
}

fn builders_module(service: &ir::Service, home: &Home) -> TokenStream {
    let mut builders: Vec<_> = in_home(service, home.clone())
        .filter_map(|it| Some((&it.module, it.builder.as_ref()?)))
        .collect();
    builders.sort();
    let uses = builders.into_iter().map(|(module, builder)| {
        let (module, builder) = (ident(module), ident(builder));
        quote!(pub use super::#module::#builder;)
    });
    let about = format!(
        " Builders for the structures in [`{}`](super).",
        home.module().replace("crate::", "")
    );
    quote! {
        #![doc = #about]

        #(#uses)*
    }
}

fn shape_file(shape: &Shape) -> TokenStream {
    let mut imports = Imports::of_module(&shape.type_ref.home);
    let items = match shape.kind {
        Kind::Structure(_) => {
            let items = structure::items(shape, None, &mut imports);
            let builder = builder::of_structure(shape, &mut imports);
            quote!(#items #builder)
        }
        Kind::Union => union::items(shape, &mut imports),
        Kind::Enum | Kind::IntEnum => enumeration::items(shape),
    };
    // It may contain itself.
    imports.remove(&shape.type_ref);
    quote!(#imports #items)
}

/// An identifier, raw where it is a keyword.
fn ident(name: &str) -> Ident {
    match names::is_keyword(name) {
        true => Ident::new_raw(name, Span::call_site()),
        false => Ident::new(name, Span::call_site()),
    }
}
