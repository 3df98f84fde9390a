//! A service as a list of facts: what the model says, and what becomes of it in Rust.
//!
//! [`show`](crate::show) prints the facts, and [`diff`](crate::diff) compares those of two models.

mod read;

pub(crate) use read::read;

/// The facts about a service.
pub(crate) struct Facts {
    pub(crate) service: Item,
    /// In the order of the model.
    pub(crate) operations: Vec<Item>,
    /// Those that the operations need, in the order of their IDs.
    pub(crate) shapes: Vec<Item>,
}

/// A service, an operation, a shape or a member.
#[derive(Default)]
pub(crate) struct Item {
    /// Its type in Smithy, or `member`.
    pub(crate) kind: &'static str,
    /// Its absolute ID.
    pub(crate) id: String,
    /// Its ID without the namespace, if that is the service's own; the name of a member.
    pub(crate) name: String,
    /// What the item is, or nothing for a member that has no place in Rust.
    pub(crate) exists: Option<Kind>,
    pub(crate) facts: Vec<Fact>,
    /// Its documentation, or that of a member's target.
    pub(crate) docs: String,
    pub(crate) members: Vec<Item>,
}

/// A fact about an item.
pub(crate) struct Fact {
    pub(crate) kind: Kind,
    /// What `diff` compares.
    pub(crate) value: String,
    /// What `show` prints, unless it is empty.
    pub(crate) text: String,
}

impl Item {
    fn add(&mut self, kind: Kind, value: impl Into<String>, text: impl Into<String>) {
        self.facts.push(Fact { kind, value: value.into(), text: text.into() });
    }

    fn add_if(&mut self, is_so: bool, kind: Kind, text: &str) {
        if is_so {
            self.add(kind, "", text);
        }
    }

    /// The values of one kind.
    pub(crate) fn values(&self, kind: Kind) -> impl Iterator<Item = &str> {
        self.facts.iter().filter(move |fact| fact.kind == kind).map(|fact| &*fact.value)
    }

    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.values(kind).next().is_some()
    }

    /// The text of the first fact of one kind, or nothing.
    pub(crate) fn text(&self, kind: Kind) -> &str {
        self.facts.iter().find(|fact| fact.kind == kind).map_or("", |fact| &fact.text)
    }
}

impl Facts {
    /// The operations and the shapes.
    pub(crate) fn items(&self) -> impl Iterator<Item = &Item> {
        self.operations.iter().chain(&self.shapes)
    }
}

/// Aligns columns, except for cells that are too wide.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    const WIDTH: usize = 60;
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.filter(|width| *width <= WIDTH).max().unwrap_or_default()
    };
    let lines = rows.iter().map(|row| {
        let cells = row.iter().enumerate().map(|(at, cell)| format!("{cell:0$}", width(at)));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    });
    lines.collect()
}

macro_rules! kinds {
    ($($kind:ident $($label:literal)?;)*) => {
        /// The kinds of facts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind {
            $($kind,)*
        }

        impl Kind {
            /// What `show` calls a fact about an operation or a shape.
            pub(crate) fn label(self) -> &'static str {
                match self {
                    $(Self::$kind => concat!($($label)?),)*
                }
            }
        }
    };
}

kinds! {
    // What an item is.
    Service; Operation; Shape; Field; RequiredField; Alternative; EnumMember; Element;
    // Services and operations. Requests, responses, events and errors are the IDs of shapes.
    ServiceName; Version; Direction "kind"; Method "client"; Server "server"; Module "module";
    Errors "errors"; Stream; Request "request"; Response "response";
    ClientEvents "events from the client"; ServerEvents "events from the server"; Error "error";
    // Shapes. The first path is that of the definition.
    Path "in Rust"; Alias; Holds "in Rust"; Builder "builder"; CallBuilder "builder"; BuildFails;
    Default; Validate; Fault "error"; Retryable "error"; Sparse "values";
    // Members.
    Target; Format; Type; EnumValue; FieldName; VariantName; JsonName;
    Required; Optional; DefaultValue; Token; Boxed; From;
    // Shapes and members.
    ClientSends; ServerSends; Length "values"; Range "values"; Pattern "values";
    UniqueItems "values"; Sensitive "values"; Deprecated "values"; Documentation;
}
