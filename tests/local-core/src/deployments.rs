//! Local deployments: a queue of requests, and the work on one at a time.

mod document;
mod failure;
mod plan;
mod record;
mod requests;
mod resolve;
#[cfg(test)]
mod tests;
mod work;

use std::{
    collections::{BTreeSet, VecDeque},
    ffi::OsString,
    os::unix::ffi::OsStringExt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};

use greengrass_core_ipc::{
    operation::create_local_deployment::CreateLocalDeploymentRequest, primitives::Timestamp,
    types::error::ServiceError,
};
use tokio::{sync::Notify, task::AbortHandle};

pub(crate) use self::requests::serve_status;
use self::{
    document::{DEFAULT_GROUP, Document},
    failure::{Details, Failure},
    plan::{Groups, Roots},
    record::{Record, Status, change, date},
};
use crate::{
    configuration::Millis,
    random::uuid,
    recipes::Loaded,
    service::Nucleus,
    state::{Change, State, Table},
    supervisor::Preparation,
};

/// The deployments of a core.
#[derive(Debug)]
pub(crate) struct Deployments {
    queue: Mutex<Queue>,
    /// The recipes of the components that the state has.
    kept: Vec<(String, PathBuf)>,
    wake: Notify,
    state: Arc<State>,
    /// Set when the core has started.
    preparation: OnceLock<Weak<Preparation>>,
}

#[derive(Debug, Default)]
struct Queue {
    /// All deployments, in the order of their creation.
    records: Vec<Record>,
    waiting: VecDeque<Job>,
    running: Option<Running>,
    groups: Groups,
}

/// The deployment that is in progress.
#[derive(Debug)]
struct Running {
    id: String,
    cancel: Arc<Notify>,
}

/// A deployment that is to be made.
#[derive(Clone, Debug)]
struct Job {
    id: String,
    document: Document,
    time: Millis,
    /// Whether the state has it. It waits until then.
    is_stored: bool,
}

/// What a cancellation finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancelled {
    Unknown,
    Finished,
    Submitted,
}

/// The key of the groups in the state. Others are those of deployments and components.
const GROUPS: &str = "groups";

/// The start of the keys of components. Their values are the paths of recipes.
const COMPONENT: &str = "component:";

/// The number of deployments that are remembered. Those that wait are remembered in any case, as on a device.
const MAX_RECORDS: usize = 100;

impl Deployments {
    /// The deployments that the state has.
    pub(crate) fn load(state: Arc<State>) -> Self {
        let (mut queue, mut kept) = (Queue::default(), Vec::new());
        for (key, value) in state.load(Table::Deployments) {
            if let Some(component) = key.strip_prefix(COMPONENT) {
                kept.push((component.to_owned(), OsString::from_vec(value).into()));
                continue;
            }
            let known = match &*key {
                GROUPS => serde_json::from_slice(&value).map(|it| queue.groups = it),
                _ => serde_json::from_slice(&value).map(|it| queue.records.push(it)),
            };
            if let Err(error) = known {
                tracing::warn!("the entry {key} of the state is ignored: {error}");
            }
        }
        queue.records.sort_by_key(|it| (it.number, it.time));
        for record in &mut queue.records {
            let Some(request) = &record.request else { continue };
            match Document::read(request) {
                Ok(document) => {
                    (record.status, record.details) = (Status::Queued, None);
                    let (id, time) = (record.id.clone(), record.time);
                    queue.waiting.push_back(Job { id, document, time, is_stored: true });
                }
                Err(text) => {
                    tracing::warn!("deployment {} is not continued: {text}", record.id);
                    (record.status, record.request) = (Status::Failed, None);
                    record.details = Some(Details::from(&Failure::other(text)));
                }
            }
        }
        let queue = Mutex::new(queue);
        Self { queue, kept, wake: Notify::new(), state, preparation: OnceLock::new() }
    }

    /// The components that deployments have added before this start, with their recipes.
    pub(crate) fn kept(&self) -> &[(String, PathBuf)] {
        &self.kept
    }

