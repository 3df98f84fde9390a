//! The runners of the module `component`, in processes of their own, which receive signals.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, ExitCode, Stdio},
    thread,
    time::Duration,
};

use greengrass_core_ipc::{
    component::{Runner, blocking},
    types::BinaryMessage,
};
use greengrass_local_core::LocalCore;
use test_util::{Watchdog, signal};

/// The environment variable with the behaviour of a component that a test has started.
const BEHAVIOUR: &str = "TEST_OF_RUNNER";

/// Is the process of a component if a test has started it.
#[test]
fn component() {
    let Ok(behaviour) = std::env::var(BEHAVIOUR) else { return };
    let (client, behaviour) = behaviour.split_once(' ').unwrap();
    let behaviour = behaviour.to_owned();
    let code = if client == "blocking" { run_blocking(behaviour) } else { run(&behaviour) };
    // `ExitCode` has no other way to show its value.
    let code = format!("{code:?}") == format!("{:?}", ExitCode::SUCCESS);
    println!("\nexit {code}");
}

fn run(behaviour: &str) -> ExitCode {
    let runner = Runner::new().grace_period(grace_period(behaviour));
    let runner = if behaviour.starts_with("report") { runner.report_state() } else { runner };
    runner.run(async |client, shutdown| {
        println!("\nready");
        match behaviour {
            "return" => {
                client.publish_to_topic().topic("t").publish_message("last").send().await?;
            }
            "fail" | "report" => return Err(failure()),
            "ignore" | "ignore for long" => std::future::pending().await,
            "leave" => {
                let _ = client.connection().closed().await;
            }
            "fail at the end" => {
                let _ = client.connection().closed().await;
                return Err(failure());
            }
            "report at the end" => {
                shutdown.requested().await;
                return Err(failure());
            }
            _ => {
                shutdown.requested().await;
                assert!(shutdown.is_requested());
                client.publish_to_topic().topic("t").publish_message("last").send().await?;
            }
        }
        Ok(())
    })
}

fn run_blocking(behaviour: String) -> ExitCode {
    let runner = blocking::Runner::new().grace_period(grace_period(&behaviour));
    let runner = if behaviour.starts_with("report") { runner.report_state() } else { runner };
    runner.run(move |client, shutdown| {
        // Before the test sends a signal.
        assert!(!shutdown.wait_timeout(Duration::ZERO));
        println!("\nready");
        match &*behaviour {
            "return" => {
                client.publish_to_topic().topic("t").publish_message("last").send()?;
            }
            "fail" | "report" => return Err(failure()),
            "panic" => panic!("the component panics"),
            "ignore" | "ignore for long" => loop {
                thread::park();
            },
            "leave" => {
                let _ = client.connection().closed();
            }
            "fail at the end" => {
                let _ = client.connection().closed();
                return Err(failure());
            }
            "report at the end" => {
                shutdown.wait();
                return Err(failure());
            }
            _ => {
                shutdown.wait();
                client.publish_to_topic().topic("t").publish_message("last").send()?;
            }
        }
        Ok(())
    })
}

fn grace_period(behaviour: &str) -> Duration {
    Duration::from_millis(if behaviour == "ignore" { 10 } else { 60_000 })
}

/// An error with a cause.
fn failure() -> Box<dyn std::error::Error + Send + Sync> {
    Box::new(Failure("no light".into()))
}

