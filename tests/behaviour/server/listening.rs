//! How a server creates and removes its socket file.

use std::{
    fs, io,
    os::unix::{
        fs::PermissionsExt,
        net::{UnixDatagram, UnixListener, UnixStream},
    },
    sync::Barrier,
};

use eventstream_rpc::server::Server;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
use test_util::{in_time, socket_path};

/// Leaves a socket file without a listener.
fn leave_stale(path: &std::path::Path) {
    drop(UnixListener::bind(path).unwrap());
}

fn assert_in_use(result: io::Result<Server>) {
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn the_socket_of_a_busy_server_is_in_use() {
    let path = socket_path();
    let address = SocketAddrUnix::new(&path).unwrap();
    let server = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&server, &address).unwrap();
    // One client fills the backlog.
    rustix::net::listen(&server, 0).unwrap();
    let _client = UnixStream::connect(&path).unwrap();
    let (done, bound) = tokio::sync::oneshot::channel();
    let (to_bind, runtime) = (path.clone(), tokio::runtime::Handle::current());
    // On another thread, so that a blocked probe does not hang the test.
    std::thread::spawn(move || {
        let _runtime = runtime.enter();
        let _ = done.send(Server::bind(to_bind));
    });
    assert_in_use(in_time("the probe does not block", bound).await.unwrap());
    assert!(path.exists());
    fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn a_socket_that_may_be_in_use_is_not_removed() {
    let path = socket_path();
    let _datagrams = UnixDatagram::bind(&path).unwrap();
    assert_in_use(Server::bind(&path));
    assert!(path.exists());
    fs::remove_file(&path).unwrap();

    let _listener = UnixListener::bind(&path).unwrap();
    assert_in_use(Server::bind(&path));
    assert!(path.exists());
    fs::remove_file(&path).unwrap();
}

#[test]
fn only_one_of_several_servers_takes_over_a_stale_socket() {
    const SERVERS: usize = 3;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for round in 0..300 {
        let path = socket_path();
        leave_stale(&path);
        let barrier = Barrier::new(SERVERS);
        let results: Vec<_> = std::thread::scope(|scope| {
            let bind = || {
                let _runtime = runtime.enter();
                barrier.wait();
                Server::bind(&path)
            };
            let servers: Vec<_> = (0..SERVERS).map(|_| scope.spawn(bind)).collect();
            servers.into_iter().map(|it| it.join().unwrap()).collect()
        });
        let (bound, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!(bound.len(), 1, "round {round}: {bound:?}");
        refused.into_iter().for_each(assert_in_use);
        UnixStream::connect(&path).unwrap();
        drop(bound);
        assert!(!path.exists() && !path.with_extension("socket.lock").exists());
    }
}

#[tokio::test]
async fn a_server_removes_only_its_own_file() {
    let path = socket_path();
    let server = Server::bind(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    drop(server);
    UnixStream::connect(&path).unwrap();
    fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn the_socket_file_has_the_requested_mode() {
    let path = socket_path();
    let mode = || fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o777;
    let server = Server::bind(&path).unwrap();
    assert_eq!(mode(), 0o666);
    drop(server);
    for wanted in [0o600, 0o660] {
        let _server = Server::bind_with_mode(&path, wanted).unwrap();
        assert_eq!(mode(), wanted);
    }
}
