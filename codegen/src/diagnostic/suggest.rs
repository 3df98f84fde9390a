//! Suggestions of similar names: "did you mean …?"

use crate::{prelude, shape_id::ShapeId};

/// Longer names get no suggestions: the time grows with the product of the lengths.
const MAX_LEN: usize = 100;

/// The most similar candidate, if one is similar enough to be a likely correction.
pub fn closest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if text.len() > MAX_LEN {
        return None;
    }
    // At least one letter of a short name must match.
    let limit = (text.len() / 3).max(1).min(text.len().saturating_sub(1));
    let candidates = candidates.into_iter().filter(|it| it.len().abs_diff(text.len()) <= limit);
    let closest = candidates.map(|it| (distance(text, it), it)).min()?;
    (closest.0 <= limit).then_some(closest.1)
}

/// The most likely correction of a shape ID: a shape with a similar name in the same namespace or the prelude, or
/// one with the same name in another namespace. Whole IDs are not compared: a long namespace makes all similar.
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

/// The edit distance: how many letters must be replaced, inserted, deleted or swapped with the next, ignoring case.
fn distance(a: &str, b: &str) -> usize {
    let is_same = |i: usize, j: usize| a.as_bytes()[i].eq_ignore_ascii_case(&b.as_bytes()[j]);
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(!is_same(i - 1, j - 1));
            let mut least = replaced.min(row[j - 1] + 1).min(rows[i - 1][j] + 1);
            if i > 1 && j > 1 && is_same(i - 1, j - 2) && is_same(i - 2, j - 1) {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}
