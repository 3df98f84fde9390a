//! The file of client devices.

use std::{collections::BTreeMap, fs, path::Path};

use greengrass_core_ipc::types::CertificateUpdate;
use serde::Deserialize;

use super::{permission::Statement, rule::Rule};

/// The start of a text that is PEM, and not the path of a file.
const PEM: &str = "-----BEGIN ";

/// The content of the file, with that of the files that it names.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Registry {
    devices: Vec<Device>,
    groups: Vec<Group>,
    pub(super) server: Option<CertificateUpdate>,
}

#[derive(Clone, Debug, PartialEq)]
struct Device {
    thing: String,
    /// The certificate in DER.
    certificate: Vec<u8>,
    is_active: bool,
}

/// Devices and what they may do.
#[derive(Clone, Debug, PartialEq)]
struct Group {
    rule: Rule,
    statements: Vec<Statement>,
}

impl Registry {
    /// Reads a file. The error contains the path.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let explained = |it| format!("cannot use the client devices in {}: {it}", path.display());
        let text = fs::read_to_string(path).map_err(|it| explained(it.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder).map_err(explained)
    }

    /// Parses the content of a file. The paths in it are relative to a folder.
    pub(super) fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        // Else a list would be read as the members of an object, in order.
        if !text.trim_start().starts_with('{') {
            return Err("it is not a JSON object".to_owned());
        }
        let content: Content = serde_json::from_str(text).map_err(|it| it.to_string())?;
        let devices = content.devices.into_iter().map(|it| it.read(folder));
        let devices = devices.collect::<Result<_, _>>()?;
        let DeviceGroups { definitions, policies, .. } = content.device_groups;
        let mut groups = Vec::new();
        for (name, Definition { selection_rule, policy_name }) in definitions {
            let rule =
                Rule::parse(&selection_rule).map_err(|it| format!("group {name:?}: {it}"))?;
            let policy = policies.get(&policy_name);
            let policy =
                policy.ok_or_else(|| format!("group {name:?}: no policy {policy_name:?}"))?;
            groups.push(Group { rule, statements: policy.values().cloned().collect() });
        }
        let server = content.server_certificate.map(|it| it.read(folder)).transpose()?;
        Ok(Self { devices, groups, server })
    }

    /// Whether a certificate is that of an active device.
    pub(super) fn has(&self, certificate: &[u8]) -> bool {
        self.devices.iter().any(|it| it.is_active && it.certificate == certificate)
    }

    /// Whether an active certificate is attached to a thing.
    pub(super) fn is_attached(&self, certificate: &[u8], thing: &str) -> bool {
        let mut devices = self.devices.iter().filter(|it| it.is_active && it.thing == thing);
        devices.any(|it| it.certificate == certificate)
    }

    /// Whether the policies of a thing's groups allow an operation.
    pub(super) fn allows(&self, thing: &str, operation: &str, resource: &str) -> bool {
        let mut groups = self.groups.iter().filter(|it| it.rule.selects(thing));
        groups.any(|it| it.statements.iter().any(|it| it.allows(thing, operation, resource)))
    }
}

/// The bytes of a certificate in PEM, with or without header and footer.
pub(super) fn decoded(pem: &str) -> Option<Vec<u8>> {
    let lines = pem.lines().filter(|it| !it.starts_with("-----"));
    let text: String = lines.flat_map(str::split_whitespace).collect();
    let bytes = base64_simd::STANDARD.decode_to_vec(text).ok()?;
    // A sequence in DER.
    (bytes.first() == Some(&0x30)).then_some(bytes)
}

/// The JSON of the file. Its groups have the form of the client device auth component's configuration.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Content {
    #[serde(default)]
    devices: Vec<Entry>,
    #[serde(default)]
    device_groups: DeviceGroups,
    server_certificate: Option<ServerCertificate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    thing_name: String,
    certificate: String,
    #[serde(default = "active")]
    active: bool,
}

fn active() -> bool {
    true
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeviceGroups {
    #[serde(rename = "formatVersion")]
    _format_version: Option<String>,
    #[serde(default)]
    definitions: BTreeMap<String, Definition>,
    #[serde(default)]
    policies: BTreeMap<String, BTreeMap<String, Statement>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Definition {
    selection_rule: String,
    policy_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ServerCertificate {
    certificate: String,
    private_key: String,
    public_key: String,
    ca_certificates: Vec<String>,
}

impl Entry {
    fn read(self, folder: &Path) -> Result<Device, String> {
        let Self { thing_name: thing, certificate, active: is_active } = self;
        let name = || format!("the certificate of {thing}");
        let pem =
            pem(&certificate, folder, "certificate").map_err(|it| format!("{}: {it}", name()))?;
        let certificate = decoded(&pem).ok_or_else(|| format!("{} is not PEM", name()))?;
        Ok(Device { thing, certificate, is_active })
    }
}

impl ServerCertificate {
    fn read(self, folder: &Path) -> Result<CertificateUpdate, String> {
        let read =
            |it: &str, what| pem(it, folder, what).map_err(|it| format!("serverCertificate: {it}"));
        let authorities = self.ca_certificates.iter().map(|it| read(it, "certificate"));
        let authorities = authorities.collect::<Result<Vec<_>, _>>()?;
        let update = CertificateUpdate::builder()
            .certificate(read(&self.certificate, "certificate")?)
            .private_key(read(&self.private_key, "private key")?)
            .public_key(read(&self.public_key, "public key")?);
        Ok(update.ca_certificates(authorities).build())
    }
}

/// The PEM of something, as it is in the file or in another one. The error does not contain the text, which may be a key.
fn pem(text: &str, folder: &Path, what: &str) -> Result<String, String> {
    let (name, content) = if text.starts_with(PEM) {
        ("the text".to_owned(), text.to_owned())
    } else {
        let path = folder.join(text);
        let content = fs::read_to_string(&path);
        (
            path.display().to_string(),
            content.map_err(|error| format!("cannot read {}: {error}", path.display()))?,
        )
    };
    // Such as `-----BEGIN EC PRIVATE KEY-----`.
    let end = format!("{}-----", what.to_uppercase());
    let is_head = |it: &str| it.starts_with(PEM) && it.trim_end().ends_with(&end);
    if content.trim_start().starts_with(PEM) && content.lines().any(is_head) {
        Ok(content)
    } else {
        Err(format!("{name} is not a {what} in PEM"))
    }
}
