//! Numbers of any size.

use std::{
    borrow::Cow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
    ser,
};
use serde_json::value::RawValue;

use super::decimal::{self, Decimal};

/// An integer of any size (`smithy.api#BigInteger`), a JSON number on the wire.
///
/// It stores the digits and has no arithmetic; pass them to an arithmetic library.
#[derive(Clone)]
pub struct BigInteger(Cow<'static, str>);

/// A decimal number of any size and precision (`smithy.api#BigDecimal`), a JSON number on the wire.
///
/// It keeps the form in which it was written, such as `1.50` or `1e3`, and has no arithmetic; pass the
/// digits to an arithmetic library. Numbers with the same value are equal in all forms.
#[derive(Clone)]
pub struct BigDecimal(Cow<'static, str>);

/// The newtype name under which a type asks a deserializer for the digits of a number.
pub(crate) const NUMBER: &str = "eventstream_rpc::Number";

/// How many zeros the exponent of an integer may add.
const MAX_EXPANDED: i64 = 4096;

impl BigInteger {
    /// The number, if it fits 64 bits.
    pub fn to_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// The number, if it fits 128 bits.
    pub fn to_i128(&self) -> Option<i128> {
        self.0.parse().ok()
    }
}

impl BigDecimal {
    /// The nearest floating-point number; infinite if the number is too large.
    pub fn to_f64(&self) -> f64 {
        self.0.parse().expect("a JSON number is a number to Rust")
    }
}

impl FromStr for BigInteger {
    type Err = NumberError;

    /// Reads a JSON number that is an integer; it may have a fraction of zero or an exponent.
    fn from_str(text: &str) -> Result<Self, NumberError> {
        let digits = Decimal::new(text).and_then(|it| it.to_integer(MAX_EXPANDED));
        Ok(Self(digits.ok_or(NumberError(()))?.into()))
    }
}

impl FromStr for BigDecimal {
    type Err = NumberError;

    /// Reads a JSON number.
    fn from_str(text: &str) -> Result<Self, NumberError> {
        if decimal::is_json(text) { Ok(Self(text.to_owned().into())) } else { Err(NumberError(())) }
    }
}

macro_rules! from_integers {
    ($($integer:ty)*) => {
        $(
            impl From<$integer> for BigInteger {
                fn from(value: $integer) -> Self {
                    Self(value.to_string().into())
                }
            }

            impl From<$integer> for BigDecimal {
                fn from(value: $integer) -> Self {
                    Self(value.to_string().into())
                }
            }
        )*
    };
}

from_integers! { i32 i64 i128 u32 u64 u128 }

impl From<BigInteger> for BigDecimal {
    fn from(value: BigInteger) -> Self {
        Self(value.0)
    }
}

impl TryFrom<f64> for BigDecimal {
    type Error = NumberError;

    /// The shortest decimal form of a finite number.
    fn try_from(value: f64) -> Result<Self, NumberError> {
        value.to_string().parse()
    }
}

macro_rules! numbers {
    ($($number:ident, $digits:literal, $expected:literal;)*) => {
        $(
            impl $number {
                #[doc = $digits]
                pub fn as_str(&self) -> &str {
                    &self.0
                }

                fn parts(&self) -> Decimal {
                    Decimal::new(&self.0).expect("a JSON number is a decimal")
                }
            }

            impl Default for $number {
                fn default() -> Self {
                    Self("0".into())
                }
            }

            impl Ord for $number {
                fn cmp(&self, other: &Self) -> Ordering {
                    self.parts().cmp(&other.parts())
                }
            }

            impl PartialOrd for $number {
                fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                    Some(self.cmp(other))
                }
            }

            impl PartialEq for $number {
                fn eq(&self, other: &Self) -> bool {
                    self.cmp(other).is_eq()
                }
            }

            impl Eq for $number {}

            impl Hash for $number {
                fn hash<H: Hasher>(&self, state: &mut H) {
                    self.parts().hash(state);
                }
            }

            impl fmt::Debug for $number {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(&self.0)
                }
            }

            impl fmt::Display for $number {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(&self.0)
                }
            }

            impl Serialize for $number {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    let raw: &RawValue = serde_json::from_str(&self.0).map_err(ser::Error::custom)?;
                    raw.serialize(serializer)
                }
            }

            impl<'de> Deserialize<'de> for $number {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let text = as_written(deserializer)?;
                    text.parse().map_err(|_| de::Error::custom(concat!("expected ", $expected)))
                }
            }
        )*
    };
}

