//! Guides: from an official SDK, to a device, and about the nuclei.

#[doc = include_str!("../docs/official_sdks.md")]
pub mod official_sdks {}

#[doc = include_str!("../docs/to_a_device.md")]
pub mod to_a_device {}

#[doc = include_str!("../docs/nuclei.md")]
pub mod nuclei {}
