//! The sides of a service that can be generated: two clients and the server.

/// Which sides of a service are generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sides {
    /// The asynchronous client; feature `tokio`.
    pub client: bool,
    /// The blocking client; feature `blocking`.
    pub blocking: bool,
    /// The service trait and the server; feature `server`.
    pub server: bool,
}

impl Sides {
    /// Every side.
    pub const ALL: Self = Self { client: true, blocking: true, server: true };

    /// No side, only the shapes.
    pub const NONE: Self = Self { client: false, blocking: false, server: false };

    /// Adds the asynchronous client.
    #[must_use]
    pub const fn with_client(self) -> Self {
        Self { client: true, ..self }
    }

    /// Adds the blocking client.
    #[must_use]
    pub const fn with_blocking(self) -> Self {
        Self { blocking: true, ..self }
    }

    /// Adds the server.
    #[must_use]
    pub const fn with_server(self) -> Self {
        Self { server: true, ..self }
    }

    /// The names and descriptions of the features for these sides. The first is the default.
    pub fn features(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let features = [
            (self.client, "tokio", "The asynchronous client."),
            (self.blocking, "blocking", "The blocking client."),
            (self.server, "server", "The service trait and the server."),
        ];
        features.into_iter().filter(|it| it.0).map(|(_, name, about)| (name, about))
    }
}

impl Default for Sides {
    fn default() -> Self {
        Self::ALL
    }
}
