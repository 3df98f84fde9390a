//! Listening for clients.

use std::{
    fmt, fs, io,
    net::SocketAddr,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener, UnixStream},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    AllowAll, Authenticator, Authorizer, PeerCredentials, Service,
    connection::{self, Context},
};
use crate::{
    protocol::{
        Endpoint,
        server::{Config, Core},
    },
    transport::Shared,
};

/// How long to wait after a failure to accept that is not about one client: no descriptors, for example.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Listens on a socket and serves a service.
///
/// `A` decides who may connect. Without an authenticator there is nothing to serve with:
///
/// ```compile_fail
/// # use eventstream_rpc::server::{Server, Service};
/// # async fn serve(service: impl Service) -> std::io::Result<()> {
/// Server::bind("/tmp/socket")?.serve(service, std::future::pending::<()>()).await
/// # }
/// ```
pub struct Server<A = ()> {
    listener: Listener,
    authenticator: A,
    authorizer: Option<Arc<dyn Authorizer>>,
    config: Config,
    grace: Duration,
    max_connections: usize,
}

enum Listener {
    Unix(UnixListener, SocketFile),
    Tcp(TcpListener),
}

/// Removes the socket's file when the server is gone.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Someone else may have removed it already.
        let _ = fs::remove_file(&self.0);
    }
}

impl Server {
    /// Listens on a Unix domain socket that every user may connect to (mode 0666, as both nuclei have it).
    ///
    /// A socket that a server left behind is replaced. The file is removed when the server is dropped.
    ///
    /// # Errors
    ///
    /// `AddrInUse` if a server listens on the socket or the path is another kind of file; otherwise what
    /// the operating system says. A path longer than about 100 bytes is one of those.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O enabled.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        remove_stale(path)?;
        let listener = UnixListener::bind(path)?;
        let file = SocketFile(path.to_owned());
        fs::set_permissions(path, fs::Permissions::from_mode(0o666))?;
        Ok(Self::new(Listener::Unix(listener, file)))
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
        Ok(Self::new(Listener::Tcp(TcpListener::bind(address).await?)))
    }

    fn new(listener: Listener) -> Self {
        Self {
            listener,
            authenticator: (),
            authorizer: None,
            config: Config::default(),
            grace: Duration::from_secs(5),
            max_connections: 1_000,
        }
    }
}

/// Refuses to take over a socket that someone listens on, and removes one that nobody does.
fn remove_stale(path: &Path) -> io::Result<()> {
    let in_use = |what: &str| {
        io::Error::new(io::ErrorKind::AddrInUse, format!("{}: {what}", path.display()))
    };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            Err(in_use("the path is not a socket"))
        }
        Ok(_) => match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => Err(in_use("another server listens on the socket")),
            Err(_) => fs::remove_file(path),
        },
    }
}

impl<A> Server<A> {
    /// Lets in whom `authenticator` knows.
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

    /// How many connections may be open at once; any further one is closed as soon as it is accepted.
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
        match &self.listener {
            Listener::Tcp(listener) => listener.local_addr(),
            Listener::Unix(..) => Err(io::ErrorKind::Unsupported.into()),
        }
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
                // Whoever has finished is forgotten as soon as there is nothing else to do.
                Some(_) = clients.tasks.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            while clients.tasks.try_join_next().is_some() {}
            match accepted {
                Ok(_) if clients.tasks.len() >= max_connections => {
                    tracing::warn!(target: crate::LOG_TARGET, "too many connections");
                }
                Ok(Accepted::Unix(io, peer)) => clients.add(&context, io, peer),
                Ok(Accepted::Tcp(io)) => clients.add(&context, io, None),
                Err(error) => {
                    tracing::warn!(target: crate::LOG_TARGET, %error, "accept failed");
                    sleep(ACCEPT_BACKOFF).await;
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
    let shared = connection::start(config, io);
    connection::serve(context, shared, None).await;
}

enum Accepted {
    Unix(UnixStream, Option<PeerCredentials>),
    Tcp(tokio::net::TcpStream),
}

impl Listener {
    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Unix(listener, _) => {
                let (io, _) = listener.accept().await?;
                let peer = io.peer_cred().ok();
                let peer = peer.map(|it| PeerCredentials::new(it.pid(), it.uid(), it.gid()));
                Ok(Accepted::Unix(io, peer))
            }
            Self::Tcp(listener) => {
                let (io, _) = listener.accept().await?;
                // Messages are whole when they are written; waiting for more only delays them.
                let _ = io.set_nodelay(true);
                Ok(Accepted::Tcp(io))
            }
        }
    }
}

/// The connections that are being served.
#[derive(Default)]
struct Clients {
    tasks: JoinSet<()>,
    open: Vec<std::sync::Weak<Shared<Core>>>,
}

impl Clients {
    fn add<S, A, IO>(&mut self, context: &Context<S, A>, io: IO, peer: Option<PeerCredentials>)
    where
        S: Service,
        A: Authenticator,
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let shared = connection::start(context.config, io);
        self.open.retain(|it| it.strong_count() > 0);
        self.open.push(Arc::downgrade(&shared));
        self.tasks.spawn(connection::serve(context.clone(), shared, peer));
    }

    async fn stop(mut self, grace: Duration) {
        let open: Vec<_> = self.open.iter().filter_map(std::sync::Weak::upgrade).collect();
        let drained = async {
            for shared in &open {
                shared.with(Core::drain);
            }
            for shared in &open {
                shared.poll(|core, cx| core.poll_idle(cx)).await;
            }
        };
        // What is not done by then is cut off.
        let _ = timeout(grace, drained).await;
        for shared in &open {
            shared.with(|core| {
                core.fail(crate::error::ConnectionError::Closed);
                core.abandon();
            });
        }
        for shared in &open {
            // The last replies still go out.
            shared.poll(|core, cx| core.poll_finished(cx)).await;
        }
        while self.tasks.join_next().await.is_some() {}
    }
}

impl<A> fmt::Debug for Server<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = match &self.listener {
            Listener::Unix(_, file) => file.0.display().to_string(),
            Listener::Tcp(listener) => format!("{:?}", listener.local_addr()),
        };
        f.debug_struct("Server").field("address", &address).finish_non_exhaustive()
    }
}
