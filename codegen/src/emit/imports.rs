//! The `use` declarations at the top of a file.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use super::ident;
use crate::ir::{Home, TypeRef};

/// What a file imports. Items take part by naming what they use.
#[derive(Debug, Default)]
pub(super) struct Imports {
    /// The module of the file itself, whose types need no import.
    own: Option<Home>,
    /// The names by the path of their module.
    names: BTreeMap<String, BTreeSet<String>>,
}

impl Imports {
    /// The imports of a file whose types are in this module.
    pub(super) fn of_module(home: &Home) -> Self {
        Self { own: Some(home.clone()), ..Self::default() }
    }

    /// Imports `path`, such as `std::fmt`, and gives its last segment.
    pub(super) fn path(&mut self, path: &str) -> proc_macro2::Ident {
        let (module, name) = path.rsplit_once("::").unwrap_or(("crate", path));
        self.name(module, name)
    }

    fn name(&mut self, module: &str, name: &str) -> proc_macro2::Ident {
        if !self.names.contains_key(module) {
            self.names.insert(module.to_owned(), BTreeSet::new());
        }
        if let Some(names) = self.names.get_mut(module)
            && !names.contains(name)
        {
            names.insert(name.to_owned());
        }
        ident(name)
    }

    /// Imports several names of one module.
    pub(super) fn paths(&mut self, module: &str, names: &[&str]) {
        for name in names {
            self.name(module, name);
        }
    }

    /// Imports a type of the crate, and gives its name.
    pub(super) fn type_ref(&mut self, type_ref: &TypeRef) -> proc_macro2::Ident {
        let module = match &type_ref.home {
            home @ Home::Operation(_) if self.own.as_ref() == Some(home) => {
                return ident(&type_ref.name);
            }
            // Types of the other modules are in files of their own.
            home => home.module(),
        };
        self.name(&module, &type_ref.name)
    }

    /// Whether a type of the crate is in scope under this name: imported so far, or of the own module.
    pub(super) fn has(&self, name: &str, path: &str) -> bool {
        let Some((module, last)) = path.rsplit_once("::").filter(|it| it.1 == name) else {
            return false;
        };
        let own = self.own.as_ref().filter(|it| matches!(it, Home::Operation(_)));
        let is_own = own.is_some_and(|it| it.module() == module);
        is_own || self.names.get(module).is_some_and(|names| names.contains(last))
    }

    /// A file does not import what it defines.
    pub(super) fn remove(&mut self, type_ref: &TypeRef) {
        if let Some(names) = self.names.get_mut(&type_ref.home.module()) {
            names.remove(&type_ref.name);
        }
    }
}

impl ToTokens for Imports {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        // The standard library, then other crates, then this one.
        let group = |path: &str| match path.split("::").next() {
            Some("std") => 0,
            Some("crate") => 2,
            Some("super") => 3,
            _ => 1,
        };
        let mut modules: Vec<_> =
            self.names.iter().filter(|(_, names)| !names.is_empty()).collect();
        modules.sort_by(|(a, _), (b, _)| {
            group(a).cmp(&group(b)).then_with(|| a.split("::").cmp(b.split("::")))
        });
        for (path, names) in modules {
            let path = path.split("::").map(|it| match it {
                "crate" => quote!(crate),
                "super" => quote!(super),
                name => ident(name).into_token_stream(),
            });
            let path = quote!(#(#path)::*);
            let names: Vec<_> = names.iter().map(|it| ident(it)).collect();
            tokens.extend(match &names[..] {
                [name] => quote!(use #path::#name;),
                names => quote!(use #path::{#(#names),*};),
            });
        }
    }
}
