//! `check`: the faults of recipes.

use std::process::ExitCode;

use super::{Ended, args::Check, print};
use crate::check;

pub(super) fn check(args: &Check) -> Ended {
    let call = args.operation.as_deref().zip(args.resource.as_deref());
    let checked = check::check(&args.recipes, call);
    print(checked.text);
    Ok(ExitCode::from(checked.status))
}
