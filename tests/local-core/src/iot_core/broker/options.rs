//! The options of a connection to a broker.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rumqttc::{
    IncomingPacketSizeLimit, MqttOptions, TlsConfiguration, Transport,
    tokio_rustls::rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use super::Broker;
use crate::{iot_core::limits, random};

/// The maximum size of a packet from the broker, in bytes. Larger messages do not arrive.
const MAX_PACKET_LEN: u32 = 1024 * 1024;
/// The port of HTTPS, on which AWS IoT Core expects its name for the protocol.
const HTTPS: u16 = 443;
const PROTOCOL_OF_AWS: &[u8] = b"x-amzn-mqtt-ca";

/// The options of a connection to a broker.
#[derive(Clone, Default)]
pub(crate) struct Options {
    pub(crate) url: String,
    pub(crate) ca: Option<PathBuf>,
    /// The files with the certificate of the client and its private key.
    pub(crate) certificate: Option<(PathBuf, PathBuf)>,
    pub(crate) client_id: Option<String>,
}

/// Without the URL, which may contain a password.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").finish_non_exhaustive()
    }
}

impl Options {
    /// Reads the files. The error says what is wrong.
    pub(in crate::iot_core) fn prepare(self, thing: Option<&str>) -> Result<Broker, String> {
        let address = Address::parse(&self.url)?;
        let given = self.client_id.clone().or_else(|| thing.map(str::to_owned));
        let id = given.clone();
        let id = id.unwrap_or_else(|| format!("greengrass-local-core-{}", random::token()));
        limits::check_text("the client ID", &id)?;
        let url = address.to_string();
        let mut options = MqttOptions::new(id, (address.host, address.port));
        options.set_incoming_packet_size_limit(IncomingPacketSizeLimit::Bytes(MAX_PACKET_LEN));
        if let Some((user, password)) = address.login {
            limits::check_text("the user in the URL of the broker", &user)?;
            limits::check_value_len("the password in the URL of the broker", password.len())?;
            options.set_credentials(user, password);
        }
        if address.has_tls {
            let config = self.tls(address.port == HTTPS)?;
            let config = TlsConfiguration::Rustls(Arc::new(config));
            options.set_transport(Transport::tls_with_config(config));
        } else if self.ca.is_some() || self.certificate.is_some() {
            return Err(format!(
                "{url} has no TLS, which certificates require: it begins with mqtts://"
            ));
        }
        Ok(Broker::new(url, given, options))
    }

    fn tls(&self, is_https: bool) -> Result<ClientConfig, String> {
        let mut roots = RootCertStore::empty();
        match &self.ca {
            Some(path) => {
                for it in certificates(path)? {
                    roots.add(it).map_err(|error| format!("{}: {error}", path.display()))?;
                }
            }
            None => drop(
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
            ),
        }
        if roots.is_empty() {
            let text = "the system has no certificates to check that of the broker against; `--mqtt-ca FILE` gives one";
            return Err(text.to_owned());
        }
        let provider = Arc::new(rustls_graviola::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|error| error.to_string())?.with_root_certificates(roots);
        let mut config = match &self.certificate {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates(certificate)?;
                let key_der = PrivateKeyDer::from_pem_file(key);
                let key_der = key_der.map_err(|error| unreadable(key, "private key", &error))?;
                config.with_client_auth_cert(chain, key_der).map_err(|error| {
                    format!("{} and {}: {error}", certificate.display(), key.display())
                })?
            }
        };
        if is_https {
            config.alpn_protocols = vec![PROTOCOL_OF_AWS.to_vec()];
        }
        Ok(config)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = fs::read(path).map_err(|error| unreadable(path, "certificate", &error))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(unreadable(path, "certificate", &"there is none")),
        Err(error) => Err(unreadable(path, "certificate", &error)),
    }
}

fn unreadable(path: &Path, what: &str, error: &dyn fmt::Display) -> String {
    format!("cannot read a {what} in PEM from {}: {error}", path.display())
}

#[derive(Debug, PartialEq)]
struct Address {
    host: String,
    port: u16,
    has_tls: bool,
    login: Option<(String, String)>,
}

impl Address {
    fn parse(url: &str) -> Result<Self, String> {
        Self::parts(url).ok_or_else(|| {
            // Without the login, which may contain a password.
            let shown = url.rsplit_once('@').map_or(url.to_owned(), |(_, it)| format!("…@{it}"));
            format!(
                "{shown:?} is not the URL of a broker, which has the form mqtt://HOST:PORT or, with TLS, \
                 mqtts://HOST:PORT; a % in a login is written as %25"
            )
        })
    }

    fn parts(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let has_tls = match scheme {
            "mqtt" | "tcp" => false,
            "mqtts" | "ssl" => true,
            _ => return None,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => {
                let (user, password) = login.split_once(':').unwrap_or((login, ""));
                (Some((decoded(user)?, decoded(password)?)), place)
            }
            None => (None, rest),
        };
        let end = place.rfind(']').unwrap_or_default();
        let (host, port) = match place[end..].rfind(':') {
            Some(colon) => {
                let (host, port) = place.split_at(end + colon);
                (host, port[1..].parse().ok()?)
            }
            None => (place, if has_tls { 8883 } else { 1883 }),
        };
        let host = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
        let is_host = !host.is_empty() && !host.contains('/');
        is_host.then(|| Self { host: host.to_owned(), port, has_tls, login })
    }
}

/// The URL without its login.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        let scheme = if self.has_tls { "mqtts" } else { "mqtt" };
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

/// A part of a URL with its percent-encoding removed.
fn decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_brokers_are_parsed() {
        for (url, host, port, has_tls, login) in [
            ("mqtt://localhost", "localhost", 1883, false, None),
            ("tcp://10.0.0.1:1/", "10.0.0.1", 1, false, None),
            ("mqtts://a.example", "a.example", 8883, true, None),
            ("ssl://[::1]:443", "::1", 443, true, None),
            ("mqtt://[::1]", "::1", 1883, false, None),
            ("mqtt://me@h", "h", 1883, false, Some(("me", ""))),
            ("mqtt://me:a:b%40%2F@h:2", "h", 2, false, Some(("me", "a:b@/"))),
        ] {
            let login = login.map(|(user, password)| (user.to_owned(), password.to_owned()));
            let expected = Address { host: host.to_owned(), port, has_tls, login };
            let parsed = Address::parse(url).unwrap();
            assert_eq!(parsed, expected, "{url}");
            let without_login = Address { login: None, ..expected };
            assert_eq!(Address::parse(&parsed.to_string()), Ok(without_login), "{parsed}");
        }
        for url in
            ["", "localhost", "http://h", "mqtt://", "mqtt://h:x", "mqtt://u:%zz@h", "mqtt://h/x"]
        {
            let error = Address::parse(url).unwrap_err();
            assert!(error.contains("mqtts://HOST:PORT"), "{url}: {error}");
        }
        let error = Address::parse("mqtt://me:secret@h:x").unwrap_err();
        assert!(error.contains("@h:x") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn the_client_id_and_the_login_fit_into_a_packet() {
        let long = "x".repeat(65_536);
        for (url, client_id, expected) in [
            ("mqtt://h", &*long, "the client ID has 65536 bytes"),
            ("mqtt://h", "a\n", "the client ID contains U+000A"),
            (&format!("mqtt://{long}@h"), "a", "the user in the URL"),
            (&format!("mqtt://u:{long}@h"), "a", "the password in the URL"),
        ] {
            let (url, client_id) = (url.to_owned(), Some(client_id.to_owned()));
            let options = Options { url, client_id, ..Options::default() };
            let error = options.prepare(None).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
