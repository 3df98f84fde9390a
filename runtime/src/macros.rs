//! Macros for generated code: the implementations that all of its types share.
//!
//! The generator chooses the names that the macros receive, so that no name of a model can shadow the items that they
//! use. The macros are hidden because only generated code uses them, but they are versioned like the public interface: a
//! crate that was generated earlier compiles with each compatible version.

/// Implements `validate`, which checks a request before it is sent.
#[doc(hidden)]
#[macro_export]
macro_rules! impl_validate {
    ($name:ident) => {
        impl $name {
            /// Checks the constraints of the model: lengths, ranges, patterns and unique elements.
            ///
            /// A server checks each request that it reads.
            ///
            /// # Errors
            ///
            /// The members that break a constraint.
            pub fn validate(&self) -> Result<(), $crate::json::Violations> {
                $crate::json::Checker::check(self)
            }
        }
    };
}

/// Implements the setters for the options of a call: of the builder `$name`, in its field `$options`.
#[doc(hidden)]
#[macro_export]
macro_rules! impl_call_options {
    ($name:ident.$options:ident: $($kind:ident)*) => {
        impl<C: $crate::client::Caller> $name<C> {
            $($crate::impl_call_options!(@$kind $options);)*
        }
    };
    (@call $options:ident) => {
        /// Sets how long to wait for the response. Default: the setting of the connection.
        pub fn call_timeout(mut self, timeout: ::std::time::Duration) -> Self {
            self.$options = self.$options.call_timeout(timeout);
            self
        }
    };
    (@validate $options:ident) => {
        /// Sets whether to check the constraints of the model (lengths, ranges, patterns, unique elements) before the
        /// request is sent. Default: the setting of the connection, `false`.
        pub fn validate_request(mut self, validate: bool) -> Self {
            self.$options = self.$options.validate_request(validate);
            self
        }
    };
    (@subscribe $options:ident) => {
        /// Sets what happens when events arrive faster than they are read. By default the subscription
        /// ends with [`SdkError::Lagged`](eventstream_rpc::error::SdkError::Lagged).
        pub fn overflow(mut self, overflow: $crate::client::Overflow) -> Self {
            self.$options = self.$options.overflow(overflow);
            self
        }

        /// Sets the memory that events in the queue may take, in bytes. Default: 16 MiB.
        pub fn queue_limit(mut self, bytes: usize) -> Self {
            self.$options = self.$options.queue_limit(bytes);
            self
        }
    };
}

/// Implements `send` of a builder over an asynchronous connection, with the method `call` or `subscribe` of the
/// connection. For `call`, the last argument is the type of the response.
#[doc(hidden)]
#[macro_export]
macro_rules! impl_async_send {
    (@output $operation:ident $response:ident) => { $response };
    (@output $operation:ident) => { $crate::client::Subscription<$operation> };
    ($method:ident $builder:ident.$into_parts:ident: $operation:ident, $error:ident $(, $response:ident)?) => {
        impl $builder<$crate::client::Connection> {
            /// Sends the request and waits for the response. A streaming operation returns its open stream.
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
            ) -> Result<
                $crate::impl_async_send!(@output $operation $($response)?),
                $crate::error::SdkError<$error>,
            > {
                let (connection, options, request) = self.$into_parts()?;
                connection.$method($operation, request, options).await
            }
        }
    };
}

/// Implements `send` of a builder over a blocking connection, with the method `call` or `subscribe` of the
/// connection. For `call`, the last argument is the type of the response.
#[doc(hidden)]
#[macro_export]
macro_rules! impl_blocking_send {
    (@output $operation:ident $response:ident) => { $response };
    (@output $operation:ident) => { $crate::blocking::Subscription<$operation> };
    ($method:ident $builder:ident.$into_parts:ident: $operation:ident, $error:ident $(, $response:ident)?) => {
        impl $builder<$crate::blocking::Connection> {
            /// Sends the request and blocks the thread until the response arrives. A streaming operation returns
            /// its open stream.
            ///
            /// # Errors
            ///
            /// See [`SdkError`](eventstream_rpc::error::SdkError).
            #[allow(clippy::result_large_err)]
            pub fn send(
                self,
            ) -> Result<
                $crate::impl_blocking_send!(@output $operation $($response)?),
                $crate::error::SdkError<$error>,
            > {
                let (connection, options, request) = self.$into_parts()?;
                connection.$method($operation, request, options)
            }
        }
    };
}

