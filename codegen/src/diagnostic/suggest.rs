//! "Did you mean …?"

use crate::{prelude, shape_id::ShapeId};

/// Longer names are compared with nothing: the time grows with the product of the lengths.
const MAX_LEN: usize = 100;

/// The closest of `candidates` to `text`, if one is close enough to be what was meant.
pub fn closest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if text.len() > MAX_LEN {
        return None;
    }
    // Of a short name not all letters may be wrong.
    let limit = (text.len() / 3).max(1).min(text.len().saturating_sub(1));
    candidates
        .into_iter()
        .filter(|it| it.len().abs_diff(text.len()) <= limit)
        .map(|it| (distance(text, it), it))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, it)| it)
}

/// The shape that was most likely meant: one of a similar name in the same namespace or the prelude, or
/// else one of the same name in another. Whole IDs are not compared: a long namespace makes all alike.
pub(super) fn closest_shape<'a>(
    id: &ShapeId,
    shapes: impl IntoIterator<Item = &'a ShapeId>,
) -> Option<ShapeId> {
    let prelude = prelude::names().map(|it| ShapeId::prelude(&it.0));
    let all: Vec<ShapeId> = prelude.chain(shapes.into_iter().cloned()).collect();
    let same = all.iter().find(|it| it.name() == id.name());
    let near = || all.iter().filter(|it| it.namespace() == id.namespace());
    let name = closest(id.name(), near().map(ShapeId::name));
    let similar = near().find(|it| Some(it.name()) == name);
    let is_prelude = same.is_some_and(|it| it.prelude_name().is_some());
    if is_prelude { same.cloned() } else { similar.or(same).cloned() }
}

/// How many letters must be changed, added, taken away or swapped with the next one. Case is free.
fn distance(a: &str, b: &str) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.bytes().enumerate() {
            let replaced = above[j] + usize::from(!x.eq_ignore_ascii_case(&y));
            let mut least = replaced.min(row[j] + 1).min(above[j + 1] + 1);
            let is_swapped = i > 0
                && j > 0
                && x.eq_ignore_ascii_case(&b.as_bytes()[j - 1])
                && y.eq_ignore_ascii_case(&a.as_bytes()[i - 1]);
            if is_swapped {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}
