//! Shadows, as values of the application's own types.
//!
//! ```no_run
//! use greengrass_core_ipc::{
//!     Client,
//!     shadow::{Shadow, Update},
//! };
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Lamp {
//!     /// A delta contains only the members that differ, and an update only those to change.
//!     #[serde(skip_serializing_if = "Option::is_none")]
//!     on: Option<bool>,
//! }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect().await?;
//! let shadow = Shadow::named(&client, "my-thing", "lamp");
//! let mut deltas = shadow.deltas::<Lamp>().await?;
//! while let Some(delta) = deltas.try_next().await? {
//!     let on = delta.state.on;
//!     shadow.update(|_| Update::reported(Lamp { on })).await?;
//! }
//! # Ok(()) }
//! ```

#![cfg(feature = "tokio")]

use std::{
    fmt,
    future::poll_fn,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

use crate::{
    Client,
    client::{Notice, SubscriptionItem, WithNotices},
    error::{JsonError, SdkError},
    operation::{
        get_thing_shadow::GetThingShadowError,
        subscribe_to_topic::{SubscribeToTopic, SubscribeToTopicError},
        update_thing_shadow::UpdateThingShadowError,
    },
    primitives::Blob,
    types::error::{ConflictError, ResourceNotFoundError},
};

/// How often [`Shadow::update`] tries again after a conflict.
const MAX_CONFLICTS: usize = 5;

/// Why a shadow could not be read, changed or watched.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ShadowError {
    /// The call failed that reads the shadow.
    #[error("cannot read the shadow")]
    Get(#[from] SdkError<GetThingShadowError>),
    /// The call failed that changes the shadow.
    #[error("cannot change the shadow")]
    Update(#[from] SdkError<UpdateThingShadowError>),
    /// The subscription to deltas failed.
    #[error("cannot watch the shadow")]
    Watch(#[from] SdkError<SubscribeToTopicError>),
    /// The document does not fit the type, or a value has no JSON form.
    #[error("the shadow does not have the expected form")]
    Value(#[from] JsonError),
}

/// A shadow of a thing.
#[derive(Clone, Debug)]
pub struct Shadow {
    client: Client,
    thing_name: String,
    shadow_name: Option<String>,
}

/// The document of a shadow.
///
/// A section that is not there is `None`. The delta contains only the members whose desired and reported values differ,
/// so the fields of `T` are usually optional.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ShadowDocument<T> {
    /// The desired state.
    pub desired: Option<T>,
    /// The reported state.
    pub reported: Option<T>,
    /// The desired members that differ from the reported ones.
    pub delta: Option<T>,
    /// The version, which each change increases. `None` if there is no shadow yet.
    pub version: Option<i64>,
}

/// The desired members that differ from the reported ones.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Delta<T> {
    /// The members that differ, with their desired values.
    pub state: T,
    /// The version of the shadow.
    pub version: i64,
}

/// A change of a shadow: the members to set in each section. Null removes a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Update<T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    desired: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reported: Option<T>,
}

impl<T> Update<T> {
    /// A change of the desired state.
    pub fn desired(state: T) -> Self {
        Self { desired: Some(state), reported: None }
    }

    /// A change of the reported state.
    pub fn reported(state: T) -> Self {
        Self { desired: None, reported: Some(state) }
    }

    /// A change of both states.
    pub fn both(desired: T, reported: T) -> Self {
        Self { desired: Some(desired), reported: Some(reported) }
    }
}

impl Shadow {
    /// The classic shadow of a thing, which has no name.
    pub fn classic(client: &Client, thing_name: impl Into<String>) -> Self {
        Self { client: client.clone(), thing_name: thing_name.into(), shadow_name: None }
    }

    /// A named shadow of a thing.
    pub fn named(
        client: &Client,
        thing_name: impl Into<String>,
        shadow_name: impl Into<String>,
    ) -> Self {
        Self { shadow_name: Some(shadow_name.into()), ..Self::classic(client, thing_name) }
    }

    /// The local topic with this end, such as `update/delta`, on which the core publishes changes of the shadow.
    pub fn topic(&self, end: &str) -> String {
        let name = self.shadow_name.iter().map(|it| format!("/name/{it}")).collect::<String>();
        format!("$aws/things/{}/shadow{name}/{end}", self.thing_name)
    }

    /// Reads the document. One without any section is returned if there is no shadow.
    ///
    /// # Errors
    ///
    /// The call failed, or the document does not fit the type.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the call.
    pub async fn get<T: DeserializeOwned>(&self) -> Result<ShadowDocument<T>, ShadowError> {
        let Some(Content { state, version, .. }) = self.read().await? else {
            return Ok(ShadowDocument { desired: None, reported: None, delta: None, version: None });
        };
        let Sections { desired, reported, delta } = state;
        Ok(ShadowDocument { desired, reported, delta, version: Some(version) })
    }

    /// Reads the document and changes it, and returns the new version.
    ///
    /// The change is made only if the version is still the one that was read. Otherwise, the document is read and
    /// `change` is called again, up to five times. A change of a shadow that did not exist is always made.
    ///
    /// # Errors
    ///
    /// A call failed, all six attempts met a conflict, the document does not fit the type, or the change has no JSON form.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the call. The shadow may be changed nevertheless.
    pub async fn update<T: Serialize + DeserializeOwned>(
        &self,
        mut change: impl FnMut(&ShadowDocument<T>) -> Update<T>,
    ) -> Result<i64, ShadowError> {
        let mut conflicts = 0;
        loop {
            let document = self.get().await?;
            let state = change(&document);
            let payload = Blob::from_json(&Change { state, version: document.version })?;
            let update = self.client.update_thing_shadow().thing_name(&self.thing_name);
            let update = update.set_shadow_name(self.shadow_name.clone()).payload(payload);
            match update.send().await {
                Ok(response) => {
                    let Changed { version } = response.payload.json()?;
                    return Ok(version);
                }
                Err(error) if error.is::<ConflictError>() && conflicts < MAX_CONFLICTS => {
                    conflicts += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Watches the delta: the current one, if there is one, and then each other.
    ///
    /// The component needs the permission to subscribe to the [topic](Self::topic) `update/delta`.
    ///
    /// # Errors
    ///
    /// The subscription to deltas failed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the call.
    pub async fn deltas<T: DeserializeOwned + 'static>(&self) -> Result<Deltas<T>, ShadowError> {
        // Before the first read, so that no delta is missed.
        let subscribe = self.client.subscribe_to_topic().topic(self.topic("update/delta"));
        let messages = subscribe.send().await?.with_notices();
        let mut deltas = Deltas {
            shadow: self.clone(),
            messages,
            read: None,
            last: (0, 0.0),
            types: PhantomData,
        };
        deltas.start_read();
        Ok(deltas)
    }

    /// Reads the document as it is on the wire; `None` if there is no shadow.
    async fn read<S: DeserializeOwned>(&self) -> Result<Option<Content<S>>, ShadowError> {
        let get = self.client.get_thing_shadow().thing_name(&self.thing_name);
        match get.set_shadow_name(self.shadow_name.clone()).send().await {
            Ok(response) => Ok(Some(response.payload.json()?)),
            Err(error) if error.is::<ResourceNotFoundError>() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// A stream of deltas, which [`Shadow::deltas`] returns.
///
/// A delta with an older version than the last one is left out, unless the shadow was created again. A delta that does not
/// fit the type, or that cannot be read, is an error, and the stream continues; the shadow is read again
/// after a timeout and, with a [`ReconnectPolicy`](crate::client::ReconnectPolicy), after each outage.
#[must_use = "dropping it unsubscribes"]
pub struct Deltas<T> {
    shadow: Shadow,
    messages: WithNotices<SubscribeToTopic>,
    read: Option<Read<T>>,
    /// The version and the time of the last delta or document.
    last: (i64, f64),
    types: PhantomData<fn() -> T>,
}

type Read<T> =
    Pin<Box<dyn Future<Output = Result<Option<Content<DeltaSection<T>>>, ShadowError>> + Send>>;

impl<T: DeserializeOwned + 'static> Deltas<T> {
    /// The next delta; `None` after the subscription has ended.
    ///
    /// # Errors
    ///
    /// The shadow cannot be read, the delta does not fit the type, or the subscription failed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no delta.
    pub async fn next(&mut self) -> Option<Result<Delta<T>, ShadowError>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// The next delta, as [`next`](Self::next) returns it.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no delta.
    pub async fn try_next(&mut self) -> Result<Option<Delta<T>>, ShadowError> {
        self.next().await.transpose()
    }

    fn start_read(&mut self) {
        let shadow = self.shadow.clone();
        self.read = Some(Box::pin(async move { shadow.read().await }));
    }

    /// The delta of a message or document, unless it is older than the last one.
    fn newer<S>(&mut self, content: Content<S>) -> Option<Delta<S>> {
        let Content { state, version, timestamp } = content;
        let (last_version, last_timestamp) = self.last;
        // The versions of a shadow that is created again begin at 1.
        if version <= last_version && timestamp <= last_timestamp {
            return None;
        }
        self.last = (version, timestamp);
        Some(Delta { state, version })
    }
}

impl<T> Unpin for Deltas<T> {}

impl<T: DeserializeOwned + 'static> Stream for Deltas<T> {
    type Item = Result<Delta<T>, ShadowError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(read) = &mut self.read {
                let result = ready!(read.as_mut().poll(cx));
                self.read = None;
                match result {
                    // The subscription says whether this was the end, or when the connection is open again.
                    Err(ShadowError::Get(SdkError::DispatchFailure { .. })) | Ok(None) => {}
                    Err(error) => {
                        if matches!(&error, ShadowError::Get(it) if it.is_timeout()) {
                            self.start_read();
                        }
                        return Poll::Ready(Some(Err(error)));
                    }
                    Ok(Some(document)) => {
                        let newer = self.newer(document);
                        let delta = newer.and_then(|it| Some((it.state.delta?, it.version)));
                        if let Some((state, version)) = delta {
                            return Poll::Ready(Some(Ok(Delta { state, version })));
                        }
                    }
                }
            }
            match ready!(Pin::new(&mut self.messages).poll_next(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                Some(Ok(SubscriptionItem::Notice(Notice::Resubscribed))) => self.start_read(),
                Some(Ok(SubscriptionItem::Notice(_))) => {}
                Some(Ok(SubscriptionItem::Event(message))) => match message.json() {
                    Err(error) => return Poll::Ready(Some(Err(error.into()))),
                    Ok(content) => {
                        if let Some(delta) = self.newer(content) {
                            return Poll::Ready(Some(Ok(delta)));
                        }
                    }
                },
            }
        }
    }
}

impl<T> fmt::Debug for Deltas<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deltas").field("shadow", &self.shadow).finish_non_exhaustive()
    }
}

/// A document or a delta on the wire.
#[derive(Deserialize)]
struct Content<S> {
    state: S,
    version: i64,
    /// Seconds since the epoch.
    #[serde(default)]
    timestamp: f64,
}

#[derive(Deserialize)]
struct Sections<T> {
    desired: Option<T>,
    reported: Option<T>,
    delta: Option<T>,
}

/// The only section that a stream of deltas reads: the others may have any form.
#[derive(Deserialize)]
struct DeltaSection<T> {
    delta: Option<T>,
}

/// The change of a shadow on the wire.
#[derive(Serialize)]
struct Change<T> {
    state: Update<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
}

/// The answer to a change on the wire.
#[derive(Deserialize)]
struct Changed {
    version: i64,
}
