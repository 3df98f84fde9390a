//! The environment variables that a nucleus sets for the scripts of a component.

use std::path::Path;

use eventstream_rpc::greengrass::{AUTH_TOKEN_VARIABLE, SOCKET_PATH_VARIABLE};

/// The version of the Java nucleus whose behaviour the core has.
const NUCLEUS_VERSION: &str = "2.18.0";
const DEFAULT_THING_NAME: &str = "local-core";
const DEFAULT_REGION: &str = "us-east-1";

/// The name of the thing: `AWS_IOT_THING_NAME` of this process, or `local-core`.
pub(crate) fn thing_name() -> String {
    inherited(&["AWS_IOT_THING_NAME"]).unwrap_or_else(|| DEFAULT_THING_NAME.to_owned())
}

/// The variables for a component, besides those that it inherits and those of its recipe.
pub(crate) fn variables(
    socket: &Path,
    token: &str,
    root: &Path,
    thing_name: &str,
) -> Vec<(String, String)> {
    let socket = socket.display().to_string();
    let region = inherited(&["AWS_REGION", "AWS_DEFAULT_REGION"]);
    let region = region.unwrap_or_else(|| DEFAULT_REGION.to_owned());
    let variables = [
        (AUTH_TOKEN_VARIABLE, token.to_owned()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", token.to_owned()),
        (SOCKET_PATH_VARIABLE, socket.clone()),
        ("AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH", socket),
        ("AWS_IOT_THING_NAME", thing_name.to_owned()),
        ("AWS_REGION", region.clone()),
        ("AWS_DEFAULT_REGION", region),
        ("AWS_USE_FIPS_ENDPOINT", "false".to_owned()),
        ("AWS_GG_FIPS_MODE", "false".to_owned()),
        ("GGC_VERSION", NUCLEUS_VERSION.to_owned()),
        ("GG_ROOT_CA_PATH", root_certificates(root)),
    ];
    variables.map(|(name, value)| (name.to_owned(), value)).into()
}

/// The certificates that this system trusts, or the path that they have on a device.
fn root_certificates(root: &Path) -> String {
    const SYSTEM: [&str; 3] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/cert.pem",
    ];
    let system = SYSTEM.iter().find(|it| Path::new(it).is_file()).map(|it| (*it).to_owned());
    inherited(&["GG_ROOT_CA_PATH"])
        .or(system)
        .unwrap_or_else(|| root.join("rootCA.pem").display().to_string())
}

/// The value of the first of these variables of this process that is not empty.
fn inherited(names: &[&str]) -> Option<String> {
    let mut values = names.iter().filter_map(|it| std::env::var(it).ok());
    values.find(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn a_component_gets_the_variables_of_a_nucleus() {
        let variables =
            super::variables(Path::new("/s/ipc.socket"), "TOKEN", Path::new("/r"), "thing");
        let value = |name: &str| variables.iter().find(|it| it.0 == name).map(|it| &*it.1);
        for name in ["SVCUID", "AWS_CONTAINER_AUTHORIZATION_TOKEN"] {
            assert_eq!(value(name), Some("TOKEN"));
        }
        for suffix in ["", "_FOR_COMPONENT"] {
            let name = format!("AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH{suffix}");
            assert_eq!(value(&name), Some("/s/ipc.socket"));
        }
        for name in ["AWS_IOT_THING_NAME", "AWS_REGION", "GGC_VERSION", "GG_ROOT_CA_PATH"] {
            assert!(value(name).is_some_and(|it| !it.is_empty()), "{name}");
        }
        assert_eq!(value("AWS_REGION"), value("AWS_DEFAULT_REGION"));
        for name in ["AWS_USE_FIPS_ENDPOINT", "AWS_GG_FIPS_MODE"] {
            assert_eq!(value(name), Some("false"));
        }
        assert_eq!(variables.len(), 11, "{variables:?}");
    }
}
