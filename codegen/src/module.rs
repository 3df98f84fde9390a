//! Nesting of the sources of a crate in one module, which a build script writes to one file.

use std::collections::HashMap;

use crate::GeneratedFile;

/// Nests the files of a crate in one module. The file is named after the path of the module, and does not compile
/// without these `features` of the runtime.
pub(crate) fn nest(
    files: &[GeneratedFile],
    module: &str,
    features: &[&str],
    first_line: String,
) -> GeneratedFile {
    let name = module.rsplit("::").next().unwrap_or(module);
    let mut contents = first_line;
    for feature in features {
        contents.push_str(&format!("eventstream_rpc::__with_{feature}! {{\n"));
    }
    contents.push_str(&format!("{ALLOW}pub mod {name} {{\n"));
    let texts = files.iter().map(|file| (&*file.path, &*file.contents)).collect();
    Nesting { texts, module }.push(&mut contents, "lib.rs", "", 1);
    contents.push_str("}\n");
    contents.push_str(&"}\n".repeat(features.len()));
    let path = module.trim_start_matches("crate::").replace("r#", "").replace("::", "/");
    GeneratedFile { path: format!("{path}.rs"), contents }
}

/// Lints that a crate may enable and that generated code does not follow.
const ALLOW: &str = "\
#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::all,
    clippy::nursery,
    clippy::pedantic,
    reason = \"generated code may be unused in this crate\"
)]
";

struct Nesting<'f> {
    texts: HashMap<&'f str, &'f str>,
    module: &'f str,
}

impl Nesting<'_> {
    /// Writes a file and the modules that it declares, which are in `folder`. No line of the formatted text is inside
    /// a literal.
    fn push(&self, out: &mut String, path: &str, folder: &str, depth: usize) {
        let indent = "    ".repeat(depth);
        for line in self.texts.get(path).copied().unwrap_or_default().lines() {
            let declared = line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod "));
            if let Some(name) = declared.and_then(|it| it.strip_suffix(';')) {
                let inside = format!("{folder}{}", name.trim_start_matches("r#"));
                out.push_str(&format!("{indent}{} {{\n", line.trim_end_matches(';')));
                self.push(out, &format!("{inside}.rs"), &format!("{inside}/"), depth + 1);
                out.push_str(&format!("{indent}}}\n"));
                continue;
            }
            if !line.is_empty() {
                out.push_str(&indent);
            }
            match line.trim_start() {
                doc if doc.starts_with("///") || doc.starts_with("//!") => {
                    out.push_str(&self.documentation(line));
                }
                // `use` declarations are the only items with paths.
                _ => match line.split_once("use crate::") {
                    Some((start @ ("" | "pub "), path)) => {
                        out.push_str(&format!("{start}use {}::{path}", self.module));
                    }
                    _ => out.push_str(line),
                },
            }
            out.push('\n');
        }
    }

    /// Prefixes the links in a line of documentation with the path of the module. Examples are not compiled, because
    /// the module may be private.
    fn documentation(&self, line: &str) -> String {
        let line = line.replace("(crate::", &format!("({}::", self.module));
        let line = line.replace("]: crate::", &format!("]: {}::", self.module));
        line.replace(" ```no_run", " ```ignore")
    }
}

/// Whether a text is the path of a module, such as `crate::echo`.
pub(crate) fn is_path(path: &str) -> bool {
    let mut segments = path.split("::");
    let is_name = |it: &str| syn::parse_str::<syn::Ident>(it).is_ok();
    segments.next() == Some("crate") && path.contains("::") && segments.all(is_name)
}