    /// Adds root components that no deployment has added, with their versions. Those that an earlier core was started
    /// with are no roots any more.
    pub(crate) fn add_roots(&self, components: Vec<(String, String)>) {
        let mut queue = self.lock();
        let is_kept = |name: &String| self.kept.iter().any(|it| it.0 == *name);
        let is_given = |name: &String| components.iter().any(|it| it.0 == *name);
        for roots in queue.groups.values_mut() {
            roots.retain(|name, _| is_kept(name) && !is_given(name));
        }
        queue.groups.entry(DEFAULT_GROUP.to_owned()).or_default().extend(components);
    }

    /// Sets the version of a root component whose recipe was reloaded.
    pub(crate) fn set_root_version(&self, component: &str, version: &str) {
        for roots in self.lock().groups.values_mut() {
            if let Some(it) = roots.get_mut(component) {
                version.clone_into(it);
            }
        }
    }

    /// Sets the root components of a group, and stores them together with the recipes of the components that
    /// deployments have added. They are queued before the function returns; an error is in the log.
    fn set_roots(
        &self,
        group: &str,
        roots: Roots,
        components: &[Loaded],
        removed: &BTreeSet<String>,
    ) -> impl Future<Output = Result<(), ServiceError>> + use<> {
        let deployed = components.iter().filter(|it| it.source.is_installed);
        let deployed = deployed.map(|it| {
            let path = it.source.kept.as_ref().unwrap_or(&it.source.path);
            (&it.recipe.component, Some(path.as_os_str().as_encoded_bytes().to_vec()))
        });
        let all = deployed.chain(removed.iter().map(|it| (it, None)));
        let table = Table::Deployments;
        let changes =
            all.map(|(name, value)| Change { table, key: format!("{COMPONENT}{name}"), value });
        let mut changes: Vec<_> = changes.collect();
        let mut queue = self.lock();
        queue.groups.insert(group.to_owned(), roots);
        let value = serde_json::to_vec(&queue.groups).expect("it is JSON");
        changes.push(Change { table, key: GROUPS.to_owned(), value: Some(value) });
        self.state.commit(changes)
    }

    /// Works on the deployments until the task is aborted.
    pub(crate) fn start(nucleus: Nucleus, preparation: Arc<Preparation>) -> AbortHandle {
        // It is set only here.
        let _ = nucleus.deployments.preparation.set(Arc::downgrade(&preparation));
        tokio::spawn(async move {
            let deployments = &nucleus.deployments;
            loop {
                let (job, cancel) = deployments.next(&preparation).await;
                deployments.show(&job.id, Status::InProgress, Some(Details::default())).await;
                tracing::info!("deployment {} starts", job.id);
                let (status, details) = tokio::select! {
                    result = work::deploy(&nucleus, &preparation, &job) => match result {
                        Ok(()) => {
                            tracing::info!("deployment {} has succeeded", job.id);
                            (Status::Succeeded, Details::success())
                        }
                        Err(failure) => {
                            tracing::error!("deployment {} has failed: {failure}", job.id);
                            (Status::Failed, Details::from(&failure))
                        }
                    },
                    () = cancel.notified() => (Status::Canceled, Details::default()),
                };
                deployments.show(&job.id, status, Some(details)).await;
            }
        })
        .abort_handle()
    }

    /// Creates a deployment. Returns its id when the state has it.
    ///
    /// # Cancel safety
    ///
    /// The future must not be dropped: later deployments wait for its end.
    async fn create(
        &self,
        request: CreateLocalDeploymentRequest,
        document: Document,
        now: Timestamp,
    ) -> Result<String, ServiceError> {
        let (id, time) = (uuid(), now.as_millis());
        let stored = {
            let mut queue = self.lock();
            let record = Record {
                id: id.clone(),
                number: queue.records.last().map_or(0, |it| it.number + 1),
                status: Status::Queued,
                created_on: date(&now),
                time,
                details: None,
                request: Some(request),
            };
            let mut changes = vec![change(&record.id, Some(&record))];
            queue.records.push(record);
            queue.waiting.push_back(Job { id: id.clone(), document, time, is_stored: false });
            if queue.records.len() > MAX_RECORDS {
                let oldest = queue.records.iter().position(|it| it.request.is_none());
                changes.extend(oldest.map(|at| change(&queue.records.remove(at).id, None)));
            }
            self.state.commit(changes)
        };
        let stored = stored.await;
        match &stored {
            Ok(()) => {
                // One that has been cancelled is not found.
                if let Some(job) = self.lock().waiting.iter_mut().find(|it| it.id == id) {
                    job.is_stored = true;
                }
            }
            Err(_) => drop(self.forget(&mut self.lock(), &id)),
        }
        self.wake.notify_one();
        stored.map(|()| id)
    }

