//! Shadows: the operations, and the requests and answers on local topics.
//!
//! [`store`] has the shadows of all things, [`document`] the rules of one of them, [`update`] the checks of a request.
//! They know neither connections nor topics.

mod document;
mod name;
mod rate;
mod rejection;
mod store;
mod update;

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Mutex, OnceLock, PoisonError},
    time::UNIX_EPOCH,
};

use eventstream_rpc::operation::Operation;
use greengrass_core_ipc::{
    error::Unhandled,
    operation::{
        delete_thing_shadow::{
            DeleteThingShadow, DeleteThingShadowRequest, DeleteThingShadowResponse,
        },
        get_thing_shadow::{GetThingShadow, GetThingShadowRequest, GetThingShadowResponse},
        list_named_shadows_for_thing::{
            ListNamedShadowsForThing, ListNamedShadowsForThingRequest,
            ListNamedShadowsForThingResponse,
        },
        publish_to_topic::PublishToTopicRequest,
        update_thing_shadow::{
            UpdateThingShadow, UpdateThingShadowRequest, UpdateThingShadowResponse,
        },
    },
    primitives::Blob,
    server::RequestContext,
    types::{BinaryMessage, PublishMessage, error::ServiceError},
};
use serde_json::{Value, json};
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};

use self::{
    document::Document,
    name::{Key, Name, Verb},
    rate::{Limiter, Rates},
    rejection::{Kind, Rejection},
    store::{Change, Outcome, Store},
};
use crate::{
    edition::Edition,
    permission::is_missing,
    service::{Nucleus, failed},
    state::{self, State, Table},
};

/// The component of AWS that has the shadows on a device. Its configuration has the limits here as well.
const SHADOW_MANAGER: &str = "aws.greengrass.ShadowManager";
/// The default size of the sections of a document, in bytes.
const MAX_SIZE: f64 = 8192.0;
/// The default numbers of requests per second.
const RATES: Rates = Rates { per_thing: 20.0, total: 200.0 };
const PAGE_SIZE: i32 = 25;
const MAX_PAGE_SIZE: usize = 100;
const COMPLETE: &str = "the required members are set";

/// The shadows and what their operations need.
#[derive(Debug, Default)]
pub(crate) struct Shadows {
    store: Store,
    limiter: Mutex<Limiter>,
    turns: Turns,
    /// Whether messages are requests. Nucleus lite has no shadows.
    has_topics: bool,
    notice: OnceLock<()>,
}

impl Shadows {
    /// The shadows that were stored.
    pub(crate) fn load(state: &State, edition: Edition) -> Self {
        let shadows = Self { has_topics: edition == Edition::Java, ..Self::default() };
        for (key, document) in state.load(Table::Shadows) {
            let document = serde_json::from_slice(&document).ok();
            let document = document.and_then(|it| Document::read(&it));
            match (key.parse(), document) {
                (Ok(key), Some(document)) => shadows.store.insert(key, document),
                _ => tracing::warn!("the stored shadow {key:?} cannot be read"),
            }
        }
        shadows
    }
}

/// Locks that let the operations on a shadow, with their messages, run one after another. A few shadows share a lock.
#[derive(Debug, Default)]
struct Turns {
    locks: [AsyncMutex<()>; 32],
    hasher: RandomState,
}

impl Turns {
    async fn next(&self, key: &Key) -> MutexGuard<'_, ()> {
        let hash = self.hasher.hash_one((&key.thing, &key.shadow));
        self.locks[hash as usize % self.locks.len()].lock().await
    }
}

/// A request by an operation or by a message on a topic.
#[derive(Debug)]
pub(crate) struct Request {
    verb: Verb,
    name: Name,
    payload: Blob,
}

impl Request {
    fn new(verb: Verb, thing: String, shadow: Option<String>, context: &RequestContext) -> Self {
        let thing = Some(thing).filter(|_| !is_missing(context, "thingName"));
        let name = Name { thing, shadow: shadow.unwrap_or_default() };
        Self { verb, name, payload: Blob::default() }
    }

    fn check(&self) -> Result<Key, Rejection> {
        let key = self.name.check()?;
        if self.verb == Verb::Update && self.payload.is_empty() {
            return Err(Rejection::new(Kind::Invalid, "Missing update payload"));
        }
        Ok(key)
    }
}