/// Implements the traits of the error enum of an operation. Its variants have the names of the errors.
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

            fn metadata(&self) -> &(dyn $crate::error::ErrorMetadata + 'static) {
                match self {
                    $(Self::$error(error) => error,)*
                    Self::Unhandled(error) => error,
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt($crate::error::OperationError::metadata(self), f)
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

/// Implements `Display` and `Error` for an error structure. `redacted` hides its message.
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
                let message: fn(&Self) -> Option<&str> = $message;
                $crate::error::fmt_error(f, ::std::stringify!($name), message(self))
            }
        }

        impl ::std::error::Error for $name {}
    };
}

/// Implements the methods and traits of a string enum.
#[doc(hidden)]
#[macro_export]
macro_rules! impl_string_enum {
    ($name:ident $([$redacted:ident])?: $($variant:ident = $text:literal $(or $model_name:literal)?),*) => {
        #[allow(deprecated)]
        impl $name {
            /// The text on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Unknown(value) => value,
                }
            }

            /// The texts that the model has, in the order of the model.
            pub const fn values() -> &'static [&'static str] {
                &[$($text),*]
            }

            /// The value with this text on the wire, or with this name in the model.
            ///
            /// # Errors
            ///
            /// The model has no such value; the error lists those that it has. `From` makes an `Unknown` of it.
            pub fn try_parse(value: &str) -> Result<Self, $crate::error::UnknownValueError> {
                match Self::from(value) {
                    Self::Unknown(_) => {
                        Err($crate::error::UnknownValueError::new(::std::stringify!($name), Self::values()))
                    }
                    known => Ok(known),
                }
            }

            fn from_wire(value: String) -> Self {
                match value.as_str() {
                    $($text => Self::$variant,)*
                    _ => Self::Unknown(value),
                }
            }
        }

        /// Takes the text on the wire or the name in the model. Any other text becomes `Unknown`, and is sent as it is;
        /// `try_parse` refuses it.
        #[allow(deprecated)]
        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                match value {
                    $($text $(| $model_name)? => Self::$variant,)*
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

        $crate::impl_enum!($name.as_str as String from_wire $([$redacted])?);
    };
}

/// Implements the methods and traits of an integer enum.
#[doc(hidden)]
#[macro_export]
macro_rules! impl_int_enum {
    ($name:ident $([$redacted:ident])?: $($variant:ident = $number:literal),*) => {
        #[allow(deprecated)]
        impl $name {
            /// The number on the wire.
            pub const fn as_i32(self) -> i32 {
                match self {
                    $(Self::$variant => $number,)*
                    Self::Unknown(value) => value,
                }
            }

            /// The numbers that the model has, in the order of the model.
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

        $crate::impl_enum!($name.as_i32 as i32 from $([$redacted])?);
    };
}

/// Implements the traits that string and integer enums share. `[redacted]` hides the value in `Debug` and `Display`.
#[doc(hidden)]
#[macro_export]
macro_rules! impl_enum {
    ($name:ident.$value:ident as $ty:ident $read:ident) => {
        $crate::impl_enum!(@serde $name.$value as $ty $read);

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.$value(), f)
            }
        }
    };
    ($name:ident.$value:ident as $ty:ident $read:ident [redacted]) => {
        $crate::impl_enum!(@serde $name.$value as $ty $read);

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str($crate::REDACTED)
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str($crate::REDACTED)
            }
        }
    };
    (@serde $name:ident.$value:ident as $ty:ident $read:ident) => {
        impl $crate::macros::Serialize for $name {
            fn serialize<S: $crate::macros::Serializer>(
                &self,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                $crate::macros::Serialize::serialize(&self.$value(), serializer)
            }
        }

        impl<'de> $crate::macros::Deserialize<'de> for $name {
            fn deserialize<D: $crate::macros::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                <$ty as $crate::macros::Deserialize>::deserialize(deserializer).map(Self::$read)
            }
        }
    };
}

