//! Questions to components whether they accept a proposed configuration.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use greengrass_core_ipc::{
    operation::subscribe_to_validate_configuration_updates::SubscribeToValidateConfigurationUpdates,
    server::EventSender,
    types::{ValidateConfigurationUpdateEvent, ValidateConfigurationUpdateEvents},
};
use serde_json::{Map, Value};
use tokio::sync::oneshot;

use crate::{random, service::Nucleus};

#[derive(Debug, Default)]
pub(crate) struct Validations(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    subscribers: HashMap<String, EventSender<SubscribeToValidateConfigurationUpdates>>,
    /// The questions without a report, by component and deployment.
    pending: HashMap<(String, String), oneshot::Sender<Report>>,
}

/// The report of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) is_rejected: bool,
    pub(crate) message: Option<String>,
}

/// The reason why a proposed configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Components have rejected it, each with a text or none.
    Rejected(Vec<(String, Option<String>)>),
    /// A component has not reported in time.
    NoReport,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Rejected(reports) = self else {
            return f.write_str(
                "a component has not reported in time whether it accepts its configuration",
            );
        };
        for (index, (component, message)) in reports.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "; " })?;
            write!(f, "{component} rejects its configuration")?;
            message.iter().try_for_each(|it| write!(f, ": {it}"))?;
        }
        Ok(())
    }
}

/// The reason why a component does not accept a proposed configuration. See
/// [`LocalCore::propose_config`](crate::LocalCore::propose_config).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigRefused {
    /// The component has rejected it.
    #[non_exhaustive]
    Rejected {
        /// Its text, if it has one.
        message: Option<String>,
    },
    /// The component has not subscribed to be asked.
    NotSubscribed,
}

impl fmt::Display for ConfigRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected { message: None } => f.write_str("the component rejects it"),
            Self::Rejected { message: Some(text) } => write!(f, "the component rejects it: {text}"),
            Self::NotSubscribed => f.write_str("the component has not subscribed to be asked"),
        }
    }
}

impl std::error::Error for ConfigRefused {}

impl Nucleus {
    /// Asks a component about the configuration that a merge would give it.
    pub(crate) async fn propose_config(
        &self,
        component: &str,
        values: Map<String, Value>,
    ) -> Result<(), ConfigRefused> {
        let proposed = self.configurations.preview(component, &[values], self.configurations.now());
        let proposed = proposed.unwrap_or_default();
        let proposed = [(component.to_owned(), proposed)];
        // In place of the id of a deployment.
        let id = random::uuid();
        match self.validations.ask(&id, proposed, std::future::pending()).await {
            Ok(0) | Err(Refusal::NoReport) => Err(ConfigRefused::NotSubscribed),
            Ok(_) => Ok(()),
            Err(Refusal::Rejected(reports)) => {
                let message = reports.into_iter().find_map(|(_, message)| message);
                Err(ConfigRefused::Rejected { message })
            }
        }
    }
}

/// The subscription of a component, which its end removes.
#[derive(Debug)]
pub(crate) struct Subscribed {
    validations: Arc<Validations>,
    component: String,
}

impl Drop for Subscribed {
    fn drop(&mut self) {
        self.validations.lock().subscribers.remove(&self.component);
    }
}

/// Withdraws the questions that have no report when dropped.
struct Asked<'a> {
    validations: &'a Validations,
    questions: Vec<(String, String)>,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let mut state = self.validations.lock();
        for it in &self.questions {
            state.pending.remove(it);
        }
    }
}

impl Validations {
    /// Subscribes a component.
    ///
    /// As on a device, only its first stream receives events, and the end of any of its streams ends the subscription.
    pub(crate) fn subscribe(
        self: &Arc<Self>,
        component: &str,
        events: EventSender<SubscribeToValidateConfigurationUpdates>,
    ) -> Subscribed {
        let mut state = self.lock();
        if state.subscribers.contains_key(component) {
            tracing::warn!(
                "{component} subscribes to validation more than once: only its first stream receives events, until any \
                 of them ends"
            );
        }
        let component = component.to_owned();
        state.subscribers.entry(component.clone()).or_insert(events);
        Subscribed { validations: Arc::clone(self), component }
    }

    /// Asks the components that have subscribed about the complete configurations that they would have, and returns their
    /// number. Others are not waited for; a device waits for them, and the deployment fails. `limit` is ready when the time
    /// for the reports is over.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future withdraws the questions.
    pub(crate) async fn ask(
        &self,
        deployment: &str,
        proposed: impl IntoIterator<Item = (String, Map<String, Value>)>,
        limit: impl Future<Output = ()>,
    ) -> Result<usize, Refusal> {
        let mut asked = Asked { validations: self, questions: Vec::new() };
        let mut reports = Vec::new();
        for (component, configuration) in proposed {
            let mut state = self.lock();
            let Some(events) = state.subscribers.get(&component).cloned() else { continue };
            let (sender, report) = oneshot::channel();
            let question = (component.clone(), deployment.to_owned());
            // Before the event, which a component may answer at once.
            state.pending.insert(question.clone(), sender);
            drop(state);
            asked.questions.push(question);
            // A stream that has just ended has no report in time.
            let _ = events.send(&question_event(deployment, configuration));
            reports.push((component, report));
        }
        let mut rejected = Vec::new();
        let all = async {
            for (component, report) in reports {
                let Report { is_rejected, message } =
                    report.await.map_err(|_| Refusal::NoReport)?;
                if is_rejected {
                    rejected.push((component, message));
                }
            }
            Ok(())
        };
        tokio::select! {
            biased;
            result = all => result?,
            () = limit => return Err(Refusal::NoReport),
        }
        if rejected.is_empty() {
            Ok(asked.questions.len())
        } else {
            Err(Refusal::Rejected(rejected))
        }
    }

    /// Passes on the report of a component. Returns whether it was asked and has not reported yet.
    pub(crate) fn report(&self, component: &str, deployment: &str, report: Report) -> bool {
        let question = (component.to_owned(), deployment.to_owned());
        let asked = self.lock().pending.remove(&question);
        asked.is_some_and(|it| it.send(report).is_ok())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn question_event(
    deployment: &str,
    configuration: Map<String, Value>,
) -> ValidateConfigurationUpdateEvents {
    let event = ValidateConfigurationUpdateEvent::builder().deployment_id(deployment);
    let event = event.configuration(configuration).build();
    let event = event.expect("the required members are set");
    ValidateConfigurationUpdateEvents::ValidateConfigurationUpdateEvent(event)
}
