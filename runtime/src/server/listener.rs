//! The socket that a server listens on, and its connections.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, Weak},
    time::Duration,
};

#[cfg(unix)]
use rustix::io::Errno;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    Authenticator, ConnectRequest, Identity, RequestContext, Service,
    connection::{Authorizer, Context, serve},
};
use crate::{
    error::{ConnectionError, Unhandled},
    protocol::server::{Config, Core},
    transport::{Listener, Shared, unless},
};

/// The pause after a failed accept that may fail again immediately, such as for a lack of descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// A server: listens on a socket and serves a service.
///
/// `A` is the authenticator. It is required: without one there is no method `serve`.
///
/// ```compile_fail
/// # use eventstream_rpc::server::{Server, Service};
/// # async fn serve(service: impl Service) -> std::io::Result<()> {
/// Server::bind("/tmp/socket")?.serve(service, std::future::pending::<()>()).await
/// # }
/// ```
pub struct Server<A = ()> {
    listener: Box<dyn Listener>,
    authenticator: A,
    authorizer: Option<Authorizer>,
    config: Config,
    grace: Duration,
    max_connections: usize,
}

impl Server {
    /// Listens on a Unix domain socket that every user may connect to: mode 0666, as with both nuclei.
    ///
    /// See [`bind_with_mode`](Self::bind_with_mode).
    #[cfg(unix)]
    pub fn bind(path: impl AsRef<std::path::Path>) -> io::Result<Self> {
        Self::bind_with_mode(path, 0o666)
    }

    /// Listens on a Unix domain socket whose file has this mode: users with write permission may connect.
    ///
    /// A stale socket, one that refuses connections, is replaced. If several servers start at the same time, only one
    /// of them succeeds; a file with the suffix `.lock` exists beside the socket while one starts. The socket file is
    /// removed when the server is dropped, unless another file has replaced it.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if a server listens on the socket, another one is starting, the path is a file of another kind, or the
    /// file with the suffix `.lock` is not empty; otherwise the error of the operating system, which limits paths to about
    /// 100 bytes.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O enabled.
    #[cfg(unix)]
    pub fn bind_with_mode(path: impl AsRef<std::path::Path>, mode: u32) -> io::Result<Self> {
        Ok(Self::new(crate::transport::unix::listen(path.as_ref(), mode)?))
    }

    /// Listens on a TCP address.
    ///
    /// # Errors
    ///
    /// The error of the operating system.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the socket.
    pub async fn bind_tcp(address: impl tokio::net::ToSocketAddrs) -> io::Result<Self> {
        Ok(Self::new(crate::transport::tcp::listen(address).await?))
    }

    fn new(listener: impl Listener + 'static) -> Self {
        Self {
            listener: Box::new(listener),
            authenticator: (),
            authorizer: None,
            config: Config::default(),
            grace: Duration::from_secs(5),
            max_connections: 1_000,
        }
    }
}

impl<A> Server<A> {
    /// Sets the authenticator, which decides which clients may connect.
    pub fn authenticator<B: Authenticator>(self, authenticator: B) -> Server<B> {
        let Self { listener, authorizer, config, grace, max_connections, .. } = self;
        Server { listener, authenticator, authorizer, config, grace, max_connections }
    }

    /// Accepts every client, with an empty identity.
    pub fn allow_all(self) -> Server<impl Authenticator> {
        self.authenticator(|_: &ConnectRequest| Ok(Identity(String::new())))
    }

    /// Sets the authorizer: it gets the context and the operation's ID of each call before the handler runs, and the
    /// error that it returns is the answer to the client.
    pub fn authorizer(
        mut self,
        authorizer: impl Fn(&RequestContext, &str) -> Result<(), Unhandled> + Send + Sync + 'static,
    ) -> Self {
        self.authorizer = Some(Arc::new(authorizer));
        self
    }

