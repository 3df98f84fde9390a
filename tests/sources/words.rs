//! The word list: what may not occur in any text of the repository, and what to write instead.

use std::{collections::HashMap, fs, path::Path, sync::LazyLock};

use crate::files;

/// Phrases of the list, each with what to write instead.
static LIST: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let entries = include_str!("words.txt").lines().filter(|line| !line.starts_with('#'));
    entries.map(|line| line.split_once(": ").expect("an entry is `phrase: replacement`")).collect()
});

/// Folders and files with texts, from the root of the repository.
const ROOTS: [&str; 9] = [
    ".ci",
    ".github",
    "Cargo.toml",
    "README.md",
    "codegen",
    "generated",
    "model",
    "runtime",
    "tests",
];

/// Files and folders: the list itself, its test, recordings, and the text of others.
const EXCEPTIONS: [&str; 4] =
    ["sources/words.txt", "sources/words.rs", "local-core/tests/data/scenarios", "LICENSE-APACHE"];

/// The phrases of the list in a text, each with its line.
fn check(text: &str) -> Vec<(usize, &'static str)> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let words: Vec<_> = words(line).collect();
        // Phrases have one to three words.
        let phrases =
            (1..=3).flat_map(|length| words.windows(length).map(|phrase| phrase.join(" ")));
        let found = phrases.filter_map(|phrase| LIST.get_key_value(&*phrase));
        findings.extend(found.map(|(phrase, _)| (index + 1, *phrase)));
    }
    findings
}

/// The words of a line in lower case.
fn words(line: &str) -> impl Iterator<Item = String> {
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '\'';
    line.split(move |character| !is_part(character))
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
}

#[test]
fn whole_words_are_found() {
    let found = check("Nobody knows.\nNobodyElse\nIt goes on\nit is gone.\n");
    let expected = [(1, "nobody"), (3, "goes on"), (4, "is gone")];
    assert_eq!(found, expected);
}

#[test]
fn no_text_holds_a_word_of_the_list() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files: Vec<_> = ROOTS.iter().flat_map(|path| files(&root.join(path))).collect();
    let is_exception = |path: &Path| EXCEPTIONS.iter().any(|exception| path.ends_with(exception));
    files.retain(|file| !file.ancestors().any(is_exception));
    assert!(files.len() > 500, "only {} files were read", files.len());
    let mut findings = Vec::new();
    for file in files {
        // What is not UTF-8 is recorded bytes.
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let name = file.strip_prefix(&root).unwrap().display().to_string();
        findings.extend(
            check(&text)
                .into_iter()
                .map(|(line, phrase)| format!("{name}:{line}: \"{phrase}\": {}", LIST[phrase])),
        );
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}
