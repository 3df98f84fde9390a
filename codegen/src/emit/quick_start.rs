//! The quick start in the documentation of a crate: its dependencies, a client and a server.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{ident, operation};
use crate::{
    Connector,
    ir::{Events, Operation, Parent, Service, TypeRef},
    names,
};

/// The address in the examples.
const ADDRESS: &str = "127.0.0.1:8033";

/// The page; empty if no side is generated.
pub(super) fn page(service: &Service) -> String {
    let (sides, name) = (service.sides, &service.crate_name);
    let mut names = sides.features().map(|it| it.0);
    let Some(default) = names.next() else { return String::new() };
    let others: Vec<_> = names.collect();
    let others = if others.is_empty() { String::new() } else { format!(", features = {others:?}") };
    let tokio = "tokio = { version = \"1\", features = [\"macros\", \"rt\"] }\n";
    let tokio = if sides.client || sides.server { tokio } else { "" };
    let rows: String =
        sides.features().map(|(name, about)| format!("- `{name}`: {about}\n")).collect();
    let [client, server] = [client(service), server(service)].map(Option::unwrap_or_default);
    format!(
        "# Quick start\n\n```toml\n[dependencies]\n{name} = {{ path = \"../{name}\"{others} }}\n{tokio}```\n\nThe features \
         of the crate; `{default}` is the default:\n\n{rows}{client}{server}"
    )
}

/// A client that makes one call.
fn client(service: &Service) -> Option<String> {
    let (feature, module, function, wait) = match service.sides {
        it if it.client => ("tokio", "client", "async fn", ".await"),
        it if it.blocking => ("blocking", "blocking", "fn", ""),
        _ => return None,
    };
    let mut unary = service.operations.iter().filter(|it| matches!(it.events, Events::None));
    let example = unary.find_map(|it| it.example.as_ref())?;
    let (path, uses, call) =
        (&service.crate_path, operation::uses(service, &[example]), &example.call);
    let then = if wait.is_empty() { "" } else { "\n    .await" };
    let gap = if uses.is_empty() { "" } else { "\n" };
    let client = match service.connector {
        Connector::Greengrass => format!("{path}::{module}::Client::connect(){wait}?"),
        Connector::None => format!("{path}::{module}::Client::new(connection)"),
    };
    let connection = format!(
        "let connection = {path}::{module}::Connection::builder();\nlet connection = \
         connection.tcp_address({ADDRESS:?}).connect(){wait}?;\n"
    );
    let connection = if service.connector == Connector::None { &*connection } else { "" };
    Some(format!(
        "\n# A client\n\n```no_run\n# #[cfg(feature = {feature:?})]\n# {function} example() -> Result<(), Box<dyn \
         std::error::Error>> {{\n{uses}{gap}{connection}let client = {client};\n\nlet response = \
         {call}{then}?;\nprintln!(\"{{response:?}}\");\n# Ok(()) }}\n```\n"
    ))
}

/// A server that answers one operation. `None` if names would collide.
fn server(service: &Service) -> Option<String> {
    let has_default = |it: &&Operation| service.shapes[it.request_response[1]].has_default();
    let mut unary = service.operations.iter().filter(|it| matches!(it.events, Events::None));
    let operation = unary.find(has_default).filter(|_| service.sides.server)?;
    let (name, path) = (&service.name, &service.crate_path);
    let parent = Parent::Operation(operation.method.clone());
    let error = TypeRef { parent, name: operation.error.clone() };
    let types = [&operation.request, &operation.response, &error];
    let mut uses = BTreeMap::<_, BTreeSet<_>>::new();
    for (it, path) in types.map(|it| (it, it.path().replacen("crate", path, 1))) {
        let module = path.strip_suffix(&*it.name).unwrap_or_default();
        // The module of an operation can have the name of a keyword.
        let module = module.split("::").map(names::raw).collect::<Vec<_>>().join("::");
        uses.entry(module).or_default().insert(&*it.name);
    }
    let names = |it: BTreeSet<&str>| it.into_iter().collect::<Vec<_>>().join(", ");
    let uses: String =
        uses.into_iter().map(|it| format!("use {}{{{}}};\n", it.0, names(it.1))).collect();
    let method = ident(&operation.method);
    let [request, response, error] = types.map(|it| &*it.name);
    let service = format!("{name}Service");
    let fixed = ["Implementation", "RequestContext", "Server", "Result", "Ok"];
    let names: HashSet<_> =
        fixed.into_iter().chain([request, response, error, name, &service]).collect();
    (names.len() == fixed.len() + 5).then(|| {
        format!(
            "\n# A server\n\n```no_run\n# #[cfg(feature = \"server\")]\n# mod example {{\n{uses}use {path}::server::{{{name}, \
             {service}, RequestContext, Server}};\n\nstruct Implementation;\n\nimpl {name} for Implementation {{\n    async \
             fn {method}(\n        &self,\n        request: {request},\n        _context: RequestContext,\n    ) -> \
             Result<{response}, {error}> {{\n        println!(\"{{request:?}}\");\n        Ok({response}::default())\n    \
             }}\n}}\n\nasync fn serve() -> std::io::Result<()> {{\n    let service = \
             {service}::new(Implementation);\n    let server = Server::bind_tcp({ADDRESS:?}).await?.allow_all();\n    \
             server.serve(service, std::future::pending::<()>()).await\n}}\n# }}\n```\n"
        )
    })
}
