//! The sides of a service that are generated, and those that are left out.
//!
//! Emitters put what belongs to one side behind a Cargo feature. A side that is left out has no feature:
//! what stands behind it goes, and so do the files that nothing leads to any more.

use std::collections::{BTreeMap, HashSet};

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{
    Attribute, Field, Fields, ImplItem, Item, Meta, TraitItem, Variant, punctuated::Punctuated,
    token::Comma,
};

/// Which sides of a service are generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sides {
    /// The asynchronous client; feature `tokio`.
    pub client: bool,
    /// The blocking client; feature `blocking`.
    pub blocking: bool,
    /// The service trait and what serves it; feature `server`.
    pub server: bool,
}

impl Sides {
    /// Every side.
    pub const ALL: Self = Self { client: true, blocking: true, server: true };

    /// No side: the shapes alone.
    pub const NONE: Self = Self { client: false, blocking: false, server: false };

    /// These sides and the asynchronous client.
    #[must_use]
    pub const fn with_client(self) -> Self {
        Self { client: true, ..self }
    }

    /// These sides and the blocking client.
    #[must_use]
    pub const fn with_blocking(self) -> Self {
        Self { blocking: true, ..self }
    }

    /// These sides and the server.
    #[must_use]
    pub const fn with_server(self) -> Self {
        Self { server: true, ..self }
    }

    /// The features of the sides that are there, each with what it is for, the most important first.
    pub fn features(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let features = [
            (self.client, "tokio", "The asynchronous client."),
            (self.blocking, "blocking", "The blocking client."),
            (self.server, "server", "The service trait and what serves it."),
        ];
        features.into_iter().filter(|it| it.0).map(|(_, name, about)| (name, about))
    }
}

impl Default for Sides {
    fn default() -> Self {
        Self::ALL
    }
}

/// How the conditions on features are decided.
#[derive(Clone, Debug)]
pub(crate) struct Conditions {
    features: Vec<&'static str>,
    /// Whether a feature that is there can be switched off.
    is_optional: bool,
}

impl Conditions {
    pub(crate) fn new(sides: Sides, is_optional: bool) -> Self {
        Self { features: sides.features().map(|it| it.0).collect(), is_optional }
    }

    /// Whether there is nothing to decide, because each feature is there and can be switched off.
    pub(crate) fn is_trivial(&self) -> bool {
        self.is_optional && self.features.len() == Sides::ALL.features().count()
    }

    /// Takes out what is behind a feature that is not there, and the conditions that are always met.
    pub(crate) fn apply(&self, file: &mut syn::File) {
        file.items.retain_mut(|it| self.keep_item(it));
    }

    fn keep_item(&self, item: &mut Item) -> bool {
        let attributes = match item {
            Item::Const(it) => &mut it.attrs,
            Item::Enum(it) => {
                it.variants =
                    self.kept(std::mem::take(&mut it.variants), |it: &mut Variant| &mut it.attrs);
                &mut it.attrs
            }
            Item::Fn(it) => &mut it.attrs,
            Item::Impl(it) => {
                it.items.retain_mut(|it| match it {
                    ImplItem::Const(it) => self.keep(&mut it.attrs),
                    ImplItem::Fn(it) => self.keep(&mut it.attrs),
                    ImplItem::Type(it) => self.keep(&mut it.attrs),
                    _ => true,
                });
                &mut it.attrs
            }
            Item::Macro(it) => &mut it.attrs,
            Item::Mod(it) => {
                if let Some((_, items)) = &mut it.content {
                    items.retain_mut(|it| self.keep_item(it));
                }
                &mut it.attrs
            }
            Item::Static(it) => &mut it.attrs,
            Item::Struct(it) => {
                if let Fields::Named(fields) = &mut it.fields {
                    fields.named = self
                        .kept(std::mem::take(&mut fields.named), |it: &mut Field| &mut it.attrs);
                }
                &mut it.attrs
            }
            Item::Trait(it) => {
                it.items.retain_mut(|it| match it {
                    TraitItem::Const(it) => self.keep(&mut it.attrs),
                    TraitItem::Fn(it) => self.keep(&mut it.attrs),
                    TraitItem::Type(it) => self.keep(&mut it.attrs),
                    _ => true,
                });
                &mut it.attrs
            }
            Item::Type(it) => &mut it.attrs,
            Item::Use(it) => &mut it.attrs,
            _ => return true,
        };
        self.keep(attributes)
    }