    /// Sets the limits of each connection.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Sets how long calls may continue after the start of the shutdown. Default: 5 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets how many connections may be open at the same time. Further ones are closed as soon as they are accepted. A
    /// connection counts until its socket is closed and its handlers have finished.
    /// Default: 1,000, which leaves some of the usual 1,024 descriptors to the rest of the process.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// The address that a TCP server listens on.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a Unix socket.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl<A: Authenticator> Server<A> {
    /// Serves until `shutdown` is ready. Then the server refuses new clients and calls, ends the subscriptions, lets
    /// running calls finish within the grace period, and closes every connection.
    ///
    /// # Errors
    ///
    /// None at present: a failed accept is logged, and the server continues.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes every connection immediately.
    pub async fn serve(self, service: impl Service, shutdown: impl Future) -> io::Result<()> {
        let Self { listener, authenticator, authorizer, config, grace, max_connections } = self;
        let context = Context::new(service, authenticator, authorizer, config);
        let mut shutdown = pin!(shutdown);
        let mut tasks = JoinSet::new();
        let mut open = Vec::new();
        loop {
            let accepted = tokio::select! {
                _ = &mut shutdown => break,
                // Tasks that have ended are removed while there is nothing else to do.
                Some(_) = tasks.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            while tasks.try_join_next().is_some() {}
            match accepted {
                Ok(_) if tasks.len() >= max_connections => {
                    tracing::warn!(target: crate::LOG_TARGET, "too many connections");
                }
                Ok((io, peer)) => {
                    let connection = context.start(io);
                    open.retain(|it: &Weak<_>| it.strong_count() > 0);
                    open.push(Arc::downgrade(&connection.0));
                    tasks.spawn(serve(Arc::clone(&context), connection, peer));
                }
                Err(error) => {
                    tracing::warn!(target: crate::LOG_TARGET, %error, "accept failed");
                    if !is_about_one_client(&error)
                        && unless(&mut shutdown, sleep(ACCEPT_BACKOFF)).await.is_none()
                    {
                        break;
                    }
                }
            }
        }
        drop(listener);
        stop(&open, grace).await;
        // The last replies are still written.
        while tasks.join_next().await.is_some() {}
        Ok(())
    }
}

/// Ends connections, after the running calls have finished or the grace period is over.
async fn stop(open: &[Weak<Shared<Core>>], grace: Duration) {
    let open: Vec<_> = open.iter().filter_map(Weak::upgrade).collect();
    open.iter().for_each(|it| it.with(Core::drain));
    let idle = async {
        for shared in &open {
            shared.poll(|core, cx| core.poll_idle(cx)).await;
        }
    };
    // Calls that are not finished by then are aborted.
    let _ = timeout(grace, idle).await;
    for shared in &open {
        shared.with(|core| {
            core.fail(ConnectionError::Closed);
            core.abandon();
        });
    }
}

/// Serves one connection over an open byte stream, such as one half of [`tokio::io::duplex`], until it ends.
///
/// # Cancel safety
///
/// Dropping the future closes the connection.
pub async fn serve_connection<IO>(
    io: IO,
    service: impl Service,
    authenticator: impl Authenticator,
    config: Config,
) where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let context = Context::new(service, authenticator, None, config);
    let connection = context.start(Box::new(io));
    serve(context, connection, None).await;
}

/// Whether a failed accept concerns one client only, so that the next one may be accepted immediately. On Linux,
/// `accept` also reports network errors that occurred on the new connection.
fn is_about_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    match error.kind() {
        ConnectionAborted | ConnectionReset | Interrupted | PermissionDenied => true,
        NetworkDown | NetworkUnreachable | HostUnreachable => true,
        #[cfg(unix)]
        _ => Errno::from_io_error(error)
            .is_some_and(|it| [Errno::PROTO, Errno::NOPROTOOPT, Errno::HOSTDOWN].contains(&it)),
        #[cfg(not(unix))]
        _ => false,
    }
}

impl<A> fmt::Debug for Server<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("listener", &self.listener).finish_non_exhaustive()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn only_a_lack_of_resources_delays_the_next_client() {
        for (error, expected) in [
            (Errno::CONNABORTED, true),
            (Errno::PROTO, true),
            (Errno::MFILE, false),
            (Errno::NFILE, false),
            (Errno::NOBUFS, false),
            (Errno::NOMEM, false),
            (Errno::INVAL, false),
        ] {
            assert_eq!(is_about_one_client(&error.into()), expected, "{error}");
        }
        assert!(!is_about_one_client(&io::Error::other("unknown")));
    }
}
