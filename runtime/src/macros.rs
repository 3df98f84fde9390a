//! What is the same in all generated code: implementations for the types that it defines.
//!
//! The macros take names that the generator has chosen, so that no name of a model can hide what they use. They are
//! hidden, for generated code alone, but change like the public interface: a crate that was generated before compiles
//! with each compatible version.

/// Implements what asks for the checks of a request before it is sent.
#[doc(hidden)]
#[macro_export]
macro_rules! impl_validate {
    ($name:ident) => {
        impl $name {
            /// Checks what the model asks of the values: lengths, ranges, patterns, elements that differ.
            ///
            /// A server does so by itself when it has read the request.
            ///
            /// # Errors
            ///
            /// The members that are not what the model asks for.
            pub fn validate(&self) -> Result<(), $crate::json::Violations> {
                let mut checker = $crate::json::Checker::default();
                $crate::json::Shape::check(self, &mut checker);
                checker.finish()
            }
        }
    };
}

/// Implements what a client chooses for a call besides the request: of the builder `$name`, in its field `$options`.
#[doc(hidden)]
#[macro_export]
macro_rules! impl_call_options {
    ($name:ident.$options:ident: $($kind:ident)*) => {
        impl<C: $crate::client::Caller> $name<C> {
            $($crate::impl_call_options!(@$kind $options);)*
        }
    };
    (@call $options:ident) => {
        /// How long to wait for the response. Default: what the connection was built with.
        pub fn call_timeout(mut self, timeout: ::std::time::Duration) -> Self {
            self.$options = self.$options.call_timeout(timeout);
            self
        }
    };
    (@validate $options:ident) => {
        /// Whether the request must be what the model asks for before it is sent: lengths, ranges,
        /// patterns. Default: what the connection was built with, `false`.
        pub fn validate_request(mut self, validate: bool) -> Self {
            self.$options = self.$options.validate_request(validate);
            self
        }
    };
    (@subscribe $options:ident) => {
        /// What happens when events come faster than they are read. By default the subscription
        /// ends with [`SdkError::Lagged`](eventstream_rpc::error::SdkError::Lagged).
        pub fn overflow(mut self, overflow: $crate::client::Overflow) -> Self {
            self.$options = self.$options.overflow(overflow);
            self
        }

        /// How many bytes of events may wait to be read. Default: 16 MiB.
        pub fn queue_limit(mut self, bytes: usize) -> Self {
            self.$options = self.$options.queue_limit(bytes);
            self
        }
    };
}

/// Implements `send` of a builder over an asynchronous connection.
#[doc(hidden)]
#[macro_export]
macro_rules! impl_async_send {
    (call $builder:ident.$into_parts:ident: $operation:ident, $response:ident, $error:ident) => {
        impl $builder<$crate::client::Connection> {
            /// Sends the request and waits for the response.
            ///
            /// # Errors
            ///
            /// See [`SdkError`](eventstream_rpc::error::SdkError).
            ///
            /// # Cancel safety
            ///
            /// Dropping the future ends the call; a request that was sent is cancelled on the wire. The
            /// connection stays open.
            pub async fn send(self) -> Result<$response, $crate::error::SdkError<$error>> {
                let (connection, options, request) = self.$into_parts()?;
                connection.call($operation, request, options).await
            }
        }
    };
    (subscribe $builder:ident.$into_parts:ident: $operation:ident, $error:ident) => {
        impl $builder<$crate::client::Connection> {
            /// Sends the request, waits for the response, and returns the open stream.
            ///
            /// # Errors
            ///
            /// See [`SdkError`](eventstream_rpc::error::SdkError).
            ///
            /// # Cancel safety
            ///
            /// Dropping the future ends the call; a request that was sent is cancelled on the wire. The
            /// connection stays open.
            pub async fn send(
                self,
            ) -> Result<$crate::client::Subscription<$operation>, $crate::error::SdkError<$error>>
            {
                let (connection, options, request) = self.$into_parts()?;
                connection.subscribe($operation, request, options).await
            }
        }
    };
}

