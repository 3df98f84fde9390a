//! Tests of the clients' and the server's behaviour, one file for each behaviour. Copy `template.rs` to add one.

/// The asynchronous client.
mod client {
    mod bad_input;
    mod call_errors;
    mod calls_and_streams;
    mod cancellation;
    mod cancellation_connecting;
    mod client_events;
    mod close_error;
    mod reconnect;
    mod runtimes;
    mod stalled;
    mod steady_load;
    mod stress;
}

/// The blocking client.
mod blocking {
    mod calls_and_streams;
    mod closing;
    #[cfg(target_os = "linux")]
    mod leaks;
    mod reconnect;
    mod scripted;
    mod writing;
}

/// The server.
mod server {
    mod authentication;
    mod cancellation;
    mod closing;
    mod event_queue;
    mod hostile;
    mod listening;
    mod working_directory;
}

// Several sides together.
mod build_script;
mod cooperation;
mod floods;
mod handlers;
mod huge_durations;
mod log_reentry;
mod logs;
mod template;
