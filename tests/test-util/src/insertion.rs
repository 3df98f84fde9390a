//! Places in recipes, as the explanation of a denied call names them.

/// Inserts text into a recipe at a place: `above FILE:LINE`, `below FILE:LINE` or `after the bracket at FILE:LINE:COLUMN`.
///
/// # Panics
///
/// If the place has another form, or is not in the recipe.
pub fn insert(recipe: &str, place: &str, text: &str) -> String {
    let number = |from_end| -> usize {
        let number = place.rsplit(':').nth(from_end).and_then(|it| it.parse().ok());
        number.unwrap_or_else(|| panic!("{place:?} is not a place"))
    };
    let start = |line: usize| recipe.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let at: usize = match place.split(' ').next() {
        Some("above") => start(number(0)),
        Some("below") => start(number(0) + 1),
        _ => start(number(1)) + number(0),
    };
    format!("{}{text}{}", &recipe[..at], &recipe[at..])
}
