//! The TCP transport.

#[cfg(any(feature = "tokio", feature = "blocking"))]
use super::address;
#[cfg(feature = "server")]
use super::listener;

/// Host and port.
#[cfg(any(feature = "tokio", feature = "blocking"))]
#[derive(Debug)]
pub(super) struct Tcp(pub(super) String);

#[cfg(any(feature = "tokio", feature = "blocking"))]
impl address::Transport for Tcp {
    fn name(&self) -> String {
        self.0.clone()
    }

    #[cfg(feature = "tokio")]
    fn connect(&self) -> address::Connecting<'_> {
        Box::pin(async {
            let stream = tokio::net::TcpStream::connect(&self.0).await?;
            // Messages are written as a whole, so Nagle's algorithm would only delay them.
            let _ = stream.set_nodelay(true);
            Ok((Box::new(stream) as _, None))
        })
    }

    #[cfg(feature = "blocking")]
    fn connect_blocking(
        &self,
        until: Option<std::time::Instant>,
    ) -> std::io::Result<super::socket::OwnedFd> {
        use std::{
            io,
            net::{TcpStream, ToSocketAddrs},
            time::Duration,
        };

        let no_address = io::Error::new(io::ErrorKind::InvalidInput, "the name has no address");
        let mut connected = Err(no_address);
        for candidate in self.0.to_socket_addrs()? {
            let left = address::left(until).unwrap_or(Duration::MAX);
            connected = TcpStream::connect_timeout(&candidate, left);
            if connected.is_ok() {
                break;
            }
        }
        let stream = connected?;
        let _ = stream.set_nodelay(true);
        Ok(stream.into())
    }
}

#[cfg(feature = "server")]
pub(crate) async fn listen(
    address: impl tokio::net::ToSocketAddrs,
) -> std::io::Result<impl listener::Listener + 'static> {
    tokio::net::TcpListener::bind(address).await
}

#[cfg(feature = "server")]
impl listener::Listener for tokio::net::TcpListener {
    fn accept(&self) -> listener::Accepting<'_> {
        Box::pin(async {
            let (stream, _) = self.accept().await?;
            let _ = stream.set_nodelay(true);
            Ok((Box::new(stream) as _, None))
        })
    }

    fn local_addr(&self) -> std::io::Result<std::net::SocketAddr> {
        self.local_addr()
    }
}

/// Two descriptors of one UDP socket that is connected to itself: bytes written to the second can be read from the
/// first.
#[cfg(all(feature = "blocking", any(not(unix), all(test, not(shuttle)))))]
pub(super) fn pair() -> std::io::Result<(super::socket::OwnedFd, super::socket::OwnedFd)> {
    let socket = std::net::UdpSocket::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(socket.local_addr()?)?;
    Ok((socket.try_clone()?.into(), socket.into()))
}

#[cfg(all(test, feature = "blocking", not(shuttle)))]
mod tests {
    use super::{super::socket::Socket, *};

    #[test]
    fn one_end_of_a_pair_reads_what_is_written_to_the_other() {
        let (receiver, sender) = pair().unwrap();
        let (receiver, sender) = (Socket::new(receiver), Socket::new(sender));
        assert_eq!(sender.send(&[1]).unwrap(), 1);
        let mut buffer = [0; 16];
        assert_eq!((receiver.receive(&mut buffer).unwrap(), buffer[0]), (1, 1));
        assert_eq!(
            receiver.receive(&mut buffer).unwrap_err().kind(),
            std::io::ErrorKind::WouldBlock
        );
    }
}
