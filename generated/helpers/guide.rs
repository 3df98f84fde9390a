//! Guides: from another SDK, to a device, and about the nuclei.
//!
//! | page | content |
//! |---|---|
//! | [`official_sdks`] | the calls of the official SDKs for Python, Java, C++ and JavaScript, and the Rust for each |
//! | [`to_a_device`] | from `cargo new` to a component on a device |
//! | [`nuclei`] | the limits of nucleus lite, and what is special about the Java nucleus |

#[doc = include_str!("../docs/official_sdks.md")]
pub mod official_sdks {}

#[doc = include_str!("../docs/to_a_device.md")]
pub mod to_a_device {}

#[doc = include_str!("../docs/nuclei.md")]
pub mod nuclei {}
