//! The command line.

use std::{ffi::OsString, fmt, path::PathBuf};

use anyhow::Result;
use codegen::Words;

const USAGE: &str = "\
usage: cargo run -p codegen [-- ARGUMENTS]

  (no arguments)           generate the bindings of this workspace: model/ to generated/src, and
                           tests/echo/model/ to tests/echo/src
  --model PATH --out DIR   generate from a model of your own
  show [NAME]              print an operation or a shape, and what it is in Rust; without NAME, list all
  diff OLD NEW             compare two models, and say what breaks clients and what breaks servers
  --help, --version        print this text, or the version
";

const NOTES: &str = "
NAME is a shape ID, such as aws.greengrass#QOS, or its end, or what it is called in Rust. OLD and NEW are
files or folders, as for --model.

Exit status: 0; 1 if a model is refused, --check finds something stale, show does not know NAME, or diff
finds something that breaks; 2 for wrong usage.";

/// An option: what is understood, and what the help says.
struct Opt {
    /// The name, and what the value is called if it has one.
    usage: &'static str,
    is_repeated: bool,
    help: &'static str,
}

impl Opt {
    const fn new(usage: &'static str, help: &'static str) -> Self {
        Self { usage, is_repeated: false, help }
    }

    const fn repeated(usage: &'static str, help: &'static str) -> Self {
        Self { usage, is_repeated: true, help }
    }

    fn name(&self) -> &'static str {
        self.usage.split(' ').next().unwrap_or_default()
    }

    fn value(&self) -> Option<&'static str> {
        self.usage.split(' ').nth(1)
    }
}

/// The options, by what they are for.
const OPTIONS: [(&str, &[Opt]); 3] = [
    ("", &[Opt::new("--help", ""), Opt::new("--version", "")]),
    (
        "To generate",
        &[
            Opt::new(
                "--check",
                "write nothing; exit with status 1 if a generated file is not up to date",
            ),
            Opt::repeated(
                "--model PATH",
                "a file in Smithy JSON AST, a folder whose *.json are one model, or - for standard\ninput",
            ),
            Opt::new(
                "--out DIR",
                "where the sources go. Files that were not generated are never overwritten or deleted:\n\
                 a folder that holds one is refused",
            ),
            Opt::new(
                "--crate NAME",
                "DIR is a crate: the sources go to DIR/src, and DIR/Cargo.toml is written as well.\n\
                 What else DIR holds is yours and stays. Without --crate, DIR has the sources alone",
            ),
            Opt::new(
                "--runtime PLACE",
                "where that crate finds eventstream-rpc: a version, such as 0.1, or a folder. Without\n\
                 it, the folder runtime/ of this workspace",
            ),
            Opt::repeated(
                "--skip OPERATION",
                "leave an operation out, such as one with a streaming blob",
            ),
            Opt::new(
                "--sides LIST",
                "what is generated, of client, blocking, server (as in --sides client); all by default",
            ),
            Opt::new(
                "--connector greengrass",
                "Client::connect finds its socket and token as a Greengrass component does",
            ),
        ],
    ),
    (
        "Also to show, for another model than model/ with --model, and to compare",
        &[
            Opt::new(
                "--service ID",
                "the service, such as aws.greengrass#GreengrassCoreIPC, if a model has several",
            ),
            Opt::repeated(
                "--word WORD",
                "a word that stays in one piece in names of fields and methods, spelled as in the\n\
                 model: with GitHub, GitHubToken is github_token. Besides IoT, IPv4, IPv6, SigV4, KiB,\n\
                 MiB, GiB and TiB",
            ),
        ],
    ),
];

/// How the program is used.
pub(crate) fn help() -> String {
    const MARGIN: &str = "\n                    ";
    let mut text = USAGE.to_owned();
    for (title, options) in OPTIONS.iter().filter(|it| !it.0.is_empty()) {
        text.push_str(&format!("\n{title}:\n"));
        for it in *options {
            let wide = if it.usage.len() > 16 { MARGIN } else { "" };
            let help = it.help.replace('\n', MARGIN);
            let repeated = if it.is_repeated { "; may be repeated" } else { "" };
            text.push_str(&match wide {
                "" => format!("  {:16}  {help}{repeated}\n", it.usage),
                _ => format!("  {}{wide}{help}{repeated}\n", it.usage),
            });
        }
    }
    text + NOTES
}

