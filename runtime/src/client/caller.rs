//! What a builder of generated code may send its request over.

/// A connection, asynchronous or blocking, over which a builder sends its request.
///
/// A builder without one only builds the request, and has no options of a call.
pub trait Caller: Sealed {}

impl<T: Sealed> Caller for T {}

/// Implemented by the connections alone.
#[doc(hidden)]
pub trait Sealed {}
