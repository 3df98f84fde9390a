//! The configurations of components.
//!
//! [`tree`] has the rules of one configuration and knows neither components nor subscribers. [`store`] has the
//! configurations of all components and tells subscribers of changes.

mod deployment;
mod requests;
mod store;
mod tree;

pub(crate) use store::Configurations;
pub(crate) use tree::{ACCESS_CONTROL, Changes, Configuration, Millis, is_access_control, overlay};
