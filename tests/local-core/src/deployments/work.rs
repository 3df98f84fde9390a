//! The work on a deployment.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::sync::MutexGuard;

use super::{
    Job,
    failure::{Failure, NO_ROLLBACK},
    plan::{Plan, Roots, Target, plan},
};
use crate::{
    blocking,
    configuration::Configuration,
    service::Nucleus,
    supervisor::{Preparation, Wanted},
};

/// The time in which components must report whether they accept a configuration.
const VALIDATION_TIME: Duration = Duration::from_secs(20);

/// The time in which components can defer an update.
const NOTIFICATION_TIME: Duration = Duration::from_secs(60);

/// What a deployment changes.
struct Worker<'w> {
    nucleus: &'w Nucleus,
    preparation: &'w Arc<Preparation>,
    /// The group of the deployment.
    group: &'w str,
}

/// Makes a deployment.
///
/// # Cancel safety
///
/// Dropping the future ends the deployment. Changes that it has made stay.
pub(super) async fn deploy(
    nucleus: &Nucleus,
    preparation: &Arc<Preparation>,
    job: &Job,
) -> Result<(), Failure> {
    let worker = Worker { nucleus, preparation, group: &job.document.group };
    let (Plan { before, target, roots }, _announced, reloads) = loop {
        let (plan, reloads_before) = worker.plan(job).await?;
        worker.validate(&job.id, &plan.before, &plan.target).await?;
        let announced = match preparation.notifies {
            true => Some(nucleus.announce_update(&job.id, NOTIFICATION_TIME).await),
            false => None,
        };
        let reloads = preparation.reloads.lock().await;
        if *reloads == reloads_before {
            break (plan, announced, reloads);
        }
        tracing::info!("deployment {} is planned again, because a recipe was reloaded", job.id);
    };
    let roots_before = nucleus.deployments.groups().remove(worker.group).unwrap_or_default();
    let names = before.names().chain(target.names()).cloned().collect();
    let _removal = Removal { worker: &worker, names };
    let finished = worker.apply(&before, &target, roots, reloads).await;
    match finished {
        Err(failure) if failure.status == Some(NO_ROLLBACK) && job.document.rolls_back => {
            tracing::warn!("deployment {}: {failure}; its changes are undone", job.id);
            let reloads = preparation.reloads.lock().await;
            let undone = worker.apply(&target, &before, roots_before, reloads).await;
            Err(failure.rolled_back(undone.is_ok()))
        }
        finished => finished,
    }
}

impl Worker<'_> {
    /// Plans a deployment. Returns the number of reloads before as well.
    async fn plan(&self, job: &Job) -> Result<(Plan, u64), Failure> {
        let (preparation, document) = (Arc::clone(self.preparation), job.document.clone());
        let (groups, time) = (self.nucleus.deployments.groups(), job.time);
        let planned = blocking::run(move |cancellation| {
            let reloads = preparation.reloads.blocking_lock();
            let plan = plan(&preparation, &document, &groups, time, cancellation);
            Ok(plan.map(|it| (it, *reloads)))
        });
        planned.await.map_err(|it| Failure::other(it.to_string()))?
    }

    /// Asks the components that keep their version and have subscribed whether they accept their new configurations.
    async fn validate(&self, id: &str, before: &Target, after: &Target) -> Result<(), Failure> {
        let is_changed = |(name, configuration): &(&String, &Configuration)| {
            let present = before.configurations.get(*name);
            before.version(name) == after.version(name)
                && present.is_some_and(|it| it.get(&[]) != configuration.get(&[]))
        };
        let changed = after.configurations.iter().filter(is_changed);
        let proposed = changed.map(|(name, it)| (name.clone(), it.get(&[]).unwrap_or_default()));
        let proposed: Vec<_> = proposed.collect();
        let limit = self.nucleus.clock.sleep(VALIDATION_TIME);
        match self.nucleus.validations.ask(id, proposed, limit).await {
            Ok(_) => Ok(()),
            Err(refusal) => Err(Failure::configuration(refusal.to_string())),
        }
    }

    /// Makes the changes without a reload at the same time, and waits until the components have come to rest.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future makes all changes or none, because nothing is awaited between the first and the last.
    async fn apply(
        &self,
        before: &Target,
        after: &Target,
        roots: Roots,
        reloads: MutexGuard<'_, u64>,
    ) -> Result<(), Failure> {
        let Self { nucleus, preparation, group } = self;
        let is_removed = |name: &&String| after.version(name).is_none();
        let removed: BTreeSet<_> = before.names().filter(is_removed).cloned().collect();
        after.names().for_each(|it| preparation.tokens.add(it));
        let wanted = self.wanted(after).await?;
        let mut stored = Vec::new();
        for (component, configuration) in &after.configurations {
            let planned = before.configurations.get(component);
            let configuration = configuration.clone();
            stored.push(nucleus.configurations.replace(component, planned, configuration));
        }
        for it in &after.components {
            nucleus.authorization.add_source(&it.recipe.component, it.recipe.source.clone());
        }
        preparation.set_components(after.components.clone());
        let roots = nucleus.deployments.set_roots(group, roots, &after.components, &removed);
        stored.push(Box::pin(roots));
        nucleus.authorization.enforce(|| nucleus.configurations.access_controls());
        let changed = nucleus.supervisor.deploy(wanted, removed.into_iter().collect());
        drop(reloads);
        for it in stored {
            // What cannot be saved is in the log, and saved with the next change.
            let _ = it.await;
        }
        let deployed = nucleus.supervisor.deployed(&changed).await;
        deployed.map_err(|component| Failure::broken(&component))
    }

    async fn wanted(&self, target: &Target) -> Result<Vec<Wanted>, Failure> {
        let (preparation, target) = (Arc::clone(self.preparation), target.clone());
        let wanted = blocking::run(move |it| Ok(target.wanted(&preparation, it)));
        wanted.await.map_err(|it| Failure::other(it.to_string()))?
    }
}

/// Removes the tokens and configurations of components that the core does not have when dropped, so that they are
/// removed by a cancelled deployment too.
struct Removal<'w> {
    worker: &'w Worker<'w>,
    /// The components before and after the deployment.
    names: BTreeSet<String>,
}

impl Drop for Removal<'_> {
    fn drop(&mut self) {
        let Worker { nucleus, preparation, .. } = self.worker;
        let removed: Vec<_> = self.names.difference(&preparation.components()).cloned().collect();
        for it in &removed {
            // It is queued. An error is in the log.
            drop(nucleus.configurations.remove(it));
            preparation.tokens.remove(it);
        }
        if !removed.is_empty() {
            nucleus.authorization.enforce(|| nucleus.configurations.access_controls());
            preparation.log_exports();
        }
    }
}
