//! `check`: the faults of recipes.

use super::{Ended, args::Check};

pub(super) fn check(args: &Check) -> Ended {
    let _ = (&args.recipes, &args.operation, &args.resource);
    Err("recipes are not supported yet".into())
}
