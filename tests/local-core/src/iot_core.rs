//! AWS IoT Core.

mod requests;
