//! This project's client and a scripted server in one process.

use greengrass_core_ipc::{Client, client::ConnectionBuilder};
use tokio::net::UnixStream;

use test_util::wire::{CONNECT_ACK, MessageBuilder, Peer, Received};

/// A client that has been let in, its server, and what it said to introduce itself.
///
/// # Panics
///
/// They do not come together.
pub async fn pair(builder: ConnectionBuilder) -> (Client, Peer, Received) {
    let (io, server) = UnixStream::pair().expect("there are sockets");
    let mut peer = Peer::new(server);
    let (connection, connect) = tokio::join!(builder.connect_over(io), async {
        let connect = receive(&mut peer).await;
        peer.send(&MessageBuilder::new(CONNECT_ACK, 1, 0)).await.expect("it is there");
        connect
    });
    (Client::new(connection.expect("it is let in")), peer, connect)
}

/// The next message.
///
/// # Panics
///
/// There is none.
pub async fn receive(peer: &mut Peer) -> Received {
    peer.expect().await
}