numbers! {
    BigInteger, " The digits, with a minus sign in front of a negative number.", "an integer";
    BigDecimal, " The number as it is written.", "a number";
}

/// Reads the digits of a number, or the content of a string.
pub(super) fn as_written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    deserializer.deserialize_newtype_struct(NUMBER, NumberVisitor)
}

struct NumberVisitor;

impl<'de> Visitor<'de> for NumberVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<String, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if raw.get().starts_with('"') {
            return serde_json::from_str(raw.get()).map_err(de::Error::custom);
        }
        Ok(Box::<str>::from(raw).into())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

/// The text is not a number of the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a number of this type")]
pub struct NumberError(());

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{from_slice, to_string};

    const LONG: &str = "123456789012345678901234567890123456789012345678901234567890";

    #[test]
    fn no_digit_is_lost() {
        for text in
            ["0", "-1", "18446744073709551616", "-170141183460469231731687303715884105729", LONG]
        {
            let number: BigInteger = from_slice(text.as_bytes()).unwrap();
            assert_eq!((number.as_str(), &*to_string(&number).unwrap()), (text, text));
        }
        for text in ["0.10", "-0", "1e400", "1.50E-7", "0.1234567890123456789012345678901234567890"]
        {
            let number: BigDecimal = from_slice(text.as_bytes()).unwrap();
            assert_eq!((number.as_str(), &*to_string(&number).unwrap()), (text, text));
        }
        let list: Vec<BigInteger> =
            from_slice(format!("[ {LONG} , \"{LONG}\" ]").as_bytes()).unwrap();
        assert_eq!(to_string(&list).unwrap(), format!("[{LONG},{LONG}]"));
    }

    #[test]
    fn integers_may_be_written_as_fractions() {
        let read = |text: &str| text.parse::<BigInteger>().ok().map(|it| it.to_string());
        assert_eq!(read("5.0").as_deref(), Some("5"));
        assert_eq!(read("-0").as_deref(), Some("0"));
        assert_eq!(read("12e3").as_deref(), Some("12000"));
        assert_eq!(read("1.5e1").as_deref(), Some("15"));
        for text in [
            "1.5",
            "1e-1",
            "1e4097",
            "1e99999999999999999999",
            "",
            "-",
            "+1",
            "01",
            "1.",
            "x",
            "1 ",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert!("1.5x".parse::<BigDecimal>().is_err());
        for json in ["null", "true", "\"\"", "{}", "[1]"] {
            assert!(from_slice::<BigDecimal>(json.as_bytes()).is_err(), "{json}");
        }
    }

    #[test]
    fn numbers_of_one_value_are_equal_and_sorted() {
        let number = |text: &str| text.parse::<BigDecimal>().unwrap();
        let sorted = ["-1e20", "-10", "-9.5", "0", "1e-9", "0.5", "0.51", "9", "10", "1e20", LONG];
        for (at, text) in sorted.iter().enumerate() {
            for (other_at, other) in sorted.iter().enumerate() {
                assert_eq!(number(text).cmp(&number(other)), at.cmp(&other_at), "{text} {other}");
            }
        }
        let hash = |text: &str| {
            std::hash::BuildHasher::hash_one(
                &std::hash::BuildHasherDefault::<std::collections::hash_map::DefaultHasher>::default(),
                number(text),
            )
        };
        for (a, b) in [("1.50", "15e-1"), ("-0", "0.000"), ("1e3", "1000")] {
            assert_eq!(number(a), number(b));
            assert_eq!(hash(a), hash(b));
        }
        assert_eq!(BigDecimal::try_from(0.1).unwrap().as_str(), "0.1");
        assert!(BigDecimal::try_from(f64::NAN).is_err());
        assert_eq!(number("-2.5e3").to_f64(), -2500.0);
    }
}