impl Nucleus {
    /// Serves `GetThingShadow`.
    pub(crate) async fn get_shadow(
        &self,
        it: GetThingShadowRequest,
        context: &RequestContext,
    ) -> Result<GetThingShadowResponse, Unhandled> {
        let request = Request::new(Verb::Get, it.thing_name, it.shadow_name, context);
        let payload = self.serve_shadow::<GetThingShadow>(request, context).await?;
        Ok(GetThingShadowResponse::builder().payload(payload).build().expect(COMPLETE))
    }

    /// Serves `UpdateThingShadow`.
    pub(crate) async fn update_shadow(
        &self,
        it: UpdateThingShadowRequest,
        context: &RequestContext,
    ) -> Result<UpdateThingShadowResponse, Unhandled> {
        let request = Request::new(Verb::Update, it.thing_name, it.shadow_name, context);
        let request = Request { payload: it.payload, ..request };
        let payload = self.serve_shadow::<UpdateThingShadow>(request, context).await?;
        Ok(UpdateThingShadowResponse::builder().payload(payload).build().expect(COMPLETE))
    }

    /// Serves `DeleteThingShadow`, whose response is empty.
    pub(crate) async fn delete_shadow(
        &self,
        it: DeleteThingShadowRequest,
        context: &RequestContext,
    ) -> Result<DeleteThingShadowResponse, Unhandled> {
        let request = Request::new(Verb::Delete, it.thing_name, it.shadow_name, context);
        self.serve_shadow::<DeleteThingShadow>(request, context).await?;
        let response = DeleteThingShadowResponse::builder().payload(Blob::default());
        Ok(response.build().expect(COMPLETE))
    }

    /// Serves `ListNamedShadowsForThing`.
    pub(crate) async fn list_shadows(
        &self,
        it: ListNamedShadowsForThingRequest,
        context: &RequestContext,
    ) -> Result<ListNamedShadowsForThingResponse, Unhandled> {
        let thing = Some(&*it.thing_name).filter(|_| !is_missing(context, "thingName"));
        let thing = name::check_thing(thing)?;
        self.check_rate(thing)?;
        self.authorize::<ListNamedShadowsForThing>(context, thing)?;
        let size = it.page_size.unwrap_or(PAGE_SIZE);
        let size = usize::try_from(size).ok().filter(|it| (1..=MAX_PAGE_SIZE).contains(it));
        let size = size.ok_or_else(|| {
            let text = format!("pageSize must be between 1 and {MAX_PAGE_SIZE}");
            Rejection::new(Kind::Invalid, text)
        })?;
        let token = it.next_token.as_deref().filter(|it| !it.is_empty());
        let caller = &context.identity().0;
        let (names, token) = self.shadows.store.list(caller, thing, token, size)?;
        let response = ListNamedShadowsForThingResponse::builder().results(names);
        Ok(response.timestamp(self.clock.now()).set_next_token(token).build().expect(COMPLETE))
    }

    /// The request that a message on a topic is, if any.
    pub(crate) fn shadow_request(&self, it: &PublishToTopicRequest) -> Option<Request> {
        let (verb, name) = Name::of_topic(&it.topic).filter(|_| self.shadows.has_topics)?;
        let payload = match &it.publish_message {
            PublishMessage::JsonMessage(it) => {
                Blob::new(self.numbers.received(it.message.clone()?).to_string())
            }
            PublishMessage::BinaryMessage(it) => it.message.clone()?,
            _ => return None,
        };
        Some(Request { verb, name, payload })
    }

    /// Serves a request by a message, for which only the permission to publish it is required.
    pub(crate) async fn serve_shadow_message(&self, request: Request) {
        // The answer is a message.
        let _ = match request.check() {
            Ok(key) => self.change_shadow(request, key).await,
            Err(rejection) => Err(self.reject(&request, rejection)),
        };
    }

    async fn serve_shadow<O: Operation>(
        &self,
        request: Request,
        context: &RequestContext,
    ) -> Result<Blob, Unhandled> {
        self.check_rate(request.name.thing.as_deref().unwrap_or_default())?;
        let key = request.check().map_err(|it| self.reject(&request, it))?;
        let authorized = self.authorize::<O>(context, &request.name.prefix());
        authorized.inspect_err(|_| self.publish_rejected(&request, 401, "Unauthorized", None))?;
        self.change_shadow(request, key).await
    }

