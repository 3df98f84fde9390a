//! The configurations of components.
//!
//! `tree` has the rules of one configuration and knows neither components nor watchers. `watchers` turns its changes into
//! events, `rows` into what is stored. `store` has the configurations of all components, and `validation` asks components
//! about proposed ones. `requests` serves the operations.

mod deployment;
mod requests;
mod rows;
mod store;
mod tree;
mod validation;
mod watchers;

pub(crate) use store::Configurations;
pub(crate) use tree::{
    ACCESS_CONTROL, Changes, Configuration, DEFAULT_TIME, Millis, is_access_control, overlay,
};
pub use validation::ConfigRefused;
pub(crate) use validation::Validations;