/// Implements `send` of a builder over a blocking connection.
#[doc(hidden)]
#[macro_export]
macro_rules! impl_blocking_send {
    (call $builder:ident.$into_parts:ident: $operation:ident, $response:ident, $error:ident) => {
        impl $builder<$crate::blocking::Connection> {
            /// Sends the request, and blocks the thread until the response has arrived.
            ///
            /// # Errors
            ///
            /// See [`SdkError`](eventstream_rpc::error::SdkError).
            #[allow(clippy::result_large_err)]
            pub fn send(self) -> Result<$response, $crate::error::SdkError<$error>> {
                let (connection, options, request) = self.$into_parts()?;
                connection.call($operation, request, options)
            }
        }
    };
    (subscribe $builder:ident.$into_parts:ident: $operation:ident, $error:ident) => {
        impl $builder<$crate::blocking::Connection> {
            /// Sends the request, blocks the thread until the response has arrived, and returns the open stream.
            ///
            /// # Errors
            ///
            /// See [`SdkError`](eventstream_rpc::error::SdkError).
            #[allow(clippy::result_large_err)]
            pub fn send(
                self,
            ) -> Result<$crate::blocking::Subscription<$operation>, $crate::error::SdkError<$error>>
            {
                let (connection, options, request) = self.$into_parts()?;
                connection.subscribe($operation, request, options)
            }
        }
    };
}

/// Implements what every error enum of an operation has. Its variants have the names of the errors.
#[doc(hidden)]
#[macro_export]
macro_rules! impl_operation_error {
    ($name:ident: $($error:ident),*) => {
        impl $crate::error::OperationError for $name {
            fn from_payload(
                shape_id: &str,
                payload: &[u8],
            ) -> Option<Result<Self, $crate::json::Error>> {
                $(
                    if shape_id == <$error as $crate::json::Shape>::ID {
                        return Some($crate::error::error_from_slice(payload).map(Self::$error));
                    }
                )*
                let _ = (shape_id, payload);
                None
            }

            fn as_modeled(
                &self,
            ) -> Result<&dyn $crate::error::ModeledError, &$crate::error::Unhandled> {
                match self {
                    $(Self::$error(error) => Ok(error),)*
                    Self::Unhandled(error) => Err(error),
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                match self {
                    $(Self::$error(error) => ::std::fmt::Display::fmt(error, f),)*
                    Self::Unhandled(error) => ::std::fmt::Display::fmt(error, f),
                }
            }
        }

        impl ::std::error::Error for $name {}

        $(
            impl From<$error> for $name {
                fn from(error: $error) -> Self {
                    Self::$error(error)
                }
            }
        )*

        impl From<$crate::error::Unhandled> for $name {
            fn from(error: $crate::error::Unhandled) -> Self {
                Self::Unhandled(error)
            }
        }
    };
}

/// Implements `Display` and `Error` of an error structure. `redacted` leaves out its message.
#[doc(hidden)]
#[macro_export]
macro_rules! impl_error {
    (redacted $name:ident) => {
        $crate::impl_error!($name, |_| None);
    };
    ($name:ident) => {
        $crate::impl_error!($name, $crate::error::ErrorShape::message);
    };
    ($name:ident, $message:expr) => {
        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(::std::stringify!($name))?;
                let message: fn(&Self) -> Option<&str> = $message;
                match message(self) {
                    Some(message) => ::std::write!(f, ": {message}"),
                    None => Ok(()),
                }
            }
        }

        impl ::std::error::Error for $name {}
    };
}

