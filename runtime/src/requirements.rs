//! What a generated module requires of this crate.
//!
//! A module that a build script generates cannot know the features of this crate: the build script runs
//! without them. So the module is wrapped in one macro for each feature that it needs, and where the feature
//! is missing, that is the only error, instead of one for each item that does not compile.

macro_rules! requirements {
    ($dollar:tt $($feature:literal $name:ident)*) => {$(
        #[cfg(feature = $feature)]
        #[doc(hidden)]
        #[macro_export]
        macro_rules! $name {
            ($dollar($dollar item:tt)*) => { $dollar($dollar item)* };
        }

        #[cfg(not(feature = $feature))]
        #[doc(hidden)]
        #[macro_export]
        macro_rules! $name {
            ($dollar($dollar item:tt)*) => {
                compile_error!(concat!(
                    "the feature `", $feature, "` of eventstream-rpc is missing: the generated module needs ",
                    "it. Add it to `features` of the dependency in Cargo.toml, or leave out in build.rs what ",
                    "needs it"
                ));
            };
        }
    )*};
}

requirements! { $
    "tokio" __with_tokio
    "blocking" __with_blocking
    "server" __with_server
    "pattern" __with_pattern
}
