//! The work on a deployment.

use std::{sync::Arc, time::Duration};

use super::{
    Job,
    failure::{Failure, NO_ROLLBACK},
    plan::{Plan, Target, plan},
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
    let worker = Worker { nucleus, preparation };
    let before = Target::present(preparation);
    let Plan { target, roots } = worker.plan(job).await?;
    worker.validate(&job.id, &before, &target).await?;
    let _announced = match preparation.notifies {
        true => Some(nucleus.announce_update(&job.id, NOTIFICATION_TIME).await),
        false => None,
    };
    let finished = worker.apply(&before, &target).await;
    if let Err(failure) = &finished {
        if failure.status == Some(NO_ROLLBACK) && job.document.rolls_back {
            tracing::warn!("deployment {}: {failure}; its changes are undone", job.id);
            let undone = worker.apply(&target, &before).await;
            return Err(failure.rolled_back(undone.is_ok()));
        }
        if failure.status != Some(NO_ROLLBACK) {
            return finished;
        }
    }
    nucleus.deployments.set_roots(&job.document.group, roots).await;
    finished
}

impl Worker<'_> {
    async fn plan(&self, job: &Job) -> Result<Plan, Failure> {
        let (preparation, document) = (Arc::clone(self.preparation), job.document.clone());
        let (groups, time) = (self.nucleus.deployments.groups(), job.time);
        let planned = blocking::run(move |cancellation| {
            let _one_at_a_time = preparation.lock_reloads();
            Ok(plan(&preparation, &document, &groups, time, cancellation))
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

    /// Makes the changes, and waits until the components have come to rest.
    async fn apply(&self, before: &Target, after: &Target) -> Result<(), Failure> {
        let Self { nucleus, preparation } = self;
        let removed: Vec<_> =
            before.names().filter(|name| !after.names().any(|it| it == *name)).cloned().collect();
        after.names().for_each(|it| preparation.tokens.add(it));
        let wanted = match self.wanted(after).await {
            Ok(wanted) => wanted,
            Err(failure) => {
                let new = after.names().filter(|name| !before.names().any(|it| it == *name));
                new.for_each(|it| preparation.tokens.remove(it));
                return Err(failure);
            }
        };
        for (component, configuration) in &after.configurations {
            let planned = before.configurations.get(component);
            let stored = nucleus.configurations.replace(component, planned, configuration.clone());
            // What cannot be saved is in the log, and saved with the next change.
            let _ = stored.await;
        }
        for it in &after.components {
            nucleus.authorization.add_source(&it.recipe.component, it.recipe.source.clone());
        }
        preparation.set_components(after.components.clone());
        nucleus.authorization.enforce(|| nucleus.configurations.access_controls());
        nucleus.deployments.keep(&after.components, &removed).await;
        let changed = nucleus.supervisor.deploy(wanted, removed.clone());
        let deployed = nucleus.supervisor.deployed(&changed).await;
        for it in &removed {
            let _ = nucleus.configurations.remove(it).await;
            preparation.tokens.remove(it);
        }
        if !removed.is_empty() {
            nucleus.authorization.enforce(|| nucleus.configurations.access_controls());
            preparation.log_exports();
        }
        deployed.map_err(|component| Failure::broken(&component))
    }

    async fn wanted(&self, target: &Target) -> Result<Vec<Wanted>, Failure> {
        let (preparation, target) = (Arc::clone(self.preparation), target.clone());
        let wanted = blocking::run(move |it| Ok(target.wanted(&preparation, it)));
        wanted.await.map_err(|it| Failure::other(it.to_string()))?
    }
}
