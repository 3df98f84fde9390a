//! The log of the program, on standard error.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    filter::Targets,
    layer::{Layer, SubscriberExt},
    util::SubscriberInitExt,
};

/// Logs what `RUST_LOG` selects. Default: warnings and changes of lifecycles; with `verbose`, each step of the
/// communication too.
pub(super) fn start(verbose: bool) {
    let directives = std::env::var("RUST_LOG").ok().filter(|it| !it.is_empty());
    let parsed = directives.as_deref().map(str::parse::<Targets>).transpose();
    let targets = parsed.as_ref().cloned().unwrap_or_default().unwrap_or_else(|| default(verbose));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    tracing_subscriber::registry().with(lines.with_filter(targets)).init();
    if let Err(error) = parsed {
        tracing::warn!(
            "RUST_LOG is ignored: {error}; a valid value is greengrass_local_core=debug"
        );
    }
}

fn default(verbose: bool) -> Targets {
    let targets = Targets::new().with_default(LevelFilter::WARN);
    if verbose {
        let ours = targets.with_target("greengrass_local_core", LevelFilter::DEBUG);
        ours.with_target("eventstream_rpc", LevelFilter::DEBUG)
    } else {
        targets.with_target("greengrass_local_core::lifecycle", LevelFilter::INFO)
    }
}
