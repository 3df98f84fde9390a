//! Tests of the generated shapes as JSON, in one program, because linking takes seconds.

mod every_shape;
mod json_fidelity;
mod sensitive;
