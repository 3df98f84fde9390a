//! How an outage ends: with the connection back, or with the reason why not.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use echo::{
    Client,
    client::{
        Connection, ConnectionBuilder, LifecycleHandler, Notice, ReconnectPolicy, SubscriptionItem,
    },
    error::{ConnectError, ConnectionError, SdkError},
    server::{
        ConnectRequest, EchoTestRpcService, ErrorReply, Identity, Rejected, RequestContext, Server,
    },
};
use eventstream_rpc::greengrass;
use test_util::{Feed, ResourceUsage, event, in_time, message, socket_path};
use tokio::{sync::oneshot, task::JoinHandle};

/// A server that can be stopped and started again on the same socket.
struct Restarting {
    path: PathBuf,
    feed: Feed,
    /// Whom it lets in, and what it denies, from the next connection on.
    refuses: Arc<AtomicBool>,
    denies: Arc<AtomicBool>,
    /// How many clients have introduced themselves.
    introduced: Arc<AtomicU32>,
    running: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

impl Restarting {
    async fn start() -> Self {
        let server = Self {
            path: socket_path(),
            feed: Feed::new(0),
            refuses: Arc::default(),
            denies: Arc::default(),
            introduced: Arc::default(),
            running: Mutex::default(),
        };
        server.resume();
        server
    }

    fn resume(&self) {
        let (refuses, denies) = (Arc::clone(&self.refuses), Arc::clone(&self.denies));
        let introduced = Arc::clone(&self.introduced);
        let server = Server::bind(&self.path)
            .unwrap()
            .grace(Duration::ZERO)
            .authenticator(move |_: &ConnectRequest| {
                introduced.fetch_add(1, Ordering::Relaxed);
                match refuses.load(Ordering::Relaxed) {
                    true => Err(Rejected),
                    false => Ok(Identity(String::new())),
                }
            })
            .authorizer(move |_: &RequestContext, operation: &str| {
                match denies.load(Ordering::Relaxed) && operation.ends_with("EchoStreamMessages") {
                    true => Err(ErrorReply::internal()),
                    false => Ok(()),
                }
            });
        let (stop, stopped) = oneshot::channel::<()>();
        let service = EchoTestRpcService::new(self.feed.clone());
        // It is dropped rather than stopped: a server that stops ends its streams first.
        let serving = tokio::spawn(async move {
            tokio::select! {
                _ = server.serve(service, std::future::pending::<()>()) => {}
                _ = stopped => {}
            }
        });
        *self.running.lock().unwrap() = Some((stop, serving));
    }

    async fn stop(&self) {
        let running = self.running.lock().unwrap().take();
        let (stop, serving) = running.expect("it runs");
        drop(stop);
        serving.await.unwrap();
    }

    async fn connect(&self, policy: ReconnectPolicy) -> Client {
        Client::new(self.builder(policy).connect().await.unwrap())
    }

    fn builder(&self, policy: ReconnectPolicy) -> ConnectionBuilder {
        ConnectionBuilder::default().socket_path(&self.path).reconnect(policy)
    }
}

fn policy() -> ReconnectPolicy {
    ReconnectPolicy::default()
        .initial_backoff(Duration::from_millis(1))
        .max_backoff(Duration::from_millis(5))
        .max_attempts(1_000_000)
}

/// Everything that is told of a connection.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl LifecycleHandler for Told {
    fn on_connect(&mut self) {
        self.0.lock().unwrap().push("connect".to_owned());
    }

    fn on_disconnect(&mut self, error: Option<&ConnectionError>) {
        let text = error.map_or_else(|| "closed".to_owned(), |it| format!("lost: {it}"));
        self.0.lock().unwrap().push(text);
    }

