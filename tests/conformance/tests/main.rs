//! Tests of the promises of this project's clients and server, and of the interoperability with the official SDKs.

mod client;
mod graceful_end;
mod handlers;
mod lifecycle;
mod overflow;
mod server;
mod table;

/// The official SDKs and recordings of them, against this project.
mod interop {
    mod client_observations;
    mod components;
    mod echo_javascript;
    mod echo_python;
    mod examples;
    mod golden_frames;
    mod hello_world;
    mod model_fidelity;
    mod official_clients;
    mod operations;
    mod server_observations;
    mod support;
}
