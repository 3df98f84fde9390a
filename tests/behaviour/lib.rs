//! A service whose bindings the build script of this package generates: nothing generated is kept beside the
//! sources, and a change of the model is in the next build.

include!(concat!(env!("OUT_DIR"), "/thermometer.rs"));