/// Implements what every enum of texts has. `redacted` is for values that `Debug` and `Display` do not show.
#[doc(hidden)]
#[macro_export]
macro_rules! impl_string_enum {
    (redacted $name:ident: $($variant:ident = $text:literal),*) => {
        $crate::impl_string_enum!(@values $name: $($variant = $text),*);
        $crate::impl_string_enum!(@redacted $name Debug Display);
    };
    (@redacted $name:ident $($trait:ident)*) => {$(
        impl ::std::fmt::$trait for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str($crate::REDACTED)
            }
        }
    )*};
    ($name:ident: $($variant:ident = $text:literal),*) => {
        $crate::impl_string_enum!(@values $name: $($variant = $text),*);

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
    (@values $name:ident: $($variant:ident = $text:literal),*) => {
        #[allow(deprecated)]
        impl $name {
            /// The text as it travels.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Unknown(value) => value,
                }
            }

            /// Every text that the model has, in its order.
            pub const fn values() -> &'static [&'static str] {
                &[$($text),*]
            }
        }

        #[allow(deprecated)]
        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                match value {
                    $($text => Self::$variant,)*
                    _ => Self::Unknown(value.to_owned()),
                }
            }
        }

        impl From<String> for $name {
            fn from(value: String) -> Self {
                value.as_str().into()
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = ::std::convert::Infallible;

            fn from_str(value: &str) -> Result<Self, ::std::convert::Infallible> {
                Ok(value.into())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl $crate::macros::Serialize for $name {
            fn serialize<S: $crate::macros::Serializer>(
                &self,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> $crate::macros::Deserialize<'de> for $name {
            fn deserialize<D: $crate::macros::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                <String as $crate::macros::Deserialize>::deserialize(deserializer).map(Self::from)
            }
        }
    };
}

/// Implements what every enum of numbers has. `redacted` is for values that `Debug` and `Display` do not show.
#[doc(hidden)]
#[macro_export]
macro_rules! impl_int_enum {
    (redacted $name:ident: $($variant:ident = $number:literal),*) => {
        $crate::impl_int_enum!(@values $name: $($variant = $number),*);
        $crate::impl_string_enum!(@redacted $name Debug Display);
    };
    ($name:ident: $($variant:ident = $number:literal),*) => {
        $crate::impl_int_enum!(@values $name: $($variant = $number),*);

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.as_i32(), f)
            }
        }
    };
    (@values $name:ident: $($variant:ident = $number:literal),*) => {
        #[allow(deprecated)]
        impl $name {
            /// The number as it travels.
            pub const fn as_i32(self) -> i32 {
                match self {
                    $(Self::$variant => $number,)*
                    Self::Unknown(value) => value,
                }
            }

            /// Every number that the model has, in its order.
            pub const fn values() -> &'static [i32] {
                &[$($number),*]
            }
        }

        #[allow(deprecated)]
        impl From<i32> for $name {
            fn from(value: i32) -> Self {
                match value {
                    $($number => Self::$variant,)*
                    _ => Self::Unknown(value),
                }
            }
        }

        impl From<$name> for i32 {
            fn from(value: $name) -> Self {
                value.as_i32()
            }
        }

        impl $crate::macros::Serialize for $name {
            fn serialize<S: $crate::macros::Serializer>(
                &self,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                serializer.serialize_i32(self.as_i32())
            }
        }

        impl<'de> $crate::macros::Deserialize<'de> for $name {
            fn deserialize<D: $crate::macros::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                <i32 as $crate::macros::Deserialize>::deserialize(deserializer).map(Self::from)
            }
        }
    };
}

