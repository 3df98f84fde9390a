//! The file of secrets, in the form in which `aws secretsmanager get-secret-value` prints a version of a secret.

use std::{
    collections::{BTreeMap, HashSet},
    fs::File,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use eventstream_rpc::json;
use greengrass_core_ipc::{primitives::Blob, types::SecretValue};
use serde_json::{Map, Value, json};

use crate::random;

/// The label of the version that is read by default.
pub(super) const CURRENT: &str = "AWSCURRENT";
/// The label of the version before that.
const PREVIOUS: &str = "AWSPREVIOUS";

/// The length of a hyphen and the random characters at the end of an ARN.
const SUFFIX_LEN: usize = 7;

/// A secret with its versions.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Secret {
    name: String,
    pub(super) versions: Vec<Version>,
    /// Whether the file has only the current value, so that versions are created when it changes.
    is_managed: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) labels: Vec<String>,
    pub(super) value: SecretValue,
}

/// Reads a file. Only its owner may have access to it.
pub(super) fn read(path: &Path) -> io::Result<BTreeMap<String, Secret>> {
    let mut file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let text = format!("other users have access to it (mode {mode:03o}); use chmod 600");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    parse(&text).map_err(|problem| io::Error::new(io::ErrorKind::InvalidData, problem))
}

/// Parses a list of versions, or one version. The error does not contain values.
pub(super) fn parse(text: &[u8]) -> Result<BTreeMap<String, Secret>, String> {
    let entries = match serde_json::from_slice(text) {
        Ok(Value::Array(entries)) => entries,
        Ok(entry) => vec![entry],
        Err(error) => return Err(format!("it is not JSON: {error}")),
    };
    let mut secrets = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        add(&mut secrets, entry).map_err(|it| format!("entry {}: {it}", index + 1))?;
    }
    let mut names = HashSet::new();
    match secrets.values().find(|it: &&Secret| !names.insert(&it.name)) {
        Some(Secret { name, .. }) => Err(format!("two secrets have the name {name:?}")),
        None => Ok(secrets),
    }
}

fn add(secrets: &mut BTreeMap<String, Secret>, entry: &Value) -> Result<(), String> {
    let entry = entry.as_object().ok_or("it is not an object")?;
    let arn = text(entry, "ARN")?.ok_or("ARN is missing")?;
    let name = match (text(entry, "Name")?, arn.rsplit_once(":secret:")) {
        (Some(name), _) => name.to_owned(),
        (None, Some((_, name))) => without_suffix(name).unwrap_or(name).to_owned(),
        (None, None) => return Err("ARN is not that of a secret".to_owned()),
    };
    let id = text(entry, "VersionId")?;
    let labels = match entry.get("VersionStages") {
        None => vec![CURRENT.to_owned()],
        Some(labels) => serde_json::from_value(labels.clone())
            .map_err(|_| "VersionStages is not a list of texts")?,
    };
    let (id, is_managed) = (id.unwrap_or_default().to_owned(), id.is_none());
    let version = Version { id, labels, value: value(entry)? };
    let Some(secret) = secrets.get_mut(arn) else {
        let secret = Secret { name, versions: vec![version], is_managed };
        secrets.insert(arn.to_owned(), secret);
        return Ok(());
    };
    let other = &mut secret.versions;
    if is_managed || secret.is_managed {
        return Err("each of several versions of a secret needs a VersionId".to_owned());
    }
    if other.iter().any(|it| it.id == version.id) {
        return Err("another version of the secret has this VersionId".to_owned());
    }
    let is_taken = |label: &&String| other.iter().any(|it| it.labels.contains(label));
    if let Some(label) = version.labels.iter().find(is_taken) {
        return Err(format!("another version of the secret has the label {label:?}"));
    }
    other.push(version);
    Ok(())
}

fn text<'e>(entry: &'e Map<String, Value>, member: &str) -> Result<Option<&'e str>, String> {
    match entry.get(member) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(format!("{member} is not a text")),
    }
}

fn value(entry: &Map<String, Value>) -> Result<SecretValue, String> {
    match (entry.get("SecretString"), entry.get("SecretBinary")) {
        (Some(Value::String(text)), None) => Ok(SecretValue::SecretString(text.clone())),
        (None, Some(base64 @ Value::String(_))) => {
            let bytes = serde_json::from_value(base64.clone());
            Ok(SecretValue::SecretBinary(bytes.map_err(|_| "SecretBinary is not base64")?))
        }
        (None, None) => Err("SecretString or SecretBinary is missing".to_owned()),
        _ => Err("SecretString or SecretBinary must be a text, and only one of them".to_owned()),
    }
}

/// An ARN or name without its random suffix.
fn without_suffix(text: &str) -> Option<&str> {
    let (start, suffix) = text.split_at_checked(text.len().checked_sub(SUFFIX_LEN)?)?;
    let mut random = suffix.strip_prefix('-')?.chars();
    random.all(|it| it.is_ascii_alphanumeric()).then_some(start)
}

impl Secret {
    /// Whether a request means this secret.
    pub(super) fn is_called(&self, arn: &str, id: &str) -> bool {
        id == arn || id == self.name || without_suffix(arn) == Some(id)
    }

    /// Takes over the versions of the secret before, or creates one if the value has changed. Returns the versions to
    /// store, if there is a new one.
    pub(super) fn succeed(&mut self, arn: &str, old: Option<Self>) -> Option<Vec<u8>> {
        if !self.is_managed {
            return None;
        }
        let current = &mut self.versions[0];
        let old = old.map(|it| it.versions).unwrap_or_default();
        let is_current = |it: &Version| it.labels.contains(&CURRENT.to_owned());
        let previous = old.iter().find(|it| is_current(it)).cloned();
        if previous.as_ref().is_some_and(|it| it.value == current.value) {
            self.versions = old;
            return None;
        }
        current.id = format!("{}{}", random::token(), random::token());
        let previous = previous.map(|it| Version { labels: vec![PREVIOUS.to_owned()], ..it });
        self.versions.extend(previous);
        let entries: Value = self.versions.iter().map(|it| it.entry(arn, &self.name)).collect();
        Some(entries.to_string().into())
    }
}

impl Version {
    /// The version as in the file.
    fn entry(&self, arn: &str, name: &str) -> Value {
        let mut entry =
            json!({ "ARN": arn, "Name": name, "VersionId": self.id, "VersionStages": self.labels });
        match &self.value {
            SecretValue::SecretString(text) => entry["SecretString"] = text.as_str().into(),
            SecretValue::SecretBinary(bytes) => entry["SecretBinary"] = base64(bytes),
            _ => {}
        }
        entry
    }
}

fn base64(bytes: &Blob) -> Value {
    let json = json::to_vec(bytes).unwrap_or_default();
    serde_json::from_slice(&json).unwrap_or_default()
}