    fn on_error(&mut self, error: &(dyn std::error::Error + 'static)) -> bool {
        self.0.lock().unwrap().push(format!("error: {error}"));
        true
    }
}

#[tokio::test]
async fn attempts_end_at_their_limit() {
    let server = Restarting::start().await;
    let told = Told::default();
    let tokens = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tokens);
    let builder = greengrass::Builder::<Connection>::default().socket_path(&server.path);
    let builder = builder.reconnect(policy().max_attempts(4)).lifecycle_handler(told.clone());
    let builder = builder.token_provider(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok::<_, ConnectError>("token".to_owned())
    });
    let client = Client::new(builder.connect().await.unwrap());
    let stream = client.echo_stream_messages().send().await.unwrap();
    let waiting = tokio::spawn(client.echo_message().message(message("wait")).send());
    in_time("the call is served", async {
        while server.feed.waiting() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    server.stop().await;
    let error = in_time("the end", client.connection().closed()).await.unwrap_err();
    let ConnectionError::ReconnectFailed(last) = error else { panic!("{error:?}") };
    assert!(matches!(*last, ConnectError::Socket { .. }), "{last:?}");
    assert_eq!(tokens.load(Ordering::Relaxed), 5, "the provider is asked each time");

    match waiting.await.unwrap().unwrap_err() {
        SdkError::DispatchFailure { request_written, .. } => assert!(request_written),
        error => panic!("{error:?}"),
    }
    let mut items = stream.with_notices();
    let notice = items.next().await.unwrap().unwrap();
    assert_eq!(notice, SubscriptionItem::Notice(Notice::Disconnected));
    items.next().await.unwrap().unwrap_err();
    assert!(items.next().await.is_none());
    in_time("all is told", async {
        while told.0.lock().unwrap().len() < 6 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let told = told.0.lock().unwrap().clone();
    assert_eq!(told[0], "connect");
    assert!(told[1].starts_with("lost: "), "{told:?}");
    assert!(told[2..].iter().all(|it| it.starts_with("error: ")), "{told:?}");
}

#[tokio::test]
async fn refusals_end_at_a_limit_of_their_own() {
    let server = Restarting::start().await;
    let client = server.connect(policy().max_rejections(2)).await;
    server.refuses.store(true, Ordering::Relaxed);
    server.stop().await;
    server.resume();
    let error = in_time("the end", client.connection().closed()).await.unwrap_err();
    let ConnectionError::ReconnectRejected(last) = error else { panic!("{error:?}") };
    assert!(matches!(*last, ConnectError::Rejected), "{last:?}");
    assert_eq!(server.introduced.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_resubscription_that_is_denied_ends_alone() {
    let server = Restarting::start().await;
    let client = server.connect(policy().calls_wait(true)).await;
    let stream = client.echo_stream_messages().send().await.unwrap();
    let mut items = stream.with_notices();
    server.denies.store(true, Ordering::Relaxed);
    server.stop().await;
    server.resume();
    let mut next = async || in_time("something comes", items.next()).await;
    let notice = next().await.unwrap().unwrap();
    assert_eq!(notice, SubscriptionItem::Notice(Notice::Disconnected));
    let error = next().await.unwrap().unwrap_err();
    assert!(matches!(error, SdkError::ServiceError(_)), "{error:?}");
    assert!(next().await.is_none());
    client.echo_message().message(message("x")).send().await.unwrap();
}

#[tokio::test]
async fn a_stream_that_has_sent_events_ends() {
    let server = Restarting::start().await;
    let client = server.connect(policy().calls_wait(true)).await;
    let mut talks = client.echo_stream_messages().send().await.unwrap();
    let mut listens = client.echo_stream_messages().send().await.unwrap();
    talks.send_event(event("x")).await.unwrap();
    server.stop().await;
    let error = in_time("the end", talks.next()).await.unwrap().unwrap_err();
    assert!(matches!(error, SdkError::DispatchFailure { .. }), "{error:?}");
    assert!(talks.next().await.is_none());
    server.resume();
    client.echo_message().message(message("x")).send().await.unwrap();
    in_time("the subscription is back", async {
        while server.feed.publish() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    in_time("an event", listens.next()).await.unwrap().unwrap();
}

#[tokio::test]
async fn calls_in_an_outage_fail_at_once_or_wait_for_as_long_as_they_may() {
    let server = Restarting::start().await;
    let waits = server.connect(policy().calls_wait(true)).await;
    let fails = server.connect(policy()).await;
    let error = |client: &Client| {
        let call = client.echo_message().message(message("x"));
        call.call_timeout(Duration::from_millis(50)).send()
    };
    // The end of the connection is seen at some time after it.
    server.stop().await;
    in_time("a call fails", async {
        loop {
            match error(&fails).await {
                Err(SdkError::DispatchFailure {
                    source: ConnectionError::Reconnecting,
                    request_written: false,
                    ..
                }) => break,
                Err(SdkError::DispatchFailure { .. }) => tokio::task::yield_now().await,
                other => panic!("{other:?}"),
            }
        }
    })
    .await;
    in_time("a call waits", async {
        loop {
            match error(&waits).await {
                Err(SdkError::Timeout { request_written: false, .. }) => break,
                Err(SdkError::DispatchFailure { .. }) => tokio::task::yield_now().await,
                other => panic!("{other:?}"),
            }
        }
    })
    .await;
    let call = tokio::spawn(waits.echo_message().message(message("x")).send());
    server.resume();
    assert_eq!(in_time("the call ends", call).await.unwrap().unwrap().message, Some(message("x")));
}

#[tokio::test]
async fn closing_or_dropping_ends_an_outage() {
    let server = Restarting::start().await;
    let before = ResourceUsage::current().unwrap();
    for is_dropped in [false, true] {
        let client = server.connect(policy().calls_wait(true)).await;
        let stream = client.echo_stream_messages().send().await.unwrap();
        server.stop().await;
        let mut items = stream.with_notices();
        let notice = in_time("a notice", items.next()).await.unwrap().unwrap();
        assert_eq!(notice, SubscriptionItem::Notice(Notice::Disconnected));
        if is_dropped {
            drop((client, items));
        } else {
            let call = tokio::spawn(client.echo_message().message(message("x")).send());
            tokio::task::yield_now().await;
            in_time("it closes", client.connection().close()).await.unwrap();
            match in_time("the call ends", call).await.unwrap().unwrap_err() {
                SdkError::DispatchFailure { source, request_written, .. } => {
                    assert!(matches!(source, ConnectionError::Closed) && !request_written);
                }
                error => panic!("{error:?}"),
            }
            assert!(in_time("the end", items.next()).await.is_none());
        }
        server.resume();
        in_time("nothing is left of it", async {
            while ResourceUsage::current().unwrap().leaked_since(&before).is_some() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}