/// Implements the methods and traits of a union.
///
/// A row describes a member: its variant, its name on the wire and its `is_` method. A member with a value also has its
/// `as_` and `into_` methods, the marker type of its format (if any), its type, and the flags `[boxed]` (the variant has a
/// `Box`), `[redacted]` (`Debug` hides the value) and `[from]` (the union implements `From` for the type). `redacted`
/// before the name marks a union with such a member.
#[doc(hidden)]
#[macro_export]
macro_rules! impl_union {
    (redacted $name:ident; $($rows:tt)*) => {
        $crate::impl_union!($name; $($rows)*);
        $crate::impl_union!(@debug $name; $($rows)*);
    };
    (@debug $name:ident; $(
        $variant:ident = $text:literal, $is:ident
        $(, $as:ident $into:ident($value:ident $(as $writer:ident)?) -> $ty:ty $([$flag:ident])*)?;
    )*) => {
        #[allow(deprecated)]
        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                match self {
                    $(
                        Self::$variant $(($value))? => f
                            .debug_tuple(::std::stringify!($variant))
                            $(.field($crate::impl_union!(@shown $value $([$flag])*)))?
                            .finish(),
                    )*
                    Self::Unknown => f.write_str("Unknown"),
                }
            }
        }
    };
    (@shown $value:ident [boxed] $($flags:tt)*) => { $crate::impl_union!(@shown $value $($flags)*) };
    (@shown $value:ident [redacted] $([$flag:ident])*) => {{
        let _ = $value;
        &$crate::REDACTED
    }};
    (@shown $value:ident $([$flag:ident])*) => { $value };
    (@owned $value:ident [boxed] $($flags:tt)*) => { *$value };
    (@owned $value:ident $($flags:tt)*) => { $value };
    (@boxed $name:ident $variant:ident $ty:ty) => {};
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
    (@read $map:ident $variant:ident) => {
        $map.next_value::<Option<$crate::macros::IgnoredAny>>()?.map(|_| Self::$variant)
    };
    (@read $map:ident $variant:ident $value:ident) => {
        $map.next_value::<Option<_>>()?.map(Self::$variant)
    };
    ($name:ident; $(
        $variant:ident = $text:literal, $is:ident
        $(, $as:ident $into:ident($value:ident $(as $writer:ident)?) -> $ty:ty $([$flag:ident])*)?;
    )*) => {
        #[allow(deprecated)]
        impl $name {
            $(
                #[doc = ::std::concat!(" Whether the value is a [`", ::std::stringify!($variant), "`](Self::", ::std::stringify!($variant), ").")]
                pub fn $is(&self) -> bool {
                    ::std::matches!(self, Self::$variant { .. })
                }

                $(
                    #[doc = ::std::concat!(" The member's value, if this is a [`", ::std::stringify!($variant), "`](Self::", ::std::stringify!($variant), ").")]
                    pub fn $as(&self) -> Option<&$ty> {
                        match self {
                            Self::$variant($value) => Some($value),
                            _ => None,
                        }
                    }

                    #[doc = ::std::concat!(" The member's value, if this is a [`", ::std::stringify!($variant), "`](Self::", ::std::stringify!($variant), ").")]
                    pub fn $into(self) -> Option<<$ty as ::std::borrow::ToOwned>::Owned> {
                        match self {
                            Self::$variant($value) => Some($crate::impl_union!(@owned $value $([$flag])*)),
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
                map: &mut A,
            ) -> Result<Option<Self>, A::Error> {
                Ok(match name {
                    $($text => $crate::impl_union!(@read map $variant $($value)?),)*
                    _ => {
                        map.next_value::<$crate::macros::IgnoredAny>()?;
                        None
                    }
                })
            }
        }
    };
}

/// Implements the trait `Service` of the server for a type that wraps an implementation of a service trait.
///
/// A row describes an operation: the method of `IncomingCall` that runs it, its method in the service trait, and its
/// marker type.
#[doc(hidden)]
#[macro_export]
macro_rules! impl_service {
    ($trait:ident for $name:ident[$inner:ident], $id:literal; $($kind:ident $method:ident $marker:ident;)*) => {
        #[allow(deprecated)]
        impl<$inner: $trait> $name<$inner> {
            #[doc = ::std::concat!(" Wraps this implementation of [`", ::std::stringify!($trait), "`].")]
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
                            // With the trait's path: a method call on the `Arc` could resolve to another trait.
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

pub use ::serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{IgnoredAny, MapAccess},
    ser::Error,
};
