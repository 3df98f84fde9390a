//! Listening for clients.

use std::{fmt, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

#[cfg(unix)]
use rustix::io::Errno;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    AllowAll, Authenticator, Authorizer, PeerCredentials, Service,
    connection::{self, Context},
};
use crate::{
    protocol::server::{Config, Core},
    transport::{Io, Listener, Shared, unless},
};

/// How long to wait after a failure to accept that is not about one client, such as a lack of descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Listens on a socket and serves a service.
///
/// `A` is the authenticator, which is required: a server without one does not compile.
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
    authorizer: Option<Arc<dyn Authorizer>>,
    config: Config,
    grace: Duration,
    max_connections: usize,
}

impl Server {
    /// Listens on a Unix domain socket that every user may connect to (mode 0666, as both nuclei have it).
    ///
    /// As [`bind_with_mode`](Self::bind_with_mode).
    #[cfg(unix)]
    pub fn bind(path: impl AsRef<std::path::Path>) -> io::Result<Self> {
        Self::bind_with_mode(path, 0o666)
    }

    /// Listens on a Unix domain socket whose file has this mode: users with write permission on the file may connect.
    /// Until the mode is set, the file mode creation mask of the process applies.
    ///
    /// A socket that a server left behind is replaced: one that refuses connections. Of several servers that begin to
    /// listen at once, one does; a file whose name ends in `.lock` is beside the socket meanwhile. The file is removed
    /// when the server is dropped, unless another has taken its place.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if a server listens on the socket, or another one begins to, or if the path is a file of another
    /// kind; otherwise the error of the operating system, which does not allow a path longer than about 100 bytes.
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
    /// What the operating system says.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future listens on nothing.
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
    /// Lets in the clients that `authenticator` knows.
    pub fn authenticator<B: Authenticator>(self, authenticator: B) -> Server<B> {
        let Self { listener, authorizer, config, grace, max_connections, .. } = self;
        Server { listener, authenticator, authorizer, config, grace, max_connections }
    }

    /// Lets everyone in.
    pub fn allow_all(self) -> Server<AllowAll> {
        self.authenticator(AllowAll(()))
    }

    /// Asks `authorizer` before each call.
    pub fn authorizer(mut self, authorizer: impl Authorizer) -> Self {
        self.authorizer = Some(Arc::new(authorizer));
        self
    }

    /// What a client may send and hold, and how long it may take.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// How long calls may go on after the server has been told to stop. Default: 5 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How many connections may be open at once; any further one is closed as soon as it is accepted. A connection that has
    /// ended counts until its socket is closed and its handlers are done.
    /// Default: 1,000, which leaves a process with the usual 1,024 descriptors some for itself.
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
    /// Serves until `shutdown` is ready. Then it takes no new clients and calls, ends the subscriptions,
    /// lets the calls that run finish within the grace period, and closes every connection.
    ///
    /// # Errors
    ///
    /// What the operating system says about the listening socket.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes every connection at once.
    pub async fn serve(self, service: impl Service, shutdown: impl Future) -> io::Result<()> {
        let Self { listener, authenticator, authorizer, config, grace, max_connections } = self;
        let context = Context::new(service, authenticator, authorizer, config);
        let mut shutdown = pin!(shutdown);
        let mut clients = Clients::default();
        loop {
            let accepted = tokio::select! {
                _ = &mut shutdown => break,
                // Tasks that have ended are forgotten as soon as there is nothing else to do.
                Some(_) = clients.tasks.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            while clients.tasks.try_join_next().is_some() {}
            match accepted {
                Ok(_) if clients.tasks.len() >= max_connections => {
                    tracing::warn!(target: crate::LOG_TARGET, "too many connections");
                }
                Ok((io, peer)) => clients.add(&context, io, peer),
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
        clients.stop(grace).await;
        Ok(())
    }
}

/// Serves one connection over a byte stream that is open already, such as one half of
/// [`tokio::io::duplex`], until it ends.
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
    let shared = connection::start(config, Box::new(io));
    connection::serve(context, shared, None).await;
}

/// Whether a failure to accept says nothing about the next client. On Linux that includes errors of the network that a
/// connection had before it was accepted.
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

/// The connections that are being served.
#[derive(Default)]
struct Clients {
    tasks: JoinSet<()>,
    open: Vec<std::sync::Weak<Shared<Core>>>,
}

impl Clients {
    fn add<S: Service, A: Authenticator>(
        &mut self,
        context: &Arc<Context<S, A>>,
        io: Box<dyn Io>,
        peer: Option<PeerCredentials>,
    ) {
        let shared = connection::start(context.config, io);
        self.open.retain(|it| it.strong_count() > 0);
        self.open.push(Arc::downgrade(&shared));
        self.tasks.spawn(connection::serve(Arc::clone(context), shared, peer));
    }

    async fn stop(mut self, grace: Duration) {
        let open: Vec<_> = self.open.iter().filter_map(std::sync::Weak::upgrade).collect();
        open.iter().for_each(|it| it.with(Core::drain));
        let idle = async {
            for shared in &open {
                shared.poll(|core, cx| core.poll_idle(cx)).await;
            }
        };
        // What is not done by then is cut off.
        let _ = timeout(grace, idle).await;
        for shared in &open {
            shared.with(|core| {
                core.fail(crate::error::ConnectionError::Closed);
                core.abandon();
            });
        }
        // The last replies still go out.
        while self.tasks.join_next().await.is_some() {}
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
