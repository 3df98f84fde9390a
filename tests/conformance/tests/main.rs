//! The promises of this project's clients and server, and what the official SDKs make of them.

mod client;
mod graceful_end;
mod handlers;
mod lifecycle;
mod overflow;
mod server;
mod table;

/// The official SDKs against this project's servers, and recordings of them.
mod interop {
    mod client_observations;
    mod echo_javascript;
    mod echo_python;
    mod examples;
    mod golden_frames;
    mod model_fidelity;
    mod official_clients;
    mod server_observations;
    mod support;
}
