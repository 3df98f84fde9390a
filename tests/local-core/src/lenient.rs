//! Responses that lack members that the model requires, as those of the Java nucleus do.

use std::marker::PhantomData;

use eventstream_rpc::{json::Shape, operation::Operation};
use serde::{Serialize, de::DeserializeOwned};

/// An operation of the model with another type of its response.
pub(crate) struct Lenient<O, R>(PhantomData<fn() -> (O, R)>);

impl<O, R> Lenient<O, R> {
    pub(crate) const NEW: Self = Self(PhantomData);
}

impl<O: Operation, R: Shape> Operation for Lenient<O, R> {
    const SERVICE: &'static str = O::SERVICE;
    const ID: &'static str = O::ID;
    type Request = O::Request;
    type Response = R;
    type Error = O::Error;
}

/// Reads a response as the model has it, with zero values in place of missing members.
pub(crate) fn read<T: DeserializeOwned>(response: &impl Serialize) -> T {
    let response = serde_json::to_value(response).and_then(serde_json::from_value);
    response.expect("it is read leniently")
}
