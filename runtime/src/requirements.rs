//! Macros that check the features of this crate for generated modules.
//!
//! A build script that generates a module does not know which features of this crate are enabled. So the module is
//! wrapped in one macro for each feature that it needs. If a feature is missing, the macro reports one error instead of
//! one for each item that does not compile.

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
                    "it. Add it to `features` of the dependency in Cargo.toml, or remove from build.rs what ",
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
