//! The broker and the tools of Mosquitto.

use std::{fs, io::Write, path::Path, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
};

/// The names of the tools. The broker of Debian is not in the search path of all users.
const TOOLS: [&str; 4] = ["mosquitto", "mosquitto_pub", "mosquitto_sub", "openssl"];

/// Whether Mosquitto is installed. If not, prints a line.
///
/// # Panics
///
/// If it is missing and the environment variable `REQUIRE_TOOLS` is set.
pub(super) fn is_installed() -> bool {
    let missing = TOOLS.into_iter().find(|it| command(it).arg("-h").output().is_err());
    let Some(missing) = missing else { return true };
    let needs = format!("needs {missing} (Debian: mosquitto, mosquitto-clients, openssl)");
    assert!(std::env::var_os("REQUIRE_TOOLS").is_none(), "{needs}");
    // `eprintln!` would be captured while the test succeeds. A failed write is ignored.
    let _ = std::io::stderr().write_all(format!("skipped: {needs}\n").as_bytes());
    false
}

fn command(tool: &str) -> std::process::Command {
    let mut command = std::process::Command::new(tool);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/usr/local/sbin"));
    command
}

/// A process, which is killed with the test.
fn spawn(tool: &str, args: &[&str]) -> Child {
    let mut command = Command::from(command(tool));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true).spawn().unwrap()
}

/// A broker on a port of its own.
pub(super) struct Broker {
    pub(super) port: u16,
    folder: tempfile::TempDir,
    /// The options of the configuration, without the listener.
    options: String,
    running: Option<(Child, Lines<BufReader<ChildStderr>>)>,
}

impl Broker {
    /// Starts a broker with these lines in its configuration.
    pub(super) async fn start(options: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut broker = Self { port: 0, folder, options: options.to_owned(), running: None };
        // The free port may be used by another program before the broker listens on it.
        while broker.running.is_none() {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            broker.port = listener.local_addr().unwrap().port();
            drop(listener);
            broker.run().await;
        }
        broker
    }

    async fn run(&mut self) {
        let path = self.folder.path().join("mosquitto.conf");
        let (port, options) = (self.port, &self.options);
        // A root user would be changed to one that cannot read the files of the test.
        let text =
            format!("listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n{options}\n");
        fs::write(&path, text).unwrap();
        let mut child = spawn("mosquitto", &["-v", "-c", path.to_str().unwrap()]);
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        if found(&mut log, " running").await {
            self.running = Some((child, log));
        }
    }

    /// Waits for a line of the log with this text.
    pub(super) async fn logged(&mut self, text: &str) {
        let (_, log) = self.running.as_mut().unwrap();
        assert!(test_util::in_time(text, found(log, text)).await, "{text}");
    }

    pub(super) async fn kill(&mut self) {
        let (mut child, _) = self.running.take().unwrap();
        child.kill().await.unwrap();
    }

    /// Starts it again on the same port.
    pub(super) async fn restart(&mut self) {
        let restart = async {
            while self.running.is_none() {
                self.run().await;
            }
        };
        test_util::in_time("the broker starts", restart).await;
    }

    pub(super) fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Publishes with the tool.
    pub(super) async fn publish(&self, args: &[&str]) {
        let port = self.port.to_string();
        let args = [&["-V", "5", "-h", "127.0.0.1", "-p", &port], args].concat();
        let output = spawn("mosquitto_pub", &args).wait_with_output().await.unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// Starts the tool that prints the next message with a topic. Returns when the subscription is active.
    pub(super) async fn subscribe(&mut self, topic: &str, format: &str) -> Child {
        let port = self.port.to_string();
        let args = ["-V", "5", "-h", "127.0.0.1", "-p", &port, "-i", "tool", "-C", "1", "-q", "1"];
        let child = spawn("mosquitto_sub", &[&args, &["-t", topic, "-F", format][..]].concat());
        self.logged("Sending SUBACK to tool").await;
        child
    }
}

async fn found(log: &mut Lines<BufReader<ChildStderr>>, text: &str) -> bool {
    while let Some(line) = log.next_line().await.unwrap() {
        if line.contains(text) {
            return true;
        }
    }
    false
}

/// Adds a user to a file for the option `password_file`.
pub(super) fn add_user(file: &Path, user: &str, password: &str) {
    let mut command = command("mosquitto_passwd");
    let output = command.args(["-b", "-c"]).arg(file).args([user, password]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Writes the certificate and the key of a test authority, of a server for 127.0.0.1 and of a client into a folder.
pub(super) fn certificates(folder: &Path) {
    let run = |args: &str| {
        let mut command = command("openssl");
        let args = args.split_whitespace();
        let output = command.current_dir(folder).args(args).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1";
    let by = "-CA ca.pem -CAkey ca.key -addext basicConstraints=critical,CA:FALSE";
    run(&format!("req -x509 -nodes -days 2 {key} -subj /CN=authority -keyout ca.key -out ca.pem"));
    run(&format!(
        "req -x509 -nodes -days 2 {key} -subj /CN=broker -keyout server.key -out server.pem {by} \
         -addext subjectAltName=IP:127.0.0.1,DNS:localhost"
    ));
    // The certificates of AWS IoT Core have RSA keys.
    run(&format!(
        "req -x509 -nodes -days 2 -newkey rsa:2048 -subj /CN=core -keyout client.key -out client.pem {by}"
    ));
}