    fn kept<T>(
        &self,
        list: Punctuated<T, Comma>,
        attributes: impl Fn(&mut T) -> &mut Vec<Attribute>,
    ) -> Punctuated<T, Comma> {
        list.into_iter().filter_map(|mut it| self.keep(attributes(&mut it)).then_some(it)).collect()
    }

    /// Decides the conditions among these attributes: what is always true is taken out, what still depends
    /// on a feature stays. False if one is never true.
    fn keep(&self, attributes: &mut Vec<Attribute>) -> bool {
        let mut is_kept = true;
        attributes.retain_mut(|attribute| {
            if !attribute.path().is_ident("cfg") {
                return true;
            }
            let Ok(condition) = attribute.parse_args::<Meta>() else {
                return true;
            };
            match self.decide(&condition) {
                Decision::Known(is_met) => {
                    is_kept &= is_met;
                    false
                }
                Decision::Open(condition) => {
                    *attribute = syn::parse_quote!(#[cfg(#condition)]);
                    true
                }
            }
        });
        is_kept
    }

    fn decide(&self, condition: &Meta) -> Decision {
        let open = || Decision::Open(condition.to_token_stream());
        match condition {
            Meta::NameValue(it) if it.path.is_ident("feature") => match &it.value {
                syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(name), .. }) => {
                    match (self.features.contains(&&*name.value()), self.is_optional) {
                        (true, true) => open(),
                        (is_there, _) => Decision::Known(is_there),
                    }
                }
                _ => open(),
            },
            Meta::List(list) => {
                let parts = list.parse_args_with(Punctuated::<Meta, Comma>::parse_terminated);
                let parts = parts.iter().flatten().map(|it| self.decide(it));
                if list.path.is_ident("any") {
                    combine(parts, true, |parts| quote!(any(#(#parts),*)))
                } else if list.path.is_ident("all") {
                    combine(parts, false, |parts| quote!(all(#(#parts),*)))
                } else if list.path.is_ident("not") {
                    match parts.last() {
                        Some(Decision::Known(is_met)) => Decision::Known(!is_met),
                        Some(Decision::Open(it)) => Decision::Open(quote!(not(#it))),
                        None => open(),
                    }
                } else {
                    open()
                }
            }
            Meta::NameValue(_) | Meta::Path(_) => open(),
        }
    }
}

/// What is known of a condition.
enum Decision {
    /// Whether it is met.
    Known(bool),
    /// It depends on the features that are switched on.
    Open(TokenStream),
}

/// A condition of several: one that is known as `decisive` decides, and one that is not says nothing.
fn combine(
    parts: impl Iterator<Item = Decision>,
    decisive: bool,
    join: impl Fn(&[TokenStream]) -> TokenStream,
) -> Decision {
    let mut open = Vec::new();
    for part in parts {
        match part {
            Decision::Known(is_met) if is_met == decisive => return Decision::Known(decisive),
            Decision::Known(_) => {}
            Decision::Open(condition) => open.push(condition),
        }
    }
    match &open[..] {
        [] => Decision::Known(!decisive),
        [one] => Decision::Open(one.clone()),
        several => Decision::Open(join(several)),
    }
}

/// The files that `lib.rs` leads to.
pub(crate) fn reachable(mut files: BTreeMap<String, syn::File>) -> BTreeMap<String, syn::File> {
    let mut found = HashSet::new();
    let mut pending = vec!["lib.rs".to_owned()];
    while let Some(path) = pending.pop() {
        if let Some(file) = files.get(&path) {
            pending.extend(children(&path, file));
            found.insert(path);
        }
    }
    files.retain(|path, _| found.contains(path));
    files
}

/// The paths of the modules that a file declares.
fn children(path: &str, file: &syn::File) -> Vec<String> {
    let folder = match path {
        "lib.rs" => String::new(),
        path => format!("{}/", path.trim_end_matches(".rs")),
    };
    let modules = file.items.iter().filter_map(|it| match it {
        Item::Mod(it) if it.content.is_none() => Some(syn::ext::IdentExt::unraw(&it.ident)),
        _ => None,
    });
    modules.map(|it| format!("{folder}{it}.rs")).collect()
}
