//! Cancel safety of the server's functions. Each test drops the future at every point at which it waits.

use echo::{
    Client,
    client::ConnectionBuilder,
    operation::echo_message::{EchoMessageError, EchoMessageRequest, EchoMessageResponse},
    server::{Config, EchoTestRpc, EchoTestRpcService, Identity, RequestContext, Server},
};
use test_util::{
    EchoService, Feed, Pair, TIMEOUT, in_time, message, poll_once, poll_times, run, socket_path,
};
use tokio::{io::duplex, sync::mpsc};

#[test]
fn serving_a_connection() {
    run(async {
        for times in 0..40 {
            let (client_io, server_io) = duplex(256);
            let accept_all = |_: &echo::server::ConnectRequest| Ok(Identity(String::new()));
            let feed = Feed::new(0);
            let service = EchoTestRpcService::new(feed.clone());
            let serving =
                echo::server::serve_connection(server_io, service, accept_all, Config::default());
            let client = tokio::spawn(async move {
                let connection = ConnectionBuilder::default().connect_over(client_io).await?;
                let client = Client::new(connection);
                let _waits = client.echo_message().message(message("wait")).send().await;
                Ok::<_, echo::error::ConnectError>(client.connection().closed().await)
            });
            assert!(poll_times(serving, times).await.is_none(), "the client stays connected");
            // The connection is closed at every stage.
            let _ = in_time("the connection ends", client).await.unwrap();
            in_time("the handler is dropped", async {
                while feed.waiting() > 0 {
                    tokio::task::yield_now().await;
                }
            })
            .await;
        }
    });
}

#[test]
fn serving() {
    run(async {
        // Handshakes end only when the server is dropped.
        let mut config = Config::default();
        config.handshake_timeout = 2 * TIMEOUT;
        for times in 0..40 {
            let path = socket_path();
            let server = Server::bind(&path).unwrap().allow_all().config(config);
            let serving =
                server.serve(EchoTestRpcService::new(EchoService), std::future::pending::<()>());
            let connecting =
                ConnectionBuilder::default().socket_path(&path).handshake_timeout(2 * TIMEOUT);
            let connecting = tokio::spawn(connecting.connect());
            assert!(poll_times(serving, times).await.is_none());
            if let Ok(connection) = in_time("the handshake ends", connecting).await.unwrap() {
                in_time("the connection ends", connection.closed()).await.unwrap_err();
            }
            assert!(!path.exists(), "the socket is removed");
        }
    });
}

#[test]
fn listening() {
    run(async {
        for times in 0.. {
            if let Some(server) = poll_times(Server::bind_tcp("127.0.0.1:0"), times).await {
                assert!(server.unwrap().local_addr().is_ok());
                break;
            }
        }
    });
}

/// A service that hands the context of calls with the text `wait` to the test and never answers them. It answers all
/// other calls.
struct SharesContext(mpsc::UnboundedSender<RequestContext>);

impl EchoTestRpc for SharesContext {
    async fn echo_message(
        &self,
        request: EchoMessageRequest,
        context: RequestContext,
    ) -> Result<EchoMessageResponse, EchoMessageError> {
        if request.message == Some(message("wait")) {
            self.0.send(context).expect("the test receives contexts");
            std::future::pending::<()>().await;
        }
        Ok(EchoMessageResponse::builder().set_message(request.message).build())
    }
}

#[test]
fn waiting_for_the_end_of_a_request() {
    run(async {
        let (served, mut contexts) = mpsc::unbounded_channel();
        let pair = Pair::start(SharesContext(served)).await;
        let mut times = 0;
        loop {
            let call = poll_once(pair.client.echo_message().message(message("wait")).send()).await;
            let context = in_time("the call is served", contexts.recv()).await.unwrap();
            assert!(poll_times(context.ended(), times).await.is_none(), "the call is running");
            pair.assert_healthy(1).await;
            // Other tasks that wait for the end of the call are woken even if this future is dropped.
            let other = context.clone();
            let other = tokio::spawn(async move { other.ended().await });
            tokio::task::yield_now().await;
            drop(call);
            let done = poll_times(context.ended(), times).await;
            in_time("the other task is woken", other).await.unwrap();
            in_time("the call has ended", context.ended()).await;
            pair.assert_healthy(0).await;
            if done.is_some() {
                break;
            }
            times += 1;
        }
        assert!(times > 1, "the future waits");
    });
}

#[test]
fn the_context_of_a_request_does_not_keep_the_service_alive() {
    run(async {
        let (served, mut contexts) = mpsc::unbounded_channel();
        let pair = Pair::start(SharesContext(served)).await;
        let call = poll_once(pair.client.echo_message().message(message("wait")).send()).await;
        let _context = in_time("the call is served", contexts.recv()).await.unwrap();
        drop((call, pair));
        assert!(in_time("the service is dropped", contexts.recv()).await.is_none());
    });
}
