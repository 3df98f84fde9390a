//! Explains why a script could not run a program.

use std::{
    fs::{self, File},
    io::Read,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::Path,
};

/// The status of a shell that found a program but could not run it.
const NOT_EXECUTABLE: i32 = 126;
/// The status of a shell that did not find a program.
const NOT_FOUND: i32 = 127;
/// The status of a shell after an error of syntax. A shell reads a program of another processor as a script.
const SYNTAX_ERROR: i32 = 2;

/// Why a script ended with this status and what to do, if a program that it names explains it.
///
/// `folder` is the working folder of the script, `artifacts` that of the component's artifacts.
pub(crate) fn explain(
    status: i32,
    script: &str,
    folder: &Path,
    artifacts: &Path,
) -> Option<String> {
    if ![NOT_EXECUTABLE, NOT_FOUND, SYNTAX_ERROR].contains(&status) {
        return None;
    }
    let is_separator = |it: char| it.is_whitespace() || "\"'`;&|()<>=".contains(it);
    let words = script.split(is_separator).filter(|it| it.contains('/'));
    let mut programs = words.map(|it| folder.join(it));
    programs.find_map(|it| explain_program(status, &it, artifacts)).or_else(|| {
        let reason = "a program that the script names was not found: install it, or write its path";
        (status == NOT_FOUND).then(|| reason.to_owned())
    })
}

fn explain_program(status: i32, program: &Path, artifacts: &Path) -> Option<String> {
    let path = program.display();
    let artifact = program.strip_prefix(artifacts).ok();
    if !program.exists() {
        let name = artifact?.display();
        let is_missing = status == NOT_FOUND;
        return is_missing.then(|| format!("there is no artifact {name}: {}", existing(artifacts)));
    }
    let metadata = fs::metadata(program).ok().filter(fs::Metadata::is_file)?;
    let mut start = [0; 4096];
    let len = File::open(program).and_then(|mut it| it.read(&mut start)).unwrap_or_default();
    let start = &start[..len];
    if is_for_other_processor(start) {
        return Some(format!("{path} is a program for another processor: build it for this one"));
    }
    if status == NOT_EXECUTABLE && metadata.permissions().mode() & 0o111 == 0 {
        return Some(match artifact {
            Some(_) => format!(
                "{path} is not executable: give its artifact `Permission` with `Execute: OWNER` in the recipe"
            ),
            None => format!("{path} is not executable: make it executable, for example with chmod"),
        });
    }
    if status != NOT_FOUND {
        return None;
    }
    if start.starts_with(b"\x7fELF") {
        let loader = loader(start).filter(|it| !Path::new(it).exists())?;
        return Some(format!(
            "{path} needs {loader}, which is not installed: build it for this system, or statically"
        ));
    }
    explain_interpreter(program, start)
}

/// Explains the first line of a script.
fn explain_interpreter(program: &Path, start: &[u8]) -> Option<String> {
    let path = program.display();
    let line = start.strip_prefix(b"#!")?.split(|it| *it == b'\n').next()?;
    if line.ends_with(b"\r") {
        return Some(format!("the lines of {path} end with CR LF: write it with LF alone"));
    }
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_ascii_whitespace();
    let interpreter = words.next()?;
    let name = match Path::new(interpreter).file_name()?.as_bytes() {
        _ if !Path::new(interpreter).exists() => interpreter,
        b"env" => words.find(|it| !it.starts_with('-') && !it.contains('='))?,
        _ => return None,
    };
    if name == interpreter || !is_on_path(name) {
        return Some(format!("{path} begins with `#!{line}`, but there is no {name}: install it"));
    }
    None
}

/// The loader that an ELF program names near its start.
fn loader(start: &[u8]) -> Option<String> {
    let at = start.windows(4).position(|it| it == b"/lib")?;
    let path = start[at..].split(|it| *it == 0).next()?;
    Some(String::from_utf8_lossy(path).into_owned())
}

/// Whether a program is in a folder of `PATH`.
pub(crate) fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|it| it.join(program).is_file())
}

/// Whether a file is an ELF program with another class, byte order or machine than this program has.
fn is_for_other_processor(start: &[u8]) -> bool {
    let identity = |it: &[u8]| Some((it.get(..6)?.to_owned(), it.get(18..20)?.to_owned()));
    let mut own = [0; 20];
    let own = std::env::current_exe().and_then(File::open).and_then(|mut it| {
        it.read_exact(&mut own)?;
        Ok(own)
    });
    match (own, identity(start)) {
        (Ok(own), Some(other)) if start.starts_with(b"\x7fELF") && own.starts_with(b"\x7fELF") => {
            identity(&own).is_some_and(|own| own != other)
        }
        _ => false,
    }
}

/// The names of the artifacts that exist.
fn existing(artifacts: &Path) -> String {
    let entries = fs::read_dir(artifacts).into_iter().flatten().flatten();
    let mut names: Vec<_> =
        entries.map(|it| it.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    match names.len() {
        0 => "the component has none; name it under `Artifacts` in the recipe".to_owned(),
        _ => format!("the artifacts are {}", names.join(", ")),
    }
}
