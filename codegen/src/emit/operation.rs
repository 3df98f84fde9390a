//! The modules of operations: the marker type, request, response, error and builder.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;

use super::{builder, docs, error, ident, structure};
use crate::ir::{Events, Example, Member, Operation, Parent, Service, Shape, TypeRef};

pub(super) fn module(service: &Service, operation: &Operation) -> TokenStream {
    let parent = Parent::Operation(operation.method.clone());
    let [request_shape, response_shape] = operation.request_response.map(|it| &service.shapes[it]);
    let own = |it: &Shape| (it.type_ref.parent == parent).then(|| structure::items(it));
    let (request, response) = (own(request_shape), own(response_shape));
    let messages = [&operation.request, &operation.response];
    let reexports: BTreeSet<_> = messages.into_iter().filter(|it| it.parent != parent).collect();
    let reexports = reexports.into_iter();
    let marker = marker(service, operation);
    let call = builder::of_call(service, operation, request_shape);
    let error = error::operation_error(operation);
    // The index of modules shows the first sentence.
    let summary = docs::summary(&operation.docs);
    let about = format!("The operation `{}` with its builder, shapes and error.", operation.id);
    let about = docs::inner(&format!("{summary}\n\n{about}"));
    quote! {
        #about

        #(pub use #reexports;)*
        #marker
        #request
        #call
        #response
        #error
    }
}

