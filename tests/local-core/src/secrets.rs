//! Secrets: the operation, and the secrets of a file of the user.

mod file;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use greengrass_core_ipc::{
    error::Unhandled,
    operation::get_secret_value::{GetSecretValue, GetSecretValueRequest, GetSecretValueResponse},
    server::RequestContext,
    types::error::ResourceNotFoundError,
};

use tokio::sync::Mutex as AsyncMutex;

use self::file::{CURRENT, Secret, Version};
use crate::{
    blocking,
    service::{Nucleus, failed},
    state::{Change, State, Table},
};

/// The secrets of a file, by their ARNs.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    path: Option<PathBuf>,
    secrets: Mutex<BTreeMap<String, Secret>>,
    /// Changes that are stored before the next secret is returned.
    unsaved: AsyncMutex<Vec<Change>>,
    notice: OnceLock<()>,
}

impl Secrets {
    /// Reads a file of secrets, if there is one, and the versions of them that were stored.
    pub(crate) fn load(path: Option<PathBuf>, state: &State) -> io::Result<Self> {
        let stored = state.load(Table::Secrets).into_iter().filter_map(|(arn, text)| {
            let secret = file::parse(&text).ok().and_then(|mut it| it.remove(&arn));
            if secret.is_none() {
                tracing::warn!("the stored versions of {arn} cannot be read");
            }
            Some((arn, secret?))
        });
        let secrets = Mutex::new(stored.collect());
        let secrets = Self { path, secrets, ..Self::default() };
        secrets.read()?;
        Ok(secrets)
    }

    /// Reads the file again. Blocks.
    fn read(&self) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let explained = |it: io::Error| {
            let text = format!("cannot use the secrets in {}: {it}", path.display());
            io::Error::new(it.kind(), text)
        };
        // Before the file is read, so that an older content does not replace a newer one. It is held while changes are
        // stored, so the other lock, which all calls need, must not be held while this one waits.
        let mut unsaved = self.unsaved.blocking_lock();
        let read = file::read(path).map_err(explained)?;
        let mut secrets = self.lock();
        let mut old = std::mem::replace(&mut *secrets, read);
        let changes = secrets.iter_mut().filter_map(|(arn, secret)| {
            let value = secret.succeed(arn, old.remove(arn))?;
            Some(Change { table: Table::Secrets, key: arn.clone(), value: Some(value) })
        });
        unsaved.extend(changes);
        Ok(())
    }

    /// The ARN of the secret with this ARN, with or without its random suffix, or name.
    fn arn(&self, id: &str) -> Option<String> {
        let secrets = self.lock();
        secrets.iter().find(|(arn, it)| it.is_called(arn, id)).map(|(arn, _)| arn.clone())
    }

    fn version(&self, arn: &str, is_wanted: impl Fn(&Version) -> bool) -> Option<Version> {
        self.lock().get(arn)?.versions.iter().find(|it| is_wanted(it)).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Secret>> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Nucleus {
    /// Serves `GetSecretValue`.
    pub(crate) async fn get_secret(
        &self,
        it: GetSecretValueRequest,
        context: &RequestContext,
    ) -> Result<GetSecretValueResponse, Unhandled> {
        let Some(path) = &self.secrets.path else {
            // The error of a nucleus without the secret manager.
            let text = "the core has no secrets: --secrets FILE gives them";
            tracing::warn!("{text}");
            return Err(Unhandled::undeclared(&failed(text)));
        };
        self.secrets.notice.get_or_init(|| {
            tracing::info!("secrets are those in {}, not in AWS Secrets Manager", path.display());
        });
        if it.secret_id.is_empty() {
            return Err(Unhandled::undeclared(&failed("secretId is required")));
        }
        let mut arn = self.secrets.arn(&it.secret_id);
        if arn.is_none() || it.refresh == Some(true) {
            self.read_secrets().await;
            arn = self.secrets.arn(&it.secret_id);
        }
        let is_arn = it.secret_id.starts_with("arn:");
        let arn = arn.or(is_arn.then_some(it.secret_id)).ok_or_else(not_found)?;
        self.authorize::<GetSecretValue>(context, &arn)?;
        let version = match (&it.version_id, &it.version_stage) {
            (Some(_), Some(_)) => {
                let text = "versionId and versionStage must not be used together";
                return Err(Unhandled::undeclared(&failed(text)));
            }
            (Some(id), None) => self.secrets.version(&arn, |it| it.id == *id),
            (None, label) => {
                let label = label.as_deref().unwrap_or(CURRENT);
                self.secrets.version(&arn, |it| it.labels.iter().any(|it| it == label))
            }
        };
        let Version { id, labels, value } = version.ok_or_else(not_found)?;
        let mut unsaved = self.secrets.unsaved.lock().await;
        let saved = self.state.commit(unsaved.clone()).await;
        saved.map_err(|it| Unhandled::undeclared(&it))?;
        unsaved.clear();
        let response = GetSecretValueResponse::builder().secret_id(arn).version_id(id);
        let response = response.version_stage(labels).secret_value(value);
        Ok(response.build().expect("the required members are set"))
    }

    /// Reads the file of secrets again. If that fails, the secrets are kept, as those of a device without a connection.
    async fn read_secrets(&self) {
        let secrets = Arc::clone(&self.secrets);
        if let Err(error) = blocking::run(move |_| secrets.read()).await {
            tracing::warn!("{error}");
        }
    }
}

fn not_found() -> Unhandled {
    let error = ResourceNotFoundError::builder().message("the core does not have this secret");
    Unhandled::undeclared(&error.resource_type("secret").build())
}
