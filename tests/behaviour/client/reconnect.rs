//! Reconnecting: an outage ends with a restored connection or with the error of the last attempt.

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
    error::{ConnectError, ConnectionError, SdkError, Unhandled},
    server::{ConnectRequest, EchoTestRpcService, Identity, Rejected, RequestContext, Server},
};
use eventstream_rpc::greengrass;
use test_util::{Feed, ResourceUsage, event, in_time, message, socket_path};
use tokio::{sync::oneshot, task::JoinHandle};

/// A server that can be stopped and restarted on the same socket.
struct RestartableServer {
    path: PathBuf,
    feed: Feed,
    /// Whether the server rejects new connections.
    rejects: Arc<AtomicBool>,
    /// Whether the server denies subscriptions.
    denies: Arc<AtomicBool>,
    /// The number of handshakes.
    handshakes: Arc<AtomicU32>,
    running: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

impl RestartableServer {
    async fn start() -> Self {
        let server = Self {
            path: socket_path(),
            feed: Feed::new(0),
            rejects: Arc::default(),
            denies: Arc::default(),
            handshakes: Arc::default(),
            running: Mutex::default(),
        };
        server.resume();
        server
    }

    fn resume(&self) {
        let (rejects, denies) = (Arc::clone(&self.rejects), Arc::clone(&self.denies));
        let handshakes = Arc::clone(&self.handshakes);
        let server = Server::bind(&self.path)
            .unwrap()
            .grace(Duration::ZERO)
            .authenticator(move |_: &ConnectRequest| {
                handshakes.fetch_add(1, Ordering::Relaxed);
                if rejects.load(Ordering::Relaxed) {
                    Err(Rejected)
                } else {
                    Ok(Identity(String::new()))
                }
            })
            .authorizer(move |_: &RequestContext, operation: &str| {
                if denies.load(Ordering::Relaxed) && operation.ends_with("EchoStreamMessages") {
                    Err(Unhandled::internal())
                } else {
                    Ok(())
                }
            });
        let (stop, stopped) = oneshot::channel::<()>();
        let service = EchoTestRpcService::new(self.feed.clone());
        // The server is dropped, not stopped: a stopping server ends its streams first.
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
        let (stop, serving) = running.expect("the server runs");
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

/// A lifecycle handler that records each callback as text.
#[derive(Clone, Default)]
struct Callbacks(Arc<Mutex<Vec<String>>>);

impl LifecycleHandler for Callbacks {
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
async fn the_connection_ends_after_max_attempts() {
    let server = RestartableServer::start().await;
    let callbacks = Callbacks::default();
    let tokens = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tokens);
    let builder = greengrass::Builder::<Connection>::default().socket_path(&server.path);
    let builder = builder.reconnect(policy().max_attempts(4)).lifecycle_handler(callbacks.clone());
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
    let error = in_time("the connection ends", client.connection().closed()).await.unwrap_err();
    let ConnectionError::ReconnectFailed(last) = error else { panic!("{error:?}") };
    assert!(matches!(*last, ConnectError::Socket { .. }), "{last:?}");
    assert_eq!(
        tokens.load(Ordering::Relaxed),
        5,
        "one call to connect, and one for each of 4 attempts"
    );

    match waiting.await.unwrap().unwrap_err() {
        SdkError::DispatchFailure { request_written, .. } => assert!(request_written),
        error => panic!("{error:?}"),
    }
    let mut items = stream.with_notices();
    let notice = items.next().await.unwrap().unwrap();
    assert_eq!(notice, SubscriptionItem::Notice(Notice::Disconnected));
    items.next().await.unwrap().unwrap_err();
    assert!(items.next().await.is_none());
    in_time("all callbacks are recorded", async {
        while callbacks.0.lock().unwrap().len() < 6 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let callbacks = callbacks.0.lock().unwrap().clone();
    assert_eq!(callbacks[0], "connect");
    assert!(callbacks[1].starts_with("lost: "), "{callbacks:?}");
    assert!(callbacks[2..].iter().all(|it| it.starts_with("error: ")), "{callbacks:?}");
}

#[tokio::test]
async fn the_connection_ends_after_max_rejections() {
    let server = RestartableServer::start().await;
    let client = server.connect(policy().max_rejections(2)).await;
    server.rejects.store(true, Ordering::Relaxed);
    server.stop().await;
    server.resume();
    let error = in_time("the connection ends", client.connection().closed()).await.unwrap_err();
    let ConnectionError::ReconnectRejected(last) = error else { panic!("{error:?}") };
    assert!(matches!(*last, ConnectError::Rejected), "{last:?}");
    assert_eq!(server.handshakes.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_denied_resubscription_ends_only_that_stream() {
    let server = RestartableServer::start().await;
    let client = server.connect(policy().calls_wait(true)).await;
    let stream = client.echo_stream_messages().send().await.unwrap();
    let mut items = stream.with_notices();
    server.denies.store(true, Ordering::Relaxed);
    server.stop().await;
    server.resume();
    let mut next = async || in_time("the next item", items.next()).await;
    let notice = next().await.unwrap().unwrap();
    assert_eq!(notice, SubscriptionItem::Notice(Notice::Disconnected));
    let error = next().await.unwrap().unwrap_err();
    assert!(matches!(error, SdkError::ServiceError { .. }), "{error:?}");
    assert!(next().await.is_none());
    client.echo_message().message(message("x")).send().await.unwrap();
}

#[tokio::test]
async fn a_stream_that_has_sent_events_is_not_restored() {
    let server = RestartableServer::start().await;
    let client = server.connect(policy().calls_wait(true)).await;
    let mut bidirectional = client.echo_stream_messages().send().await.unwrap();
    let mut receiving = client.echo_stream_messages().send().await.unwrap();
    bidirectional.send_event(event("x")).await.unwrap();
    server.stop().await;
    let error = in_time("the stream ends", bidirectional.next()).await.unwrap().unwrap_err();
    assert!(matches!(error, SdkError::DispatchFailure { .. }), "{error:?}");
    assert!(bidirectional.next().await.is_none());
    server.resume();
    client.echo_message().message(message("x")).send().await.unwrap();
    in_time("the subscription is restored", async {
        while server.feed.publish() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    in_time("an event", receiving.next()).await.unwrap().unwrap();
}

#[tokio::test]
async fn calls_during_an_outage_fail_immediately_or_wait() {
    let server = RestartableServer::start().await;
    let waiting = server.connect(policy().calls_wait(true)).await;
    let failing = server.connect(policy()).await;
    let call = |client: &Client| {
        let call = client.echo_message().message(message("x"));
        call.call_timeout(Duration::from_millis(50)).send()
    };
    // The clients detect the end of the connection with a delay.
    server.stop().await;
    in_time("a call fails", async {
        loop {
            match call(&failing).await {
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
            match call(&waiting).await {
                Err(SdkError::Timeout { request_written: false, .. }) => break,
                Err(SdkError::DispatchFailure { .. }) => tokio::task::yield_now().await,
                other => panic!("{other:?}"),
            }
        }
    })
    .await;
    let call = tokio::spawn(waiting.echo_message().message(message("x")).send());
    server.resume();
    assert_eq!(in_time("the call ends", call).await.unwrap().unwrap().message, Some(message("x")));
}

#[tokio::test]
async fn closing_or_dropping_ends_an_outage() {
    let server = RestartableServer::start().await;
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
            in_time("the connection closes", client.connection().close()).await.unwrap();
            match in_time("the call ends", call).await.unwrap().unwrap_err() {
                SdkError::DispatchFailure { source, request_written, .. } => {
                    assert!(matches!(source, ConnectionError::Closed) && !request_written);
                }
                error => panic!("{error:?}"),
            }
            assert!(in_time("the stream ends", items.next()).await.is_none());
        }
        server.resume();
        in_time("all resources are released", async {
            while ResourceUsage::current().unwrap().leaked_since(&before).is_some() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}
