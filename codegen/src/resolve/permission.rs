//! Checks the trait `aws.greengrass#permission`, which says what the policy of a caller has to allow.

use crate::{
    diagnostic::Reporter,
    json::{Kind, Location},
    model::{Model, Property, Shape, ShapeKind},
    traits::Trait,
};

pub(super) fn check(model: &Model, reporter: &mut Reporter<'_>) {
    for shape in model.shapes() {
        let Some(applied) = shape.traits.permission() else { continue };
        let at = applied.at();
        if shape.kind != ShapeKind::Operation {
            let message = "the trait permission belongs on an operation";
            reporter.error(at, message).hint("remove it");
        } else if let Err((at, message)) = check_value(model, shape, applied) {
            let hint = "write {\"service\": \"aws.greengrass.ipc.pubsub\", \"resource\": \"{member}\"}, with a member of \
                        the request, or \"*\"";
            reporter.error(at, message).hint(hint);
        }
    }
}

fn check_value(
    model: &Model,
    operation: &Shape,
    applied: &Trait,
) -> Result<(), (Location, String)> {
    let Kind::Object(entries) = &applied.value.kind else {
        let found = applied.value.describe();
        return Err((
            applied.at(),
            format!("the trait permission expects an object, found {found}"),
        ));
    };
    for entry in entries {
        if entry.key != "service" && entry.key != "resource" {
            let message = format!("the trait permission has no key {:?}", entry.key);
            return Err((entry.at, message));
        }
    }
    let text = |key| {
        let value = applied.value.get(key);
        let value = value.ok_or((applied.at(), format!("the trait permission needs {key:?}")))?;
        let found = || format!("{key}: expected a string, found {}", value.describe());
        Ok((value, value.as_str().ok_or_else(|| (value.at, found()))?))
    };
    text("service")?;
    let (value, template) = text("resource")?;
    check_template(model, operation, template).map_err(|message| (value.at, message))
}

/// Checks that each part in braces is the path of a string in the request.
fn check_template(model: &Model, operation: &Shape, template: &str) -> Result<(), String> {
    let input = super::targets(model, operation, Property::Input).next();
    for part in template.split('{').skip(1) {
        let Some((path, _)) = part.split_once('}') else {
            return Err(format!("the resource {template:?} has a {{ without }}"));
        };
        let mut shape = input;
        for name in path.split('.') {
            // The elements of a list have the members.
            let list = shape.filter(|it| it.kind == ShapeKind::List);
            let element = list.and_then(|it| model.get(&it.members.first()?.target));
            let found = element.or(shape);
            let member = found.and_then(|it| it.members.iter().find(|it| it.wire_name() == name));
            let Some(member) = member else {
                return Err(format!("the request of {} has no member {path}", operation.id));
            };
            shape = model.get(&member.target);
        }
        if !shape.is_some_and(|it| matches!(it.kind, ShapeKind::String | ShapeKind::Enum)) {
            return Err(format!("{path} is not a string"));
        }
    }
    let brackets: String = template.chars().filter(|it| "[]".contains(*it)).collect();
    if !brackets.replace("[]", "").is_empty() {
        return Err(format!("the resource {template:?} has a [ without ], or one within another"));
    }
    Ok(())
}
