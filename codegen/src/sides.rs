//! The sides of a service that are generated.

/// Which sides of a service are generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sides {
    /// The asynchronous client; feature `tokio`.
    pub client: bool,
    /// The blocking client; feature `blocking`.
    pub blocking: bool,
    /// The service trait and what serves it; feature `server`.
    pub server: bool,
}

impl Sides {
    /// Every side.
    pub const ALL: Self = Self { client: true, blocking: true, server: true };

    /// No side: the shapes alone.
    pub const NONE: Self = Self { client: false, blocking: false, server: false };

    /// These sides and the asynchronous client.
    #[must_use]
    pub const fn with_client(self) -> Self {
        Self { client: true, ..self }
    }

    /// These sides and the blocking client.
    #[must_use]
    pub const fn with_blocking(self) -> Self {
        Self { blocking: true, ..self }
    }

    /// These sides and the server.
    #[must_use]
    pub const fn with_server(self) -> Self {
        Self { server: true, ..self }
    }

    /// The features of the sides that are there, each with what it is for, the most important first.
    pub fn features(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let features = [
            (self.client, "tokio", "The asynchronous client."),
            (self.blocking, "blocking", "The blocking client."),
            (self.server, "server", "The service trait and what serves it."),
        ];
        features.into_iter().filter(|it| it.0).map(|(_, name, about)| (name, about))
    }
}

impl Default for Sides {
    fn default() -> Self {
        Self::ALL
    }
}
