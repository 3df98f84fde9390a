use serde_json::json;

use super::*;
use std::{fs, io::Write, os::unix::fs::PermissionsExt, process::Command, thread};

const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf";

fn file(entries: &serde_json::Value) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, entries.to_string()).unwrap();
    file
}

fn load(file: &tempfile::NamedTempFile, state: &State) -> io::Result<Secrets> {
    Secrets::load(Some(file.path().to_owned()), state)
}

/// What is wrong with a file.
#[track_caller]
fn problem(entries: &serde_json::Value) -> String {
    let error = load(&file(entries), &State::default()).unwrap_err().to_string();
    error.split_once(": ").unwrap().1.to_owned()
}

#[test]
fn faults_of_a_file_are_described_without_its_values() {
    let version = |id: &str, labels: serde_json::Value| json!({ "ARN": ARN, "VersionId": id, "VersionStages": labels, "SecretString": "hidden" });
    for (entries, expected) in [
        (json!("hidden"), "entry 1: it is not an object"),
        (json!([{ "SecretString": "hidden" }]), "entry 1: ARN is missing"),
        (
            json!([{ "ARN": "db", "SecretString": "hidden" }]),
            "entry 1: ARN is not that of a secret",
        ),
        (json!([{ "ARN": ARN }]), "entry 1: SecretString or SecretBinary is missing"),
        (json!([{ "ARN": ARN, "SecretBinary": "hidden!" }]), "entry 1: SecretBinary is not base64"),
        (
            json!([{ "ARN": ARN, "SecretString": "hidden" }, { "ARN": ARN, "SecretString": "hidden" }]),
            "entry 2: each of several versions of a secret needs a VersionId",
        ),
        (
            json!([version("1", json!(["a"])), version("1", json!(["b"]))]),
            "entry 2: another version of the secret has this VersionId",
        ),
        (
            json!([version("1", json!(["a", "b"])), version("2", json!(["b"]))]),
            "entry 2: another version of the secret has the label \"b\"",
        ),
        (json!([version("1", json!([1]))]), "entry 1: VersionStages is not a list of texts"),
        (
            json!([version("1", json!("AWSCURRENT"))]),
            "entry 1: VersionStages is not a list of texts",
        ),
        (
            json!([
                { "ARN": ARN, "SecretString": "hidden" },
                { "ARN": format!("{ARN}2"), "Name": "db", "SecretString": "hidden" },
            ]),
            "two secrets have the name \"db\"",
        ),
    ] {
        assert_eq!(problem(&entries), expected);
    }
}

#[test]
fn a_file_to_which_others_have_access_is_refused() {
    let file = file(&json!([]));
    for mode in [0o640, 0o604, 0o620] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let error = load(&file, &State::default()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
}

#[test]
fn a_secret_is_found_by_its_arn_with_and_without_suffix_and_by_its_name() {
    let file = file(&json!({ "ARN": ARN, "Name": "database", "SecretString": "s" }));
    let secrets = load(&file, &State::default()).unwrap();
    for id in [ARN, &ARN[..ARN.len() - 7], "database"] {
        assert_eq!(secrets.arn(id).as_deref(), Some(ARN), "{id}");
    }
    for id in ["db", "db-AbCdEf", "", "datab"] {
        assert_eq!(secrets.arn(id), None, "{id}");
    }
}

#[test]
fn the_file_is_read_by_one_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secrets");
    assert!(Command::new("mkfifo").args(["-m", "600"]).arg(&path).status().unwrap().success());
    let secrets = Secrets { path: Some(path.clone()), ..Secrets::default() };
    thread::scope(|scope| {
        scope.spawn(|| secrets.read().unwrap());
        // Waits until the file is opened.
        let mut pipe = fs::OpenOptions::new().write(true).open(&path).unwrap();
        assert!(secrets.unsaved.try_lock().is_err(), "another one could read a newer file first");
        pipe.write_all(json!({ "ARN": ARN, "SecretString": "s" }).to_string().as_bytes()).unwrap();
    });
    assert_eq!(secrets.arn("db").as_deref(), Some(ARN));
}

#[tokio::test]
async fn a_changed_value_is_a_new_version_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let entry = |value: &str| json!({ "ARN": ARN, "SecretString": value });
    let file = file(&entry("one"));
    let labelled = |secrets: &Secrets, label: &str| {
        secrets.version(ARN, |it| it.labels.iter().any(|it| it == label))
    };
    let mut ids = Vec::new();
    for value in ["one", "one", "two", "two", "three"] {
        fs::write(&file, entry(value).to_string()).unwrap();
        let state = State::open(folder.path()).unwrap();
        let (path, opened) = (file.path().to_owned(), Arc::new(state));
        let state = Arc::clone(&opened);
        let secrets = blocking::run(move |_| Secrets::load(Some(path), &state)).await.unwrap();
        opened.commit(secrets.unsaved.lock().await.clone()).await.unwrap();
        let current = labelled(&secrets, CURRENT).unwrap();
        let previous = labelled(&secrets, "AWSPREVIOUS");
        ids.push((current.id, previous.map(|it| it.id)));
    }
    assert_eq!(ids[0].1, None);
    assert_eq!(ids[0], ids[1]);
    assert_eq!(ids[2].1.as_ref(), Some(&ids[0].0));
    assert_eq!(ids[2], ids[3]);
    assert_eq!(ids[4].1.as_ref(), Some(&ids[2].0));
    assert!(ids.iter().all(|(id, _)| id.len() == 32), "{ids:?}");
}
