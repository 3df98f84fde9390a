//! Shapes of the generated crate as JSON, as one program, because each takes seconds to link.

mod every_shape;
mod json_fidelity;
