//! Checks of requests that decoding does not make.
//!
//! A document with a member twice and base64 that is not standard are refused. The Java nucleus accepts some of these
//! requests, nucleus lite none.

use std::{collections::HashSet, fmt};

use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The type of a member that is checked.
#[derive(Clone, Copy)]
enum Kind {
    /// A JSON object.
    Document,
    /// Bytes in base64.
    Blob,
}

/// The path and the type of a member that is checked.
type Check = (&'static [&'static str], Kind);

/// The members that are checked, by operation.
const CHECKS: [(&str, &[Check]); 4] = [
    (
        "aws.greengrass#PublishToTopic",
        &[
            (&["publishMessage", "jsonMessage", "message"], Kind::Document),
            (&["publishMessage", "binaryMessage", "message"], Kind::Blob),
        ],
    ),
    (
        "aws.greengrass#PublishToIoTCore",
        &[(&["payload"], Kind::Blob), (&["correlationData"], Kind::Blob)],
    ),
    ("aws.greengrass#UpdateConfiguration", &[(&["valueToMerge"], Kind::Document)]),
    ("aws.greengrass#UpdateThingShadow", &[(&["payload"], Kind::Blob)]),
];

const NOT_OBJECT: &str =
    "a document is not an object; the Java nucleus reads some lists as objects";
const TWICE: &str = "a member occurs twice in a document";
const NOT_BASE64: &str = "a blob is not standard base64; the Java nucleus also accepts the URL-safe alphabet and base64 \
                          without padding";

/// Checks the request of an operation. Whether it has the types of the model is checked when it is decoded.
pub(crate) fn check(operation: &str, payload: impl FnOnce() -> Bytes) -> Result<(), &'static str> {
    let Some((_, checks)) = CHECKS.iter().find(|(id, _)| *id == operation) else { return Ok(()) };
    let payload = payload();
    let mut json = serde_json::Deserializer::from_slice(&payload);
    let Err(error) = Members(checks.to_vec()).deserialize(&mut json) else { return Ok(()) };
    let text = error.to_string();
    let faults = [NOT_OBJECT, TWICE, NOT_BASE64];
    faults.into_iter().find(|it| text.starts_with(it)).map_or(Ok(()), Err)
}

/// Visits the members of an object that are checked.
struct Members(Vec<Check>);

impl<'de> DeserializeSeed<'de> for Members {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Members {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            let checks = self.0.iter().filter(|(path, _)| path[0] == name);
            let checks: Vec<Check> = checks.map(|(path, kind)| (&path[1..], *kind)).collect();
            match checks.first() {
                None => _ = map.next_value::<IgnoredAny>()?,
                Some(([], Kind::Document)) => map.next_value_seed(Document { is_nested: false })?,
                Some(([], Kind::Blob)) => map.next_value_seed(Blob)?,
                Some(_) => map.next_value_seed(Members(checks))?,
            }
        }
        Ok(())
    }
}

/// Visits a document or a value in it.
struct Document {
    is_nested: bool,
}

impl Document {
    fn scalar<E: Error>(self) -> Result<(), E> {
        if self.is_nested { Ok(()) } else { Err(E::custom(NOT_OBJECT)) }
    }
}

impl<'de> DeserializeSeed<'de> for Document {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.scalar()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.scalar()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.scalar()?;
        while items.next_element_seed(Self { is_nested: true })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if !names.insert(name) {
                return Err(A::Error::custom(TWICE));
            }
            map.next_value_seed(Self { is_nested: true })?;
        }
        Ok(())
    }
}

/// Visits a blob.
struct Blob;

impl<'de> DeserializeSeed<'de> for Blob {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Blob {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("base64")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let digits = text.strip_suffix("==").or(text.strip_suffix('=')).unwrap_or(text);
        let is_digit = |it: u8| it.is_ascii_alphanumeric() || it == b'+' || it == b'/';
        if text.len() % 4 == 0 && digits.bytes().all(is_digit) {
            Ok(())
        } else {
            Err(E::custom(NOT_BASE64))
        }
    }

    // Decoding accepts a list of bytes, which no nucleus does.
    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom(NOT_BASE64))
    }
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
    fn other_faults_are_left_to_decoding() {
        for payload in ["", "null", "[]", "{", r#"{"publishMessage":1}"#, r#"{"valueToMerge":"#] {
            assert_eq!(check("aws.greengrass#PublishToTopic", || payload.into()), Ok(()));
            assert_eq!(check("aws.greengrass#UpdateConfiguration", || payload.into()), Ok(()));
        }
    }
}