/// The arguments after the program's name. What is understood is taken out.
#[derive(Debug, Default)]
pub(crate) struct Args {
    words: Vec<OsString>,
    options: Vec<(&'static str, OsString)>,
}

impl Args {
    pub(crate) fn parse(args: impl Iterator<Item = OsString>) -> Result<Self> {
        let mut parsed = Self::default();
        let mut args = args.peekable();
        while let Some(arg) = args.next() {
            let text = arg.to_string_lossy().into_owned();
            let (name, inline) = match text.split_once('=') {
                Some((name, value)) => (name, Some(OsString::from(value))),
                None => (if text == "-h" { "--help" } else { &*text }, None),
            };
            let option = OPTIONS.iter().flat_map(|it| it.1).find(|it| it.name() == name);
            let Some(option) = option.filter(|it| it.value().is_some() || inline.is_none()) else {
                if text.starts_with('-') && text != "-" {
                    return unknown(&arg);
                }
                parsed.words.push(arg);
                continue;
            };
            let name = option.name();
            if !option.is_repeated && parsed.has(name) {
                return usage(format!("{name} is given twice"));
            }
            let is_value = |it: &OsString| !it.to_string_lossy().starts_with("--");
            let value = match option.value() {
                None => OsString::new(),
                Some(_) => match inline.or_else(|| args.next_if(is_value)) {
                    None => return usage(format!("{name} needs a value")),
                    Some(path)
                        if path.is_empty() && matches!(name, "--model" | "--out" | "--runtime") =>
                    {
                        return usage(format!("{name} is empty: name a file or a folder"));
                    }
                    Some(value) => value,
                },
            };
            parsed.options.push((name, value));
        }
        let models = parsed.options.iter().filter(|it| it.0 == "--model").map(|it| &it.1);
        match models.chain(&parsed.words).filter(|it| *it == "-").count() {
            0 | 1 => Ok(parsed),
            _ => usage("standard input (-) can be read once"),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.options.iter().any(|it| it.0 == name)
    }

    /// The options that are left and have values, in order.
    pub(crate) fn options(&self) -> &[(&'static str, OsString)] {
        &self.options
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<OsString> {
        let index = self.options.iter().position(|it| it.0 == name)?;
        Some(self.options.remove(index).1)
    }

    pub(crate) fn take_text(&mut self, name: &str) -> Option<String> {
        self.take(name).map(|it| it.to_string_lossy().into_owned())
    }

    pub(crate) fn take_models(&mut self) -> Vec<PathBuf> {
        std::iter::from_fn(|| self.take("--model")).map(PathBuf::from).collect()
    }

    pub(crate) fn take_words(&mut self) -> Result<Words> {
        let words: Vec<_> = std::iter::from_fn(|| self.take_text("--word")).collect();
        Words::with(words).or_else(|error| usage(format!("--word: {error}")))
    }

    /// The next argument that is no option.
    pub(crate) fn next_word(&mut self) -> Option<OsString> {
        (!self.words.is_empty()).then(|| self.words.remove(0))
    }

    /// Checks that everything has been taken out.
    pub(crate) fn finish(mut self) -> Result<()> {
        match (self.next_word(), self.options.first()) {
            (Some(word), _) => unknown(&word),
            (None, Some((name, _))) => usage(format!("{name} has no meaning here")),
            (None, None) => Ok(()),
        }
    }
}

/// Why the command line was not understood.
#[derive(Debug)]
pub(crate) struct UsageError(String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

pub(crate) fn usage<T>(message: impl Into<String>) -> Result<T> {
    Err(UsageError(message.into()).into())
}

pub(crate) fn unknown<T>(word: &OsString) -> Result<T> {
    usage(format!("unknown argument {:?}", word.to_string_lossy()))
}
