//! Tests of the state and its folder.

use std::{fs, io::ErrorKind, os::unix::fs::PermissionsExt, path::Path};

use test_util::in_time;

use super::{Change, State, Table};

fn change(table: Table, key: &str, value: Option<&str>) -> Change {
    Change { table, key: key.to_owned(), value: value.map(|it| it.as_bytes().to_vec()) }
}

fn entries(state: &State, table: Table) -> Vec<(String, String)> {
    let loaded = state.load(table).into_iter();
    loaded.map(|(key, value)| (key, String::from_utf8(value).unwrap())).collect()
}

#[track_caller]
fn check_refused(folder: &Path, kind: ErrorKind, text: &str) {
    let error = State::open(folder).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    let start = format!("cannot use {} as the state folder: ", folder.display());
    assert!(error.to_string().starts_with(&start) && error.to_string().contains(text), "{error}");
}

#[tokio::test]
async fn what_was_committed_is_there_after_the_core() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b");
    let state = State::open(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    let database = fs::metadata(path.join("state.redb")).unwrap();
    assert_eq!(database.permissions().mode() & 0o777, 0o600);
    let first = state.commit(vec![
        change(Table::Shadows, "b", Some("1")),
        change(Table::Shadows, "a", Some("2")),
        change(Table::Configuration, "a", Some("3")),
    ]);
    // The order is that of the calls, and dropping a future revokes nothing.
    drop(state.commit(vec![change(Table::Shadows, "b", Some("4"))]));
    let last = state.commit(vec![change(Table::Configuration, "a", None)]);
    in_time("the last commit", last).await.unwrap();
    in_time("the first commit", first).await.unwrap();
    state.close();
    let late = state.commit(vec![change(Table::Shadows, "c", Some("5"))]).await;
    assert_eq!(late.unwrap_err().message.as_deref(), Some("the core has stopped"));

    let state = State::open(&path).unwrap();
    let expected = [("a".to_owned(), "2".to_owned()), ("b".to_owned(), "4".to_owned())];
    assert_eq!(entries(&state, Table::Shadows), expected);
    assert_eq!(entries(&state, Table::Configuration), []);
    assert_eq!(entries(&state, Table::Shadows), [], "it is taken once");
}

#[test]
fn a_folder_has_one_core() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(folder.path()).unwrap();
    check_refused(folder.path(), ErrorKind::ResourceBusy, "another core has locked");
    drop(state);
    State::open(folder.path()).unwrap();
}

#[test]
fn other_folders_are_refused_and_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, content: &[u8], kind, text| {
        let file = folder.path().join(name);
        let before = fs::read(&file).unwrap();
        fs::write(&file, content).unwrap();
        check_refused(folder.path(), kind, text);
        assert_eq!(fs::read(&file).unwrap(), content);
        fs::write(&file, before).unwrap();
        State::open(folder.path()).unwrap();
    };
    drop(State::open(folder.path()).unwrap());
    check("state.version", b"2\n", ErrorKind::Unsupported, "a newer version of this program");
    check("state.version", b"one\n", ErrorKind::InvalidData, "does not contain a version");
    let database = fs::read(folder.path().join("state.redb")).unwrap();
    let mut header = database.clone();
    header[9..320].fill(0xa5);
    for content in [b"".as_slice(), b"text", &database[..1000], &header] {
        check("state.redb", content, ErrorKind::InvalidData, "its database is damaged");
    }
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    check_refused(&file, ErrorKind::AlreadyExists, "File exists");
}
