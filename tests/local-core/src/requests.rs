//! Checks of requests that decoding does not make.
//!
//! A document with a member twice and base64 that is not standard are refused. The Java nucleus accepts some of these
//! requests, nucleus lite none. Decoding drops nulls from lists and maps, where they are refused here.

use std::{collections::HashSet, fmt};

use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What a value is checked for.
#[derive(Clone, Copy)]
enum Expected {
    /// An object with members that are checked.
    Members(Members),
    /// A JSON object.
    Document,
    /// A value in a document.
    Nested,
    /// Bytes in base64.
    Blob,
    /// A time in seconds.
    Time,
    /// A list or a map without nulls.
    Items,
    /// A value in such a list or map.
    Item,
}

use Expected::{Blob, Document, Item, Items, Nested, Time};

/// Those of the checks whose paths lead through an object.
#[derive(Clone, Copy)]
struct Members {
    checks: &'static [Check],
    /// A bit for each check.
    set: u8,
    /// The depth of the object.
    depth: usize,
}

/// The path of a member, and what it is checked for.
type Check = (&'static [&'static str], Expected);

/// The members that are checked, by operation.
static CHECKS: [(&str, &[Check]); 7] = [
    (
        "aws.greengrass#PublishToTopic",
        &[
            (&["publishMessage", "jsonMessage", "message"], Document),
            (&["publishMessage", "binaryMessage", "message"], Blob),
        ],
    ),
    ("aws.greengrass#PublishToIoTCore", &[(&["payload"], Blob), (&["correlationData"], Blob)]),
    (
        "aws.greengrass#UpdateConfiguration",
        &[(&["valueToMerge"], Document), (&["timestamp"], Time), (&["keyPath"], Items)],
    ),
    ("aws.greengrass#GetConfiguration", &[(&["keyPath"], Items)]),
    ("aws.greengrass#SubscribeToConfigurationUpdate", &[(&["keyPath"], Items)]),
    (
        "aws.greengrass#CreateLocalDeployment",
        &[(&["rootComponentVersionsToAdd"], Items), (&["rootComponentsToRemove"], Items)],
    ),
    ("aws.greengrass#UpdateThingShadow", &[(&["payload"], Blob)]),
];

const NOT_OBJECT: &str =
    "a document is not an object; the Java nucleus reads some lists as objects";
const TWICE: &str = "a member occurs twice in a document";
const NOT_BASE64: &str = "a blob is not standard base64; the Java nucleus also accepts the URL-safe alphabet and base64 \
                          without padding";
const NOT_SECONDS: &str = "a timestamp is not a number of seconds, such as 1700000000.5";

/// The fault that the service of a Java nucleus finds, after decoding.
pub(crate) const NULL: &str = "a list or a map of the request contains a null";

/// Checks the request of an operation. Whether it has the types of the model is checked when it is decoded.
pub(crate) fn check(operation: &str, payload: impl FnOnce() -> Bytes) -> Result<(), &'static str> {
    let Some((_, checks)) = CHECKS.iter().find(|(id, _)| *id == operation) else { return Ok(()) };
    let payload = payload();
    let mut json = serde_json::Deserializer::from_slice(&payload);
    let request = Expected::Members(Members { checks, set: u8::MAX, depth: 0 });
    let Err(error) = request.deserialize(&mut json) else { return Ok(()) };
    let text = error.to_string();
    let faults = [NOT_OBJECT, TWICE, NOT_BASE64, NOT_SECONDS, NULL];
    faults.into_iter().find(|it| text.starts_with(it)).map_or(Ok(()), Err)
}

impl Expected {
    fn scalar<E: Error>(self) -> Result<(), E> {
        match self {
            Nested | Items | Item => Ok(()),
            other => Err(other.fault()),
        }
    }

    fn number<E: Error>(self) -> Result<(), E> {
        if matches!(self, Time) { Ok(()) } else { self.scalar() }
    }

    /// What the values in a list or a map are checked for.
    fn nested(self) -> Self {
        if matches!(self, Items) { Item } else { Nested }
    }

    /// The error for a value of another type.
    fn fault<E: Error>(&self) -> E {
        E::custom(match self {
            // Decoding fails as well.
            Self::Members(_) | Items => "",
            Item => NULL,
            Document | Nested => NOT_OBJECT,
            Blob => NOT_BASE64,
            Time => NOT_SECONDS,
        })
    }
}

impl Members {
    /// What a member is checked for, if anything.
    fn of(self, name: &str) -> Option<Expected> {
        let Self { checks, set, depth } = self;
        let is_on = |index: &usize| set & (1 << index) != 0 && checks[*index].0[depth] == name;
        let mut on = (0..checks.len()).filter(is_on).peekable();
        let (path, expected) = checks[*on.peek()?];
        if path.len() == depth + 1 {
            return Some(expected);
        }
        let set = on.fold(0, |set, index| set | 1 << index);
        Some(Expected::Members(Self { checks, set, depth: depth + 1 }))
    }
}

/// Reads the name of a member and returns what the member is checked for.
impl<'de> DeserializeSeed<'de> for Members {
    type Value = Option<Expected>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Members {
    type Value = Option<Expected>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.of(name))
    }
}

