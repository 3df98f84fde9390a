//! The task of a process: waits for its end, and ends it on request.

use std::{process::ExitStatus, sync::Weak};

use tokio::sync::{mpsc, oneshot};

use super::{LOG_TARGET, Supervisor};
use crate::{lifecycle::StepKind, process::Process};

/// What happened to a process.
#[derive(Debug)]
pub(super) enum Event {
    /// The script has ended. Processes that it started may still run.
    Exited(std::io::Result<ExitStatus>),
    /// No process of the tree is left.
    Ended,
}

/// A request to a process with all its descendants.
#[derive(Debug)]
pub(super) enum Signal {
    Terminate,
    Kill,
    /// The sender is dropped when the processes are stopped.
    Pause(oneshot::Sender<()>),
    /// The sender is dropped when the processes continue.
    Resume(oneshot::Sender<()>),
}

/// Attends to a process until no process of its tree is left.
pub(super) async fn attend(
    mut process: Process,
    mut signals: mpsc::UnboundedReceiver<Signal>,
    supervisor: Weak<Supervisor>,
    component: String,
    kind: StepKind,
    id: u64,
) {
    let report = |event| {
        if let Some(supervisor) = supervisor.upgrade() {
            supervisor.process_changed(&component, id, event);
        }
    };
    let mut has_exited = false;
    let mut is_ending = false;
    loop {
        let changed = async {
            match (has_exited, is_ending) {
                (false, _) => Some(process.wait().await),
                (true, true) => {
                    process.ended().await;
                    None
                }
                // Daemons are left alone until the component stops.
                (true, false) => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            status = changed => {
                let Some(status) = status else { break };
                has_exited = true;
                let is_alive = process.is_alive();
                report(Event::Exited(status));
                if !is_alive {
                    break;
                }
            }
            signal = signals.recv() => match signal {
                Some(Signal::Terminate) => {
                    let has_daemon = has_exited && !is_ending && process.is_alive();
                    if has_daemon && matches!(kind, StepKind::Install | StepKind::Startup) {
                        let text = "on a device, the processes that it has left behind continue";
                        tracing::warn!(target: LOG_TARGET, "{component}: {kind:?} is over; {text}");
                    }
                    is_ending = true;
                    process.terminate();
                }
                Some(Signal::Kill) => process.kill(),
                Some(Signal::Pause(_done)) => process.pause(),
                Some(Signal::Resume(_done)) => process.resume(),
                // The component is removed, so the process is killed.
                None => return,
            },
        }
    }
    report(Event::Ended);
}
