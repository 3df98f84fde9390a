//! How the clients and the server behave: a file for each behaviour. A new one begins as a copy of `template.rs`.

/// The asynchronous client.
mod client {
    mod bad_input;
    mod calls_and_streams;
    mod cancellation;
    mod cancellation_connecting;
    mod client_events;
    mod ends;
    mod keeping_up;
    mod last_words;
    mod reconnect;
    mod runtimes;
    mod stalled;
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

// Several of them.
mod build_script;
mod cooperation;
mod floods;
mod handlers;
mod huge_durations;
mod log_reentry;
mod logs;
mod template;