#[derive(Debug, thiserror::Error)]
#[error("it did not work")]
struct Failure(#[source] Box<dyn std::error::Error + Send + Sync>);

struct Component {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    _watchdog: Watchdog,
}

impl Component {
    fn start(client: &str, behaviour: &str, environment: &[(&'static str, String)]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "author::runner::component", "--nocapture"]);
        command.env(BEHAVIOUR, format!("{client} {behaviour}"));
        command.env_remove("SVCUID").envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let _watchdog = Watchdog::new(child.id());
        Self { child, output, _watchdog }
    }

    #[track_caller]
    fn ready(&mut self) {
        assert!(self.output.by_ref().lines().any(|it| it.unwrap() == "ready"));
    }

    fn signal(&self) {
        signal(self.child.id(), "TERM");
    }

    /// Whether it succeeded, and what it wrote to standard error.
    fn end(mut self) -> (bool, String) {
        let lines = self.output.lines().map(Result::unwrap);
        let code = lines.filter_map(|it| it.strip_prefix("exit ").map(str::to_owned)).last();
        let mut error = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        self.child.wait().unwrap();
        (code.as_deref() == Some("true"), error)
    }
}

async fn core() -> LocalCore {
    LocalCore::builder().component("a").start().await.unwrap()
}

const CLIENTS: [&str; 2] = ["asynchronous", "blocking"];

#[tokio::test(flavor = "multi_thread")]
async fn a_component_ends_when_it_is_asked_to_and_its_messages_arrive() {
    for client in CLIENTS {
        for behaviour in ["wait", "return"] {
            let core = core().await;
            let listener = core.connect("a").await.unwrap();
            let mut messages = listener.subscribe_to_topic().topic("t").send().await.unwrap();
            let mut component = Component::start(client, behaviour, &core.environment("a"));
            component.ready();
            if behaviour == "wait" {
                // Programs such as `timeout` send it twice.
                component.signal();
                component.signal();
            }
            assert_eq!(component.end(), (true, String::new()), "{client} {behaviour}");
            let message = messages.try_next().await.unwrap().unwrap();
            let expected = BinaryMessage::from("last").message;
            assert_eq!(message.into_binary_message().unwrap().message, expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_does_not_end_is_aborted() {
    let core = core().await;
    for client in CLIENTS {
        let mut component = Component::start(client, "ignore", &core.environment("a"));
        component.ready();
        component.signal();
        let expected =
            "error: the component was aborted: it had not ended 10ms after it was asked to\n";
        assert_eq!(component.end(), (false, expected.to_owned()), "{client}");

        let mut component = Component::start(client, "ignore for long", &core.environment("a"));
        component.ready();
        let id = component.child.id();
        let signals = thread::spawn(move || {
            // Equal signals that are not yet received are one.
            let is_running = || std::path::Path::new(&format!("/proc/{id}/stat")).exists();
            while is_running()
                && Command::new("sh")
                    .args(["-c", &format!("kill {id}")])
                    .status()
                    .unwrap()
                    .success()
            {
                thread::sleep(Duration::from_millis(5));
            }
        });
        let expected = "error: the component was aborted by a second signal\n";
        assert_eq!(component.end(), (false, expected.to_owned()), "{client}");
        signals.join().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_connection_is_a_failure() {
    for client in CLIENTS {
        // One that waits for the shutdown, one that returns without an error, and one with an error.
        for behaviour in ["wait", "leave", "fail at the end"] {
            let core = core().await;
            let mut component = Component::start(client, behaviour, &core.environment("a"));
            component.ready();
            core.stop().await.unwrap();
            let (succeeded, error) = component.end();
            assert!(!succeeded, "{client} {behaviour}");
            let expected =
                "error: the connection to the core has ended: the other side closed the connection";
            assert_eq!(error.lines().next(), Some(expected), "{client} {behaviour}");
            assert_eq!(error.lines().count(), 1, "{client} {behaviour}: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_printed_once_with_its_causes() {
    let core = core().await;
    for client in CLIENTS {
        let component = Component::start(client, "fail", &core.environment("a"));
        let expected = (false, "error: it did not work: no light\n".to_owned());
        assert_eq!(component.end(), expected, "{client}");

        let component = Component::start(client, "wait", &[]);
        let (succeeded, error) = component.end();
        assert!(!succeeded && error.contains("is not set"), "{client}: {error}");
        assert_eq!(error.lines().count(), 1, "{client}: {error}");
    }
    let (succeeded, error) = Component::start("blocking", "panic", &core.environment("a")).end();
    assert!(!succeeded && error.contains("error: the component panicked"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn states_are_reported_if_the_component_asks_for_it() {
    for client in CLIENTS {
        let core = core().await;
        for behaviour in ["report", "report at the end"] {
            let mut component = Component::start(client, behaviour, &core.environment("a"));
            component.ready();
            if behaviour == "report at the end" {
                component.signal();
            }
            assert_eq!(component.end(), (false, "error: it did not work: no light\n".to_owned()));
            for state in ["RUNNING", "ERRORED"] {
                let call =
                    tokio::time::timeout(Duration::from_secs(10), core.next_call_of("UpdateState"));
                let call = call.await.expect("a state is reported");
                assert_eq!(call.request()["state"], state, "{client} {behaviour}");
            }
        }
    }
}
