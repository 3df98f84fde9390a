//! The arguments of the program.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, error::ErrorKind};

/// A Greengrass core to develop and test components without a nucleus.
///
/// Without a command, serves Greengrass IPC until Ctrl-C or SIGTERM. For each component, prints two lines that export
/// the socket path and the token in a shell. Each start creates new tokens.
#[derive(Debug, Parser)]
#[command(
    name = "greengrass-local-core",
    version,
    after_help = AFTER_HELP
)]
struct Words {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
    /// Prints a line for each connection, call, undecodable request and ended subscription. RUST_LOG replaces this
    #[arg(long, short, global = true)]
    verbose: bool,
}

const AFTER_HELP: &str = "\
Exit status: 0 after Ctrl-C or SIGTERM, 1 if the core cannot start or fails or a component is BROKEN, 2 for invalid
arguments.
A second signal ends the program at once, with status 1.";

/// The parsed arguments.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) command: Command,
    pub(super) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serves components that are started by hand; the default
    #[command(after_help = AFTER_HELP)]
    Serve(Serve),
    /// Runs components from their recipes
    #[command(after_help = AFTER_HELP)]
    Run(Run),
    /// Prints the environment of a component of a running core, as lines for a shell
    Env(Env),
    /// Reports the faults of recipes, or whether they allow an operation
    #[command(after_help = "\
Exit status: 0 if there are no errors (warnings are permitted) or the operation is allowed, 1 if there are errors or the
operation is denied, 2 if a recipe cannot be read.")]
    Check(Check),
}

#[derive(Debug, Default, PartialEq, Args)]
pub(super) struct Serve {
    /// A component that may connect; may be repeated
    #[arg(long = "component", value_name = "NAME")]
    pub(super) components: Vec<String>,
    /// The initial configuration of a component: a JSON object, or the path of a file that contains one; may be
    /// repeated. Implies --component NAME
    #[arg(long = "config", value_name = "NAME=JSON", value_parser = configuration)]
    pub(super) configurations: Vec<Configuration>,
    #[command(flatten)]
    pub(super) core: Core,
}

#[derive(Debug, Args)]
pub(super) struct Run {
    /// A recipe in JSON or YAML, one for each component. Deployments can add components, see --cli-login and --state
    #[arg(value_name = "RECIPE", required_unless_present_any = ["cli_login", "state"])]
    pub(super) recipes: Vec<PathBuf>,
    /// The folder with the artifacts: those of a component are in NAME/VERSION, or in the folder itself
    #[arg(long, value_name = "DIR")]
    pub(super) artifacts: Option<PathBuf>,
    /// Merged into the default configuration of a component: a JSON object, or the path of a file that contains one; may
    /// be repeated. A component without a recipe is added, to be started by hand
    #[arg(long = "config", value_name = "NAME=FILE", value_parser = configuration)]
    pub(super) configurations: Vec<Configuration>,
    /// Sets one value of a configuration, after --config; may be repeated. The path is a JSON pointer, the value is JSON
    /// or else a text
    #[arg(long = "set", value_name = "NAME:path=value", value_parser = setting)]
    pub(super) settings: Vec<Setting>,
    /// Starts no process of this component: it is started by hand, see the command env. May be repeated
    #[arg(long, value_name = "NAME")]
    pub(super) by_hand: Vec<String>,
    /// Restarts a component when its recipe or one of its artifacts changes
    #[arg(long)]
    pub(super) watch: bool,
    /// The folder for the work folders, artifacts and logs of components, which is kept. Default: a temporary folder
    #[arg(long, value_name = "DIR")]
    pub(super) root: Option<PathBuf>,
    #[command(flatten)]
    pub(super) core: Core,
}

/// The options of every core.
#[derive(Debug, Default, PartialEq, Args)]
pub(super) struct Core {
    /// Denies each call that needs a permission and has none, as a device does. Default: only if there is a recipe or a
    /// configuration contains an accessControl
    #[arg(long)]
    pub(super) deny_by_default: bool,
    /// Applies the size limits of nucleus lite, serves only its operations, and sends errors in its form
    #[arg(long)]
    pub(super) lite: bool,
    /// The file with the client devices, what they may do, and the certificate of the server that they connect to
    #[arg(long, value_name = "FILE")]
    pub(super) client_devices: Option<PathBuf>,
    /// The file with the secrets that components can read, as `aws secretsmanager get-secret-value` prints them; mode 600
    #[arg(long, value_name = "FILE")]
    pub(super) secrets: Option<PathBuf>,
    /// Keeps the numbers of JSON messages and configurations as they are sent. Default: like the Java nucleus, all become
    /// doubles, so that 1 comes back as 1.0
    #[arg(long)]
    pub(super) exact_numbers: bool,
    /// Keeps configurations, shadows, deployments and versions of secrets in this folder. Default: they end with the core
    #[arg(long, value_name = "DIR")]
    pub(super) state: Option<PathBuf>,
    /// Adds the identity of greengrass-cli, which may create deployments, and prints its environment, also for the tool
    #[arg(long)]
    pub(super) cli_login: bool,
    /// Asks components before each local deployment, and tells them when it is over, as for deployments from the cloud
    #[arg(long)]
    pub(super) notify_components: bool,
    /// The name of the thing. Default: AWS_IOT_THING_NAME, or local-core
    #[arg(long, value_name = "NAME")]
    pub(super) thing_name: Option<String>,
    /// Answers calls of an operation as a JSON file says: with a response, an error, after a delay, not at all, or by
    /// closing the connection. May be repeated
    #[arg(long = "on", value_name = "OPERATION=FILE", value_parser = definition)]
    pub(super) definitions: Vec<Definition>,
    /// Fails calls to AWS IoT Core, as a device that is configured to run offline. Default: what components publish reaches
    /// the subscribers of this core
    #[arg(long)]
    pub(super) offline: bool,
    #[cfg(feature = "mqtt")]
    #[command(flatten)]
    pub(super) mqtt: Mqtt,
    #[command(flatten)]
    pub(super) socket: Socket,
    /// The mode of the socket, in octal: 666 lets all users connect who can reach its folder. Default: 600
    #[arg(long, value_name = "MODE", requires = "socket", value_parser = mode)]
    pub(super) socket_mode: Option<u32>,
}