    /// Performs a request, which is completed even if the future is dropped.
    async fn change_shadow(&self, request: Request, key: Key) -> Result<Blob, Unhandled> {
        let nucleus = self.clone();
        let performing = tokio::spawn(async move {
            let _turn = nucleus.shadows.turns.next(&key).await;
            let performed = nucleus.perform(&request, &key).await;
            performed.map_err(|it| nucleus.reject(&request, it))
        });
        performing
            .await
            .unwrap_or_else(|error| Err(Unhandled::undeclared(&failed(&error.to_string()))))
    }

    /// Performs a request and publishes its messages. Returns the last one.
    async fn perform(&self, request: &Request, key: &Key) -> Result<Blob, Rejection> {
        self.shadows.notice.get_or_init(|| {
            tracing::info!("shadows are not synchronized with AWS IoT Core");
        });
        let (store, now) = (&self.shadows.store, self.seconds());
        let Outcome { messages, change } = match request.verb {
            Verb::Get => store.get(key, now)?,
            Verb::Update => store.update(key, &request.payload, self.max_size(), now)?,
            Verb::Delete => store.delete(key, now)?,
        };
        self.store_shadow(key, change).await?;
        let mut response = Blob::default();
        for (name, message) in messages {
            response = Blob::new(message.to_string());
            self.publish_shadow(request, name, response.clone());
        }
        Ok(response)
    }

    fn check_rate(&self, thing: &str) -> Result<(), Rejection> {
        let limits = self.shadow_limits();
        let rate = |name, default| limit(&limits["rateLimits"][name], default);
        let rates = Rates {
            per_thing: rate("maxLocalRequestsPerSecondPerThing", RATES.per_thing),
            total: rate("maxTotalLocalRequestsRate", RATES.total),
        };
        let mut limiter = self.shadows.limiter.lock().unwrap_or_else(PoisonError::into_inner);
        if limiter.permits(thing, rates, self.clock.instant()) {
            return Ok(());
        }
        Err(Rejection::new(Kind::Internal, "there are too many requests in this second"))
    }

    fn max_size(&self) -> usize {
        limit(&self.shadow_limits()["shadowDocumentSizeLimitBytes"], MAX_SIZE) as usize
    }

    fn shadow_limits(&self) -> Value {
        self.configurations.get(SHADOW_MANAGER, &[]).unwrap_or_default().into()
    }

    /// Stores a change. Success is answered after this.
    async fn store_shadow(&self, key: &Key, change: Change) -> Result<(), ServiceError> {
        let value = match change {
            Change::None => return Ok(()),
            Change::Updated(document) => Some(document.to_string().into()),
            Change::Deleted => None,
        };
        let change = state::Change { table: Table::Shadows, key: key.to_string(), value };
        self.state.commit(vec![change]).await
    }

    fn seconds(&self) -> u64 {
        self.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }

    /// Tells subscribers of a rejection. Returns the error for the caller.
    fn reject(&self, request: &Request, rejection: Rejection) -> Unhandled {
        let (code, text) = rejection.message();
        self.publish_rejected(request, code, text, rejection.client_token.as_deref());
        rejection.into()
    }

    fn publish_rejected(&self, request: &Request, code: u16, text: &str, token: Option<&str>) {
        let mut message = json!({ "code": code, "message": text, "timestamp": self.seconds() });
        if let Some(token) = token {
            message["clientToken"] = token.into();
        }
        self.publish_shadow(request, "rejected", Blob::new(message.to_string()));
    }

    fn publish_shadow(&self, request: &Request, name: &str, message: Blob) {
        let topic = format!("{}/{}/{name}", request.name.prefix(), request.verb.as_str());
        // The topic contains the names of the request, which may be invalid.
        if self.pubsub.check_topic(&topic).is_ok() {
            let message = BinaryMessage::builder().message(message).build();
            self.pubsub.publish(SHADOW_MANAGER, &topic, PublishMessage::BinaryMessage(message));
        }
    }
}

/// A limit in the configuration, which must be positive.
fn limit(value: &Value, default: f64) -> f64 {
    value.as_f64().filter(|it| *it > 0.0).unwrap_or(default)
}
