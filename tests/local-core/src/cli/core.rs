//! `serve` and `run`: a core that runs until a signal.

use std::{
    io,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use super::{
    Ended,
    args::{self, Configuration, Run, Serve},
    print, watch,
};
use crate::{Builder, LocalCore, exports, lifecycle::State, process::orphans};

pub(super) fn serve(args: Serve) -> Ended {
    let mut builder = builder(args.core)?;
    for component in args.components {
        builder = builder.component(component);
    }
    builder = configured(builder, args.configurations)?;
    block_on(until_signal(builder, false, |_| print("# serving; Ctrl-C ends it\n")))
}

/// Runs components, and kills what is left of them.
pub(super) fn run(args: Run) -> Ended {
    let mut builder = builder(args.core)?.require_recipes();
    for recipe in args.recipes {
        builder = builder.run_recipe(recipe);
    }
    for component in args.by_hand {
        builder = builder.by_hand(component);
    }
    if let Some(folder) = args.artifacts {
        builder = builder.artifacts(folder);
    }
    if let Some(folder) = args.root {
        builder = builder.root(folder);
    }
    builder = configured(builder, args.configurations)?;
    for it in args.settings {
        builder = builder.set(it.component, &it.path, it.value);
    }
    orphans::adopt();
    let result = block_on(async {
        let mut child_ended = signal(SignalKind::child())?;
        tokio::spawn(async move {
            while child_ended.recv().await.is_some() {
                orphans::reap();
            }
        });
        until_signal(builder, args.watch, announce_no_components).await
    });
    let killed = orphans::kill();
    if killed > 0 {
        tracing::warn!("killed {killed} processes that components had left behind");
    }
    result
}

/// Says that a core has no components, as with a new state folder.
fn announce_no_components(core: &LocalCore) {
    if core.components().next().is_none() {
        print("# nothing to run: add a recipe, or --cli-login to deploy one; Ctrl-C ends it\n");
    }
}

/// A builder with the options of every core.
fn builder(args: args::Core) -> Result<Builder, String> {
    let mut builder = LocalCore::builder().record_calls(false);
    for it in args.definitions {
        builder = builder.on(&it.operation, definition(&it.file)?);
        if let Some(problem) = builder.problem.take() {
            return Err(format!("{}: {problem}", it.file.display()));
        }
    }
    builder = match args.socket.path {
        Some(path) => builder.socket_path(path),
        None => builder.user_socket(),
    };
    if let Some(mode) = args.socket_mode {
        builder = builder.socket_mode(mode);
    }
    if let Some(path) = args.client_devices {
        builder = builder.client_devices(path);
    }
    if let Some(path) = args.secrets {
        builder = builder.secrets(path);
    }
    if let Some(folder) = args.state {
        builder = builder.state(folder);
    }
    if args.cli_login {
        builder = builder.cli_login();
    }
    if args.notify_components {
        builder = builder.notify_components();
    }
    if let Some(name) = args.thing_name {
        builder = builder.thing_name(name);
    }
    if args.lite {
        builder = builder.lite();
    }
    if args.exact_numbers {
        builder = builder.exact_numbers();
    }
    if args.offline {
        builder = builder.offline();
    }
    #[cfg(feature = "mqtt")]
    if let Some(url) = args.mqtt.url {
        builder = builder.mqtt(url);
        if let Some(path) = args.mqtt.ca {
            builder = builder.mqtt_ca(path);
        }
        if let Some((cert, key)) = args.mqtt.cert.zip(args.mqtt.key) {
            builder = builder.mqtt_cert(cert, key);
        }
        if let Some(id) = args.mqtt.client_id {
            builder = builder.mqtt_client_id(id);
        }
    }
    Ok(if args.deny_by_default { builder.deny_by_default() } else { builder })
}

fn block_on(work: impl Future<Output = Ended>) -> Ended {
    let runtime = tokio::runtime::Runtime::new()?;
    let ended = runtime.block_on(work);
    runtime.shutdown_timeout(END_TIME);
    ended
}

/// Starts a core, prints the environment of the components that are started by hand, and serves until a signal. A
/// second signal ends the core at once.
async fn until_signal(builder: Builder, watches: bool, announce: impl FnOnce(&LocalCore)) -> Ended {
    let mut signals = signals()?;
    let core = tokio::select! {
        core = builder.start() => core.map_err(with_remedy)?,
        _ = signals.recv() => return Ok(ExitCode::SUCCESS),
    };
    let root = core.preparation().root_in_use();
    for component in core.by_hand() {
        let token = core.auth_token(&component);
        print(exports::lines(&component, core.socket_path(), &token, root));
    }
    announce(&core);
    tokio::select! {
        _ = signals.recv() => {}
        never = watch::reload_changed(&core), if watches => match never {},
    }
    // Neither the command line tool nor a component that a deployment has just removed has a state.
    let mut states = core.components().filter_map(|it| core.supervisor().state(&it));
    let is_broken = states.any(|it| it == State::Broken);
    drop(states);
    tokio::select! {
        stopped = core.stop() => stopped?,
        _ = signals.recv() => return Ok(ExitCode::FAILURE),
    }
    Ok(if is_broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn with_remedy(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!("{error}; --socket PATH selects another socket"),
        _ => error.to_string(),
    }
}

/// The time in which a signal is the same one again: `timeout` and other programs send it to the process and its group.
const REPEAT_TIME: Duration = Duration::from_secs(1);

/// The time that the program has to end itself after the second signal, and that cancelled work, such as reading a
/// file, has to end.
const END_TIME: Duration = Duration::from_secs(2);

/// Receives the signals that end the program.
///
/// A signal counts as the second one if it comes [`REPEAT_TIME`] or more after the first. Signals are received on a thread
/// of their own, which ends the program after the second one even if all other threads are blocked, for example by a file
/// that is a pipe.
fn signals() -> io::Result<mpsc::UnboundedReceiver<()>> {
    let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate(), SignalKind::quit()];
    if !ignores_hangup() {
        // The end of the terminal.
        kinds.push(SignalKind::hangup());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (sender, received) = mpsc::unbounded_channel();
    let (both, mut counted) = mpsc::unbounded_channel();
    for kind in kinds {
        let mut signal = {
            let _entered = runtime.enter();
            signal(kind)?
        };
        let both = both.clone();
        runtime
            .spawn(async move { while signal.recv().await.is_some() && both.send(()).is_ok() {} });
    }
    let count = async move {
        let _ = counted.recv().await;
        // Ignored, as below: an error means that the program is ending.
        let _ = sender.send(());
        let first = Instant::now();
        while counted.recv().await.is_some() && first.elapsed() < REPEAT_TIME {}
        let _ = sender.send(());
        tokio::time::sleep(END_TIME).await;
        orphans::kill();
        std::process::exit(1)
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || runtime.block_on(count))?;
    Ok(received)
}

/// Whether this process was started with SIGHUP ignored, as by `nohup`. Only Linux tells.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|it| it.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|it| u64::from_str_radix(it.trim(), 16).ok());
    ignored.is_some_and(|it| it & 1 == 1)
}

fn configured(mut builder: Builder, configurations: Vec<Configuration>) -> Result<Builder, String> {
    for it in configurations {
        builder = builder.config(&it.component, configuration(&it.component, &it.source)?);
    }
    Ok(builder)
}

/// Parses a configuration argument: a JSON object, or the path of a file that contains one.
fn configuration(component: &str, source: &str) -> Result<serde_json::Value, String> {
    let is_json = source.trim_start().starts_with('{');
    let (name, text) = if is_json {
        (format!("the configuration of {component}"), source.to_owned())
    } else {
        let text = std::fs::read_to_string(source).map_err(|error| {
            format!(
                "cannot read {source}: {error}; give a JSON object, or a file that contains one"
            )
        });
        (source.to_owned(), text?)
    };
    if !is_json && is_recipe(&text) {
        return Err(format!(
            "{name} is a recipe, not a configuration: `greengrass-local-core run {}` runs its component",
            exports::quoted(source)
        ));
    }
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("{name} is not JSON: {error}"))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(format!("{name} does not contain a JSON object"))
    }
}

/// Reads the JSON file of a definition.
fn definition(file: &Path) -> Result<serde_json::Value, String> {
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|it| format!("cannot read {name}: {it}"))?;
    serde_json::from_str(&text).map_err(|it| format!("{name} is not JSON: {it}"))
}

/// Whether a file has the format version of recipes, in JSON or YAML.
fn is_recipe(text: &str) -> bool {
    const KEY: &str = "RecipeFormatVersion";
    text.lines().any(|line| {
        let line = line.trim_start_matches(['\u{feff}', ' ', '\t', '{']);
        let key = line.trim_start_matches(['"', '\'']).get(..KEY.len());
        key.is_some_and(|it| it.eq_ignore_ascii_case(KEY))
    })
}
