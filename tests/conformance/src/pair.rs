//! This project's client connected to a scripted server in one process.

use greengrass_core_ipc::{Client, client::ClientBuilder};
use tokio::net::UnixStream;

use test_util::wire::{CONNECT_ACK, MessageBuilder, Peer, Received};

/// Connects a client to a scripted server. Returns both and the client's connect message.
///
/// # Panics
///
/// If the handshake fails.
pub async fn pair(builder: ClientBuilder) -> (Client, Peer, Received) {
    let (io, server) = UnixStream::pair().expect("a socket pair can be created");
    let mut peer = Peer::new(server);
    let (client, connect) = tokio::join!(builder.connect_over(io), async {
        let connect = receive(&mut peer).await;
        peer.send(&MessageBuilder::new(CONNECT_ACK, 1, 0)).await.expect("the client is connected");
        connect
    });
    (client.expect("the client is accepted"), peer, connect)
}

/// The next message.
///
/// # Panics
///
/// If the client has closed the connection.
pub async fn receive(peer: &mut Peer) -> Received {
    peer.expect().await
}
