//! The sources of a crate as one module of another, in one file: what a build script includes.

use std::collections::HashMap;

use proc_macro2::{Group, Literal, TokenStream, TokenTree};

use crate::{GeneratedFile, emit::LINE_BREAK};

/// Leads the paths that begin with `crate::` to a module instead, in code and in the links of the
/// documentation; examples are not compiled, because the module may be private.
pub(crate) fn reroot(tokens: TokenStream, module: &str) -> TokenStream {
    let path: TokenStream = module.parse().expect("the path of a module, which has been checked");
    let mut rerooted = TokenStream::new();
    let mut tokens = tokens.into_iter().peekable();
    let mut is_doc = false;
    while let Some(token) = tokens.next() {
        let is_next_colon =
            matches!(tokens.peek(), Some(TokenTree::Punct(it)) if it.as_char() == ':');
        match token {
            TokenTree::Group(group) => {
                let mut inside = Group::new(group.delimiter(), reroot(group.stream(), module));
                inside.set_span(group.span());
                rerooted.extend([TokenTree::Group(inside)]);
            }
            TokenTree::Ident(ident) if ident == "crate" && is_next_colon => {
                rerooted.extend(path.clone());
            }
            TokenTree::Literal(literal) if is_doc => {
                rerooted.extend([TokenTree::Literal(documentation(&literal, module))]);
            }
            token => {
                // `doc = "…"`
                is_doc = match &token {
                    TokenTree::Ident(ident) => ident == "doc",
                    TokenTree::Punct(punct) => is_doc && punct.as_char() == '=',
                    _ => false,
                };
                rerooted.extend([token]);
            }
        }
    }
    rerooted
}

/// A documentation, with its links to `crate::`.
fn documentation(literal: &Literal, module: &str) -> Literal {
    let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) else {
        return literal.clone();
    };
    let text = text.value();
    let lines = text.split(LINE_BREAK).map(|line| match line {
        " ```no_run" => " ```ignore".to_owned(),
        line => ["(", "]: "].into_iter().fold(line.to_owned(), |line, before| {
            line.replace(&format!("{before}crate::"), &format!("{before}{module}::"))
        }),
    });
    Literal::string(&lines.collect::<Vec<_>>().join(&LINE_BREAK.to_string()))
}

/// Puts the files of a crate, without their first lines, into one module of one file, which is called after
/// the path of the module. `features` are those of the runtime without which it does not compile.
pub(crate) fn nest(files: &[GeneratedFile], module: &str, features: &[&str]) -> GeneratedFile {
    let name = module.rsplit("::").next().unwrap_or(module);
    let texts: HashMap<_, _> = files.iter().map(|it| (&*it.path, &*it.contents)).collect();
    let mut contents = String::new();
    for feature in features {
        contents.push_str(&format!("eventstream_rpc::__with_{feature}! {{\n"));
    }
    contents.push_str(&format!("{ALLOW}pub mod {name} {{\n"));
    push(&mut contents, "", "lib.rs", &texts, 1);
    contents.push_str("}\n");
    contents.push_str(&"}\n".repeat(features.len()));
    let path = module.trim_start_matches("crate::").replace("r#", "").replace("::", "/");
    GeneratedFile { path: format!("{path}.rs"), contents }
}

/// The lints that a crate may have and generated code need not follow.
const ALLOW: &str = "\
#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::all,
    clippy::nursery,
    clippy::pedantic,
    reason = \"what the crate around it does not use is generated all the same\"
)]
";

/// Writes a file and the modules that it declares. Its text is what the formatter writes: a line is never
/// the inside of a literal.
fn push(out: &mut String, folder: &str, path: &str, texts: &HashMap<&str, &str>, depth: usize) {
    let indent = "    ".repeat(depth);
    let line_to = |out: &mut String, line: &str| {
        if !line.is_empty() {
            out.push_str(&indent);
            out.push_str(line);
        }
        out.push('\n');
    };
    for line in texts.get(path).copied().unwrap_or_default().lines() {
        let declared = line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod "));
        let declared = declared.and_then(|it| it.strip_suffix(';'));
        let Some(name) = declared else {
            line_to(out, line);
            continue;
        };
        let plain = name.trim_start_matches("r#");
        line_to(out, &format!("{} {{", line.trim_end_matches(';')));
        push(out, &format!("{folder}{plain}/"), &format!("{folder}{plain}.rs"), texts, depth + 1);
        line_to(out, "}");
    }
}

/// Whether a text is the path of a module, such as `crate::echo`.
pub(crate) fn is_path(path: &str) -> bool {
    let mut segments = path.split("::");
    let is_name = |it: &str| syn::parse_str::<syn::Ident>(it).is_ok();
    segments.next() == Some("crate") && path.contains("::") && segments.all(is_name)
}