/// Implements what every union has. A row is a member: its variant, its name on the wire and the name of the method
/// that asks for it; with a value, then the method that gives it, the format that it is written in if it does not write itself, its type,
/// and whether it is not shown and whether a union is made from it. `redacted` is for unions with such a member.
#[doc(hidden)]
#[macro_export]
macro_rules! impl_union {
    (redacted $name:ident; $($rows:tt)*) => {
        $crate::impl_union!($name; $($rows)*);
        $crate::impl_union!(@debug $name; $($rows)*);
    };
    (@debug $name:ident; $(
        $variant:ident = $text:literal, $is:ident
        $(, $as:ident($value:ident $(as $writer:ident)?) -> $ty:ty $([$flag:ident])*)?;
    )*) => {
        #[allow(deprecated)]
        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                match self {
                    $(
                        Self::$variant $(($value))? => {
                            $crate::impl_union!(@show f $variant $($value $([$flag])*)?)
                        }
                    )*
                    Self::Unknown => f.write_str("Unknown"),
                }
            }
        }
    };
    (@show $f:ident $variant:ident) => { $f.write_str(::std::stringify!($variant)) };
    (@show $f:ident $variant:ident $value:ident [redacted] $([$flag:ident])*) => {{
        let _ = $value;
        $f.debug_tuple(::std::stringify!($variant)).field(&$crate::REDACTED).finish()
    }};
    (@show $f:ident $variant:ident $value:ident $([$flag:ident])*) => {
        $f.debug_tuple(::std::stringify!($variant)).field($value).finish()
    };
    (@redacted $name:ident $variant:ident $ty:ty) => {};
    (@from $name:ident $variant:ident $ty:ty) => {
        #[allow(deprecated)]
        impl From<$ty> for $name {
            fn from(value: $ty) -> Self {
                Self::$variant(value.into())
            }
        }
    };
    (@written) => { &$crate::json::Empty {} };
    (@written $value:ident) => { $value };
    (@written $value:ident $writer:ident) => { &$crate::json::As($crate::json::$writer, $value) };
    (@read $member:ident $variant:ident) => { $member.read_empty(Self::$variant) };
    (@read $member:ident $variant:ident $value:ident) => { $member.read(Self::$variant) };
    ($name:ident; $(
        $variant:ident = $text:literal, $is:ident
        $(, $as:ident($value:ident $(as $writer:ident)?) -> $ty:ty $([$flag:ident])*)?;
    )*) => {
        #[allow(deprecated)]
        impl $name {
            $(
                #[doc = ::std::concat!(" Whether it is a [`", ::std::stringify!($variant), "`](Self::", ::std::stringify!($variant), ").")]
                pub fn $is(&self) -> bool {
                    ::std::matches!(self, Self::$variant { .. })
                }

                $(
                    #[doc = ::std::concat!(" The value, if it is a [`", ::std::stringify!($variant), "`](Self::", ::std::stringify!($variant), ").")]
                    pub fn $as(&self) -> Option<&$ty> {
                        match self {
                            Self::$variant($value) => Some($value),
                            _ => None,
                        }
                    }
                )?
            )*
        }

        $($($($crate::impl_union!(@$flag $name $variant $ty);)*)?)*

        #[allow(deprecated)]
        impl $crate::macros::Serialize for $name {
            fn serialize<S: $crate::macros::Serializer>(
                &self,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                match self {
                    $(
                        Self::$variant $(($value))? => $crate::json::serialize_union_member(
                            serializer,
                            $text,
                            $crate::impl_union!(@written $($value $($writer)?)?),
                        ),
                    )*
                    Self::Unknown => Err(<S::Error as $crate::macros::Error>::custom(
                        ::std::concat!("an unknown member of ", ::std::stringify!($name)),
                    )),
                }
            }
        }

        impl<'de> $crate::macros::Deserialize<'de> for $name {
            fn deserialize<D: $crate::macros::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                $crate::json::deserialize_union(deserializer)
            }
        }

        #[allow(deprecated)]
        impl $crate::json::Union for $name {
            const UNKNOWN: Self = Self::Unknown;

            fn read_member<'de, A: $crate::macros::MapAccess<'de>>(
                name: &str,
                value: $crate::json::MemberValue<'_, A>,
            ) -> Result<Option<Self>, A::Error> {
                match name {
                    $($text => $crate::impl_union!(@read value $variant $($value)?),)*
                    _ => value.skip(),
                }
            }
        }
    };
}

/// Implements what serves the implementations of a service trait. A row is an operation: how it is called, its method
/// and its marker.
#[doc(hidden)]
#[macro_export]
macro_rules! impl_service {
    ($trait:ident for $name:ident[$inner:ident], $id:literal; $($kind:ident $method:ident $marker:ident;)*) => {
        #[allow(deprecated)]
        impl<$inner: $trait> $name<$inner> {
            #[doc = ::std::concat!(" Serves this implementation of [`", ::std::stringify!($trait), "`].")]
            pub fn new(inner: $inner) -> Self {
                Self { inner: ::std::sync::Arc::new(inner) }
            }
        }

        impl<$inner> From<::std::sync::Arc<$inner>> for $name<$inner> {
            fn from(inner: ::std::sync::Arc<$inner>) -> Self {
                Self { inner }
            }
        }

        #[allow(deprecated)]
        impl<$inner: $trait> $crate::server::Service for $name<$inner> {
            const ID: &'static str = $id;

            fn call(&self, call: $crate::server::IncomingCall) -> $crate::server::BoxFuture<'static, ()> {
                let inner = ::std::sync::Arc::clone(&self.inner);
                let _ = &inner;
                match call.operation() {
                    $(
                        <$marker as $crate::operation::Operation>::ID => {
                            // By its path: as a method of the `Arc`, some names would be those of other traits.
                            call.$kind($marker, |request, context| async move {
                                <$inner as $trait>::$method(&inner, request, context).await
                            })
                        }
                    )*
                    _ => call.unsupported(),
                }
            }

            fn invalid_request(
                &self,
                operation: &str,
                violations: &[$crate::server::Violation],
            ) -> $crate::server::InvalidRequest {
                self.inner.invalid_request(operation, violations)
            }
        }
    };
}

pub use ::serde::{Deserialize, Deserializer, Serialize, Serializer, de::MapAccess, ser::Error};
