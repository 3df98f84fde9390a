//! What a name means.

use std::collections::BTreeSet;

use crate::{ast::Shape, diagnostic::closest, ir, view::View};

/// What a name means.
#[derive(Clone, Copy)]
pub(super) struct Found<'v> {
    /// The operation or shape.
    pub(super) shape: &'v Shape,
    /// Of its members only the one with this name.
    pub(super) member: Option<&'v str>,
}

/// Everything that has the name: shapes of several namespaces may have one, and a shape may be called as
/// another is in Rust. If nothing has it, what to try instead.
pub(super) fn find<'v>(view: &'v View<'_>, name: &'v str) -> Result<Vec<Found<'v>>, String> {
    let (shape_name, member) = match name.split_once('$') {
        Some((shape, member)) => (shape, Some(member)),
        None => (name, None),
    };
    let shapes = || view.shapes();
    let wanted = shape_name.trim_start_matches("crate::");
    let names_of = |it: &Shape| names(view, it);
    let mut found: Vec<&Shape> = shapes().filter(|it| it.id.as_str() == wanted).collect();
    if found.is_empty() {
        found = shapes().filter(|it| it.id.name() == wanted).collect();
    }
    if found.is_empty() {
        found = shapes().filter(|it| names_of(it).contains(wanted)).collect();
    }
    if found.is_empty() {
        return Err(hint(view, wanted));
    }
    if let Some(member) = member {
        found.retain(|it| it.members.iter().any(|it| it.name == member));
        if found.is_empty() {
            return Err(format!("{shape_name} has no member {member}"));
        }
    }
    Ok(found.into_iter().map(|shape| Found { shape, member }).collect())
}

/// What an operation or a shape can be called besides its ID.
fn names(view: &View<'_>, shape: &Shape) -> BTreeSet<String> {
    let mut names = BTreeSet::from([shape.id.name().to_owned()]);
    let mut add_type = |module: &str, name: &str| {
        names.insert(name.to_owned());
        names.insert(format!("{}::{name}", module.trim_start_matches("crate::")));
    };
    if let Some(operation) = view.operation(&shape.id) {
        let module = format!("operation::{}", operation.method);
        add_type(&module, &operation.name);
        add_type(&module, &operation.error);
        add_type(&format!("{module}::builders"), &format!("{}FluentBuilder", operation.name));
        names.insert(operation.method.clone());
    } else if let Some(it) = view.rust(&shape.id) {
        let type_ref = it.type_ref();
        add_type(&type_ref.home.module(), &type_ref.name);
        if let ir::Shape::Structure(structure) = it {
            add_type(&format!("{}::builders", type_ref.home.module()), &structure.builder);
        }
    }
    names
}

fn hint(view: &View<'_>, wanted: &str) -> String {
    let name = wanted.rsplit(['#', ':']).next().unwrap_or(wanted);
    let needed = view.shapes();
    let names: BTreeSet<String> = needed.flat_map(|it| names(view, it)).collect();
    if let Some(closest) = closest(name, names.iter().map(String::as_str)) {
        return format!("did you mean {closest}?");
    }
    let is_meant = |it: &&Shape| it.id.as_str() == wanted || it.id.name() == wanted;
    match view.resolved.model.shapes().iter().find(is_meant) {
        Some(shape) => {
            format!("the model has {}, but no operation of the service needs it", shape.id)
        }
        None => "without a name, all that there is is listed".to_owned(),
    }
}
