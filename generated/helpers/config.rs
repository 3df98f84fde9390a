//! The configuration of the component, as a value of one of its types.
//!
//! ```no_run
//! use greengrass_core_ipc::{Client, config};
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! struct Settings {
//!     interval: u64,
//! }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect().await?;
//! let mut settings = config::watch::<Settings>(&client).await?;
//! while let Some(settings) = settings.next().await {
//!     println!("the interval is {} s", settings?.interval);
//! }
//! # Ok(()) }
//! ```
//!
//! A whole number such as `5.0` is read into an integer where the type asks for one: the Java nucleus turns all numbers
//! of a configuration into floating-point numbers.

#![cfg(feature = "tokio")]

use std::{
    fmt,
    future::poll_fn,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use eventstream_rpc::json::typed_from_document;
use futures_core::Stream;
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

use crate::{
    Client,
    client::{Notice, Overflow, SubscriptionItem, WithNotices},
    error::{JsonError, SdkError},
    operation::{
        get_configuration::{GetConfigurationError, GetConfigurationResponse},
        subscribe_to_configuration_update::{
            SubscribeToConfigurationUpdate, SubscribeToConfigurationUpdateError,
        },
        update_configuration::UpdateConfigurationError,
    },
    primitives::{Document, Timestamp, document},
};

/// The key path of the whole configuration.
pub const EVERYTHING: [&str; 0] = [];

/// Why a configuration could not be read or changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The call failed that reads the configuration.
    #[error("cannot read the configuration")]
    Get(#[from] SdkError<GetConfigurationError>),
    /// The subscription to changes failed.
    #[error("cannot watch the configuration")]
    Watch(#[from] SdkError<SubscribeToConfigurationUpdateError>),
    /// The call failed that changes the configuration.
    #[error("cannot change the configuration")]
    Update(#[from] SdkError<UpdateConfigurationError>),
    /// The configuration does not fit the type, or a value has no JSON form.
    #[error("the configuration does not have the expected form")]
    Value(#[from] JsonError),
}

/// Reads the whole configuration.
///
/// # Errors
///
/// The call failed, or the configuration does not fit the type.
///
/// # Cancel safety
///
/// Dropping the future ends the call.
pub async fn get<T: DeserializeOwned>(client: &Client) -> Result<T, ConfigError> {
    get_at(client, EVERYTHING).await
}

/// Reads the value at a key path, such as `["mqtt", "port"]`.
///
/// For a value that is not an object, the core sends an object with the last key of the path. Both forms are read; a
/// document is returned as it was sent.
///
/// # Errors
///
/// The call failed, or the value does not fit the type.
///
/// # Cancel safety
///
/// Dropping the future ends the call.
pub async fn get_at<T: DeserializeOwned>(
    client: &Client,
    path: impl IntoIterator<Item = impl Into<String>>,
) -> Result<T, ConfigError> {
    let path: Vec<String> = path.into_iter().map(Into::into).collect();
    let value = value(client.get_configuration().key_path(&path).send().await?);
    Ok(typed(&value, &path)?)
}

/// Merges an object into the configuration, as of now.
///
/// # Errors
///
/// The call failed, or the value has no JSON form.
///
/// # Cancel safety
///
/// Dropping the future ends the call. The configuration may be changed nevertheless.
pub async fn merge<T: Serialize + ?Sized>(client: &Client, value: &T) -> Result<(), ConfigError> {
    let value = document::from_serialize(value).map_err(JsonError::from)?;
    let update = client.update_configuration().timestamp(Timestamp::now());
    update.value_to_merge(value).send().await?;
    Ok(())
}

/// Watches the whole configuration: the current one, and then each other one that it changes to.
///
/// # Errors
///
/// The subscription to changes failed.
///
/// # Cancel safety
///
/// Dropping the future ends the call.
pub async fn watch<T: DeserializeOwned>(client: &Client) -> Result<Watch<T>, ConfigError> {
    watch_at(client, EVERYTHING).await
}

/// Watches the value at a key path, as [`watch`] and [`get_at`] do.
///
/// # Errors
///
/// The subscription to changes failed.
///
/// # Cancel safety
///
/// Dropping the future ends the call.
pub async fn watch_at<T: DeserializeOwned>(
    client: &Client,
    path: impl IntoIterator<Item = impl Into<String>>,
) -> Result<Watch<T>, ConfigError> {
    let path: Vec<String> = path.into_iter().map(Into::into).collect();
    // Before the first read, so that no change is missed.
    let subscribe = client.subscribe_to_configuration_update().key_path(&path);
    let changes = subscribe.overflow(Overflow::LatestOnly).send().await?.with_notices();
    let client = client.clone();
    Ok(Watch { client, path, changes, is_outdated: true, read: None, last: None, types: PhantomData })
}

/// A stream of the configuration, which [`watch`] and [`watch_at`] return.
///
/// Changes that follow each other quickly are read once; a change to an equal value is left out. A configuration that
/// does not fit the type, or that cannot be read, is an error, and the stream continues; it is read again after
/// a timeout and, with a [`ReconnectPolicy`](crate::client::ReconnectPolicy), after each outage.
#[must_use = "dropping it unsubscribes"]
pub struct Watch<T> {
    client: Client,
    path: Vec<String>,
    changes: WithNotices<SubscribeToConfigurationUpdate>,
    /// Whether the configuration may differ from the last one that was read.
    is_outdated: bool,
    read: Option<Read>,
    last: Option<Document>,
    types: PhantomData<fn() -> T>,
}

type Read =
    Pin<Box<dyn Future<Output = Result<GetConfigurationResponse, SdkError<GetConfigurationError>>> + Send>>;

impl<T: DeserializeOwned> Watch<T> {
    /// The next configuration; `None` after the subscription has ended.
    ///
    /// # Errors
    ///
    /// The configuration cannot be read or does not fit the type, or the subscription failed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<T, ConfigError>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// The next configuration, as [`next`](Self::next) returns it.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn try_next(&mut self) -> Result<Option<T>, ConfigError> {
        self.next().await.transpose()
    }
}

impl<T> Unpin for Watch<T> {}

impl<T: DeserializeOwned> Stream for Watch<T> {
    type Item = Result<T, ConfigError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            // All changes that have arrived need one read.
            let end = loop {
                match Pin::new(&mut this.changes).poll_next(cx) {
                    Poll::Ready(Some(Ok(SubscriptionItem::Notice(Notice::Disconnected)))) => {}
                    Poll::Ready(Some(Ok(_))) => this.is_outdated = true,
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
                    Poll::Ready(None) => break true,
                    Poll::Pending => break false,
                }
            };
            if end {
                return Poll::Ready(None);
            }
            if this.read.is_none() && !this.is_outdated {
                return Poll::Pending;
            }
            let read = this.read.get_or_insert_with(|| {
                this.is_outdated = false;
                Box::pin(this.client.get_configuration().key_path(&this.path).send())
            });
            let result = ready!(read.as_mut().poll(cx));
            this.read = None;
            match result {
                // The subscription says whether this was the end, or when the connection is open again.
                Err(SdkError::DispatchFailure { .. }) => {}
                Err(error) => {
                    // The value that follows the error is new, even if it is the one before it.
                    this.last = None;
                    this.is_outdated |= error.is_timeout();
                    return Poll::Ready(Some(Err(error.into())));
                }
                Ok(response) => {
                    let value = value(response);
                    if this.last.as_ref() != Some(&value) {
                        let typed = typed(&value, &this.path).map_err(ConfigError::from);
                        this.last = Some(value);
                        return Poll::Ready(Some(typed));
                    }
                }
            }
        }
    }
}

impl<T> fmt::Debug for Watch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("path", &self.path).finish_non_exhaustive()
    }
}

fn value(response: GetConfigurationResponse) -> Document {
    response.value.unwrap_or_default()
}

/// Reads the value at a path: as it is, or as the only member of an object, with the last key of the path.
fn typed<T: DeserializeOwned>(value: &Document, path: &[String]) -> Result<T, JsonError> {
    typed_from_document(value).or_else(|error| {
        let members = value.as_object().filter(|it| it.len() == 1);
        match members.and_then(|it| it.get(path.last()?)) {
            Some(value) => typed_from_document(value),
            None => Err(error),
        }
    })
}