fn marker(service: &Service, operation: &Operation) -> TokenStream {
    let name = ident(&operation.name);
    let (request, response) = (&operation.request, &operation.response);
    let (service_id, id, error) = (&service.id, &operation.id, ident(&operation.error));
    let streaming = match &operation.events {
        Events::None => None,
        Events::Stream { request, response } => {
            let event = |events: &Option<TypeRef>| match events {
                Some(type_ref) => quote!(#type_ref),
                None => quote!(eventstream_rpc::operation::NoEvents),
            };
            let (request, response) = (event(request), event(response));
            let error_events = (!operation.error_events.is_empty()).then(|| {
                let rows = operation.error_events.iter().map(|(name, id)| quote!((#name, #id)));
                quote!(const ERROR_EVENTS: &'static [(&'static str, &'static str)] = &[#(#rows),*];)
            });
            Some(quote! {
                impl eventstream_rpc::operation::StreamingOperation for #name {
                    type RequestEvent = #request;
                    type ResponseEvent = #response;
                    #error_events
                }
            })
        }
    };
    let (permission, hint) =
        operation.permission.as_ref().map(|it| permission(operation, it)).unzip();
    let text = docs::text(&operation.docs);
    let docs = docs::outer(&format!("{text}\n\n{}", page(service, operation)));
    let deprecated = docs::deprecated(&operation.docs);
    quote! {
        #docs
        #deprecated
        #[derive(Clone, Copy, Debug)]
        pub struct #name;

        impl eventstream_rpc::operation::Operation for #name {
            const SERVICE: &'static str = #service_id;
            const ID: &'static str = #id;
            type Request = #request;
            type Response = #response;
            type Error = #error;
            #hint
        }

        #permission

        #streaming
    }
}

/// The constant with the permission that an operation requires, and the method of its trait that names it.
fn permission(
    operation: &Operation,
    (service, resource): &(String, String),
) -> (TokenStream, TokenStream) {
    let (name, error) = (ident(&operation.name), ident(&operation.error));
    let request = &operation.request;
    let constant = quote! {
        impl #name {
            /// The permission that the operation requires.
            pub const PERMISSION: eventstream_rpc::greengrass::Permission =
                eventstream_rpc::greengrass::Permission::new(
                    <Self as eventstream_rpc::operation::Operation>::ID, #service, #resource,
                );
        }
    };
    let method = quote! {
        fn hint(request: &#request, error: &#error) -> Option<String> {
            Self::PERMISSION.hint(request, eventstream_rpc::error::OperationError::metadata(error))
        }
    };
    (constant, method)
}

/// The attributes of a method that is named after an operation: the first paragraph of the documentation, and a link
/// to the rest.
pub(super) fn summary(operation: &Operation, link: &str) -> TokenStream {
    let summary = docs::summary(&operation.docs);
    let docs = docs::outer(&format!("{summary}\n\n{link}"));
    let deprecated = docs::deprecated(&operation.docs);
    quote!(#docs #deprecated)
}

/// The links and the example at the end of an operation's documentation.
fn page(service: &Service, operation: &Operation) -> String {
    let example = operation.example.as_ref().filter(|_| service.sides.client);
    let example = example.map(|it| example_of(service, &operation.events, it));
    let request = format!("- Request: [`{}`]\n", operation.request.name);
    let results = results(operation, |it| format!("[`{}`]", it.name), "");
    format!("{request}{results}{}", example.unwrap_or_default())
}

/// The rows about the response, the events and the errors. `members` are those of the response.
fn results(operation: &Operation, link: impl Fn(&TypeRef) -> String, members: &str) -> String {
    let mut rows = format!("- Response: {}{members}", link(&operation.response));
    if let Events::Stream { request, response } = &operation.events {
        rows.extend(request.iter().map(|it| format!("\n- Events from the client: {}", link(it))));
        rows.extend(response.iter().map(|it| format!("\n- Events from the server: {}", link(it))));
    }
    let parent = Parent::Operation(operation.method.clone());
    rows + "\n- Errors: " + &link(&TypeRef { parent, name: operation.error.clone() })
}

/// The documentation of a client's method: the setters of the builder, those of required members first, the response,
/// the errors and a link to the rest.
pub(super) fn call(service: &Service, operation: &Operation) -> TokenStream {
    let [request, response] = operation.request_response.map(|it| &service.shapes[it]);
    let link = |it: &TypeRef| format!("[`{}`]({})", it.name, it.path());
    let parent = Parent::Operation(operation.method.clone());
    let [builder, operation_type] = [&operation.builder.name, &operation.name]
        .map(|name| TypeRef { parent: parent.clone(), name: name.clone() });
    let row = |of: &TypeRef, it: &Member| format!("\n  - [`{0}`]({1}::{0})", it.name, of.path());
    let required = request.members.iter().filter(|it| it.must_be_set());
    let required = required.map(|it| row(&builder, it) + ", required");
    let optional = request.members.iter().filter(|it| !it.must_be_set());
    let setters: String = required.chain(optional.map(|it| row(&builder, it))).collect();
    let setters = if setters.is_empty() { "none" } else { &setters };
    let members = response.members.iter().filter(|_| response.members.len() < 8);
    let members: String = members.map(|it| row(&operation.response, it)).collect();
    let results = results(operation, link, &members);
    let errors: String = operation.errors.iter().map(|it| format!("\n  - {}", link(it))).collect();
    let rest = format!("See {} for details and an example.", link(&operation_type));
    summary(operation, &format!("- Setters: {setters}\n{results}{errors}\n\n{rest}"))
}

fn example_of(service: &Service, events: &Events, example: &Example) -> String {
    let read = |name: &str| {
        format!(
            "while let Some(event) = {name}.next().await {{\n    println!(\"{{:?}}\", event?);\n}}"
        )
    };
    let (name, then) = match events {
        Events::None => ("response", "println!(\"{response:?}\");".to_owned()),
        Events::Stream { response: None, .. } => ("stream", "stream.close().await?;".to_owned()),
        Events::Stream { request: None, .. } => ("mut subscription", read("subscription")),
        Events::Stream { .. } => {
            let note = "// `stream.send_event(…)` sends events; this receives them.\n";
            ("mut stream", note.to_owned() + &read("stream"))
        }
    };
    let body = format!("let {name} = {}\n    .await?;\n{then}", example.call);
    let uses = uses(service, &[example]);
    let gap = if uses.is_empty() { "" } else { "\n" };
    let about = if example.about.is_empty() { "" } else { &format!("\n\n{}", example.about) };
    format!(
        "\n\n# Example{about}\n\n```no_run\n# #[cfg(feature = \"tokio\")]\n# async fn example(client: {}::Client) -> \
         Result<(), Box<dyn std::error::Error>> {{\n{uses}{gap}{body}\n# Ok(()) }}\n```",
        service.crate_path
    )
}

/// An example of the blocking client that compiles: a call and a subscription, if the service has them.
pub(super) fn blocking_example(service: &Service) -> Option<String> {
    let find = |is_fit: fn(&Events) -> bool| {
        let mut operations = service.operations.iter().filter(move |it| is_fit(&it.events));
        operations.find_map(|it| it.example.as_ref())
    };
    let unary = find(|it| matches!(it, Events::None));
    let streaming = find(|it| matches!(it, Events::Stream { request: None, response: Some(_) }));
    let unary_text =
        unary.map(|it| format!("let response = {}?;\nprintln!(\"{{response:?}}\");", it.call));
    let streaming_text = streaming.map(|example| {
        let read = "for event in subscription {\n    println!(\"{:?}\", event?);\n}";
        format!("let subscription = {}?;\n{read}", example.call)
    });
    let examples: Vec<_> = [unary, streaming].into_iter().flatten().collect();
    let body: Vec<_> = [unary_text, streaming_text].into_iter().flatten().collect();
    let uses = uses(service, &examples);
    (!body.is_empty()).then(|| {
        format!(
            "```no_run\nuse {}::blocking::Client;\n{uses}\n# fn example(client: Client) -> Result<(), Box<dyn \
             std::error::Error>> {{\n{}\n# Ok(())\n# }}\n```",
            service.crate_path,
            body.join("\n\n")
        )
    })
}

/// The imports of examples, one per line.
pub(super) fn uses(service: &Service, examples: &[&Example]) -> String {
    let types = examples.iter().flat_map(|it| &it.types);
    let paths = types.map(|it| it.path().replacen("crate", &service.crate_path, 1));
    let paths: BTreeSet<_> = paths.collect();
    paths.iter().map(|it| format!("use {it};\n")).collect()
}