    /// Removes a deployment that waits.
    fn forget(
        &self,
        queue: &mut Queue,
        id: &str,
    ) -> impl Future<Output = Result<(), ServiceError>> + use<> {
        queue.waiting.retain(|it| it.id != id);
        queue.records.retain(|it| it.id != id);
        self.state.commit(vec![change(id, None)])
    }

    /// Takes the next deployment, when the nucleus looks for one.
    async fn next(&self, preparation: &Preparation) -> (Job, Arc<Notify>) {
        loop {
            if !self.lock().waiting.is_empty() {
                tokio::time::sleep(polling_interval(preparation)).await;
            }
            {
                let mut queue = self.lock();
                let is_stored = queue.waiting.front().is_some_and(|it| it.is_stored);
                if let Some(job) = is_stored.then(|| queue.waiting.pop_front()).flatten() {
                    let cancel = Arc::new(Notify::new());
                    queue.running =
                        Some(Running { id: job.id.clone(), cancel: Arc::clone(&cancel) });
                    return (job, cancel);
                }
            }
            self.wake.notified().await;
        }
    }

    /// Cancels a deployment. One that waits is forgotten, unlike on a device without ending the one in progress.
    async fn cancel(&self, id: &str) -> Result<Cancelled, ServiceError> {
        let stored = {
            let mut queue = self.lock();
            if let Some(running) = queue.running.as_ref().filter(|it| it.id == id) {
                running.cancel.notify_one();
                return Ok(Cancelled::Submitted);
            }
            if !queue.waiting.iter().any(|it| it.id == id) {
                let is_known = queue.records.iter().any(|it| it.id == id);
                return Ok(if is_known { Cancelled::Finished } else { Cancelled::Unknown });
            }
            self.forget(&mut queue, id)
        };
        stored.await.map(|()| Cancelled::Submitted)
    }

    /// The folder that artifacts are copied to. Creates it.
    fn store(&self) -> Option<PathBuf> {
        let preparation = self.preparation.get()?.upgrade()?;
        Some(preparation.setup().ok()?.folders.all_artifacts())
    }

    fn record(&self, id: &str) -> Option<Record> {
        self.lock().records.iter().find(|it| it.id == id).cloned()
    }

    fn records(&self) -> Vec<Record> {
        self.lock().records.clone()
    }

    /// Changes the status of the deployment in progress, which ends with each other status.
    async fn show(&self, id: &str, status: Status, details: Option<Details>) {
        let stored = {
            let queue = &mut *self.lock();
            let Some(record) = queue.records.iter_mut().find(|it| it.id == id) else { return };
            (record.status, record.details) = (status, details);
            if status != Status::InProgress {
                record.request = None;
                queue.running = None;
            }
            self.state.commit(vec![change(id, Some(record))])
        };
        // The error is in the log.
        let _ = stored.await;
    }

    fn groups(&self) -> Groups {
        self.lock().groups.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time between two looks for deployments, if the configuration of the nucleus has one. By default, a deployment
/// starts at once.
fn polling_interval(preparation: &Preparation) -> Duration {
    let path = ["deploymentPollingFrequencySeconds".to_owned()];
    let values = preparation.configurations.get("aws.greengrass.Nucleus", &path);
    let seconds = values.and_then(|it| it.values().next()?.as_f64());
    seconds.and_then(|it| Duration::try_from_secs_f64(it).ok()).unwrap_or_default()
}