/// The broker for AWS IoT Core.
#[cfg(feature = "mqtt")]
#[derive(Debug, Default, PartialEq, Args)]
pub(super) struct Mqtt {
    /// Connects AWS IoT Core to a broker for MQTT 5: mqtt://HOST, or mqtts://HOST with TLS. The URL may contain a login and
    /// a port, as in mqtt://USER:PASSWORD@HOST:PORT
    #[arg(long = "mqtt", id = "mqtt", value_name = "URL", conflicts_with = "offline")]
    pub(super) url: Option<String>,
    /// The certificates that the broker's certificate is checked against, in PEM. Default: those of the operating system
    #[arg(long = "mqtt-ca", value_name = "FILE", requires = "mqtt")]
    pub(super) ca: Option<PathBuf>,
    /// The certificate of this client, in PEM
    #[arg(long = "mqtt-cert", value_name = "FILE", requires_all = ["mqtt", "key"])]
    pub(super) cert: Option<PathBuf>,
    /// The private key of the certificate, in PEM
    #[arg(long = "mqtt-key", value_name = "FILE", requires = "cert")]
    pub(super) key: Option<PathBuf>,
    /// The client ID, which one client of the broker has at a time. Default: that of --thing-name, or a random one
    #[arg(long = "mqtt-client-id", value_name = "ID", requires = "mqtt")]
    pub(super) client_id: Option<String>,
}

#[derive(Debug, Default, PartialEq, Args)]
pub(super) struct Socket {
    /// The socket to listen on, used by one core at a time. Default: greengrass-local-core-UID/ipc.socket in
    /// $XDG_RUNTIME_DIR or the temporary folder
    #[arg(long = "socket", id = "socket", value_name = "PATH")]
    pub(super) path: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Env {
    /// The name of the component
    pub(super) name: String,
    #[command(flatten)]
    pub(super) socket: Socket,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    /// A recipe in JSON or YAML
    #[arg(value_name = "RECIPE", required = true)]
    pub(super) recipes: Vec<PathBuf>,
    /// Tells whether the component of the first recipe may call this operation, such as aws.greengrass#PublishToTopic
    #[arg(long, requires = "resource")]
    pub(super) operation: Option<String>,
    /// The resource of the operation, such as a topic
    #[arg(long, requires = "operation")]
    pub(super) resource: Option<String>,
}

/// The argument of `--config`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Configuration {
    pub(super) component: String,
    /// A JSON object, or the path of a file that contains one.
    pub(super) source: String,
}

/// The argument of `--on`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Definition {
    pub(super) operation: String,
    pub(super) file: PathBuf,
}

/// The argument of `--set`.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) component: String,
    /// A JSON pointer.
    pub(super) path: String,
    pub(super) value: serde_json::Value,
}

/// Parses the arguments of this process. Prints what is wrong with them, or the help, and exits.
pub(super) fn parse() -> Parsed {
    let Words { command, serve, verbose } = Words::parse();
    let error = |kind, text| Words::command().error(kind, text).exit();
    let command = match command {
        Some(_) if serve != Serve::default() => {
            error(ErrorKind::ArgumentConflict, "the options of a command are after the command")
        }
        Some(command) => command,
        None => Command::Serve(serve),
    };
    if let Command::Serve(Serve { components, configurations, core }) = &command {
        if components.is_empty() && configurations.is_empty() && !core.cli_login {
            let text = "no component; add one, such as --component com.example.Hello";
            error(ErrorKind::MissingRequiredArgument, text);
        }
    }
    Parsed { command, verbose }
}

fn configuration(text: &str) -> Result<Configuration, String> {
    let parts = text.split_once('=').filter(|it| !it.1.is_empty());
    let (component, source) = parts.ok_or("the form is NAME=JSON or NAME=FILE")?;
    Ok(Configuration { component: component.to_owned(), source: source.to_owned() })
}

fn definition(text: &str) -> Result<Definition, String> {
    let parts = text.split_once('=').filter(|it| !it.0.is_empty() && !it.1.is_empty());
    let (operation, file) = parts.ok_or("the form is OPERATION=FILE")?;
    Ok(Definition { operation: operation.to_owned(), file: file.into() })
}

fn setting(text: &str) -> Result<Setting, String> {
    const FORM: &str = "the form is NAME:path=value, such as com.example.Hello:greeting=Hi";
    let (component, rest) = text.split_once(':').ok_or(FORM)?;
    let (path, value) = rest.split_once('=').ok_or(FORM)?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    Ok(Setting { component: component.to_owned(), path: path.to_owned(), value })
}

fn mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 && mode & 0o600 == 0o600 => Ok(mode),
        _ => Err("the mode is three octal digits that begin with 6 or 7, such as 660".to_owned()),
    }
}