impl<'de> DeserializeSeed<'de> for Expected {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Expected {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        if matches!(self, Item) { Err(self.fault()) } else { Ok(()) }
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.scalar()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.number()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.number()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.number()
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        match self {
            Blob if is_base64(text) => Ok(()),
            Time if text.parse::<f64>().is_ok() => Ok(()),
            other => other.scalar(),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        // Decoding accepts a list of bytes, which no nucleus does.
        self.scalar()?;
        while items.next_element_seed(self.nested())?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        match self {
            Self::Members(members) => {
                while let Some(expected) = map.next_key_seed(members)? {
                    match expected {
                        None => _ = map.next_value::<IgnoredAny>()?,
                        Some(expected) => map.next_value_seed(expected)?,
                    }
                }
            }
            Document | Nested => {
                let mut names = HashSet::new();
                while let Some(name) = map.next_key::<String>()? {
                    if !names.insert(name) {
                        return Err(A::Error::custom(TWICE));
                    }
                    map.next_value_seed(Nested)?;
                }
            }
            Items | Item => {
                while map.next_key::<IgnoredAny>()?.is_some() {
                    map.next_value_seed(self.nested())?;
                }
            }
            Blob | Time => return Err(self.fault()),
        }
        Ok(())
    }
}

/// Whether a text is base64 in the standard alphabet, with padding.
fn is_base64(text: &str) -> bool {
    let digits = text.strip_suffix("==").or(text.strip_suffix('=')).unwrap_or(text);
    let is_digit = |it: u8| it.is_ascii_alphanumeric() || it == b'+' || it == b'/';
    text.len() % 4 == 0 && digits.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_publish(message: &str, expected: Result<(), &str>) {
        let payload = format!(r#"{{"topic":"t","publishMessage":{message},"x":[{{}}]}}"#);
        assert_eq!(check("aws.greengrass#PublishToTopic", || payload.into()), expected);
    }

    #[test]
    fn documents_are_objects_without_duplicate_members() {
        let json = |it: &str| format!(r#"{{"jsonMessage":{{"message":{it},"context":{{}}}}}}"#);
        check_publish(&json(r#"{"a":{"b":[1,true,null,"x",1.5,-1]},"b":{"a":{}}}"#), Ok(()));
        check_publish(&json("null"), Ok(()));
        for message in
            [r#"{"a":1,"a":1}"#, r#"{"a":[{"b":1,"c":2,"b":3}]}"#, r#"{"a":1,"\u0061":2}"#]
        {
            check_publish(&json(message), Err(TWICE));
        }
        for message in ["[]", "1", "-1", "1.5", "true", r#""a""#, r#"[["a",1]]"#] {
            check_publish(&json(message), Err(NOT_OBJECT));
        }
        // Outside documents, the last of duplicate members counts.
        check_publish(r#"{"jsonMessage":{"message":{}},"jsonMessage":{"message":{}}}"#, Ok(()));
        let merge = r#"{"keyPath":[],"keyPath":[],"valueToMerge":{"a":1,"a":2}}"#;
        assert_eq!(check("aws.greengrass#UpdateConfiguration", || merge.into()), Err(TWICE));
    }

    #[test]
    fn blobs_are_standard_base64() {
        for (text, is_standard) in [
            ("", true),
            ("aGk=", true),
            ("aA==", true),
            ("aGkg", true),
            ("+/+/", true),
            (r"aGk\u003d", true),
            ("aGk", false),
            ("-_-_", false),
            ("aG k=", false),
            (r"aGk=\n", false),
            ("aGk==", false),
            ("a===", false),
            ("aGk=aGk=", false),
            ("***", false),
            ("\u{fc}\u{fc}", false),
        ] {
            let expected = if is_standard { Ok(()) } else { Err(NOT_BASE64) };
            check_publish(&format!(r#"{{"binaryMessage":{{"message":"{text}"}}}}"#), expected);
        }
        check_publish(r#"{"binaryMessage":{"message":[1]}}"#, Err(NOT_BASE64));
    }

    #[test]
    fn a_timestamp_is_a_number_of_seconds() {
        for (timestamp, expected) in [
            ("1", Ok(())),
            ("-1.5e3", Ok(())),
            ("null", Ok(())),
            (r#""1700000000.5""#, Ok(())),
            (r#""2026-01-01T00:00:00Z""#, Err(NOT_SECONDS)),
            (r#""""#, Err(NOT_SECONDS)),
            ("true", Err(NOT_SECONDS)),
        ] {
            let payload = format!(r#"{{"timestamp":{timestamp},"valueToMerge":{{}}}}"#);
            assert_eq!(check("aws.greengrass#UpdateConfiguration", || payload.into()), expected);
        }
    }

    #[test]
    fn lists_and_maps_have_no_nulls() {
        let get = |it: &str| {
            let payload = format!(r#"{{"keyPath":{it}}}"#);
            check("aws.greengrass#GetConfiguration", || payload.into())
        };
        let create = |it: &str| {
            let payload = format!(r#"{{"rootComponentVersionsToAdd":{it}}}"#);
            check("aws.greengrass#CreateLocalDeployment", || payload.into())
        };
        // Other types are left to decoding.
        for items in ["null", "[]", r#"["a",[null],{"a":null}]"#, "1"] {
            assert_eq!(get(items), Ok(()));
        }
        assert_eq!(get(r#"["a",null]"#), Err(NULL));
        assert_eq!(create(r#"{"a":"1.0.0"}"#), Ok(()));
        assert_eq!(create(r#"{"a":null}"#), Err(NULL));
    }

    #[test]
    fn other_faults_are_left_to_decoding() {
        for payload in ["", "null", "[]", "{", r#"{"publishMessage":1}"#, r#"{"valueToMerge":"#] {
            assert_eq!(check("aws.greengrass#PublishToTopic", || payload.into()), Ok(()));
            assert_eq!(check("aws.greengrass#UpdateConfiguration", || payload.into()), Ok(()));
        }
    }
}
