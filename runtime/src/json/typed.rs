//! Values of the application's own types in blobs and documents.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Number, Value};

use super::{Error, to_vec};
use crate::primitives::Blob;

impl Blob {
    /// A blob with the JSON of a value.
    ///
    /// # Errors
    ///
    /// A value that has no JSON form.
    ///
    /// ```
    /// use eventstream_rpc::primitives::Blob;
    ///
    /// let readings = Blob::from_json(&[21.5, 22.0])?;
    /// assert_eq!(&*readings, b"[21.5,22.0]");
    /// assert_eq!(readings.json::<Vec<f64>>()?, [21.5, 22.0]);
    /// # Ok::<(), eventstream_rpc::json::Error>(())
    /// ```
    pub fn from_json<T: Serialize + ?Sized>(value: &T) -> Result<Self, Error> {
        to_vec(value).map(Self::from)
    }

    /// Reads the bytes as JSON, as [`typed_from_slice`] does.
    ///
    /// # Errors
    ///
    /// Bytes that are not JSON, or a value that does not fit the type; the error names its path.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        typed_from_slice(self)
    }
}

/// Reads JSON text as a value of the application.
///
/// A whole number that is written with a fraction or an exponent, such as `5.0`, is read into an integer: the Java
/// nucleus writes all numbers of documents and configurations this way.
///
/// # Errors
///
/// Text that is not JSON, or a value that does not fit the type; the error names its path.
pub fn typed_from_slice<T: DeserializeOwned>(json: &[u8]) -> Result<T, Error> {
    match serde_json::from_slice(json) {
        Err(error) if error.is_data() => typed(serde_json::from_slice(json)?),
        result => Ok(result?),
    }
}

/// Reads a document as a value of the application, as [`typed_from_slice`] does.
///
/// # Errors
///
/// A value that does not fit the type; the error names its path.
pub fn typed_from_document<T: DeserializeOwned>(document: &Value) -> Result<T, Error> {
    T::deserialize(document).or_else(|_| typed(document.clone()))
}

fn typed<T: DeserializeOwned>(mut value: Value) -> Result<T, Error> {
    make_whole(&mut value);
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        Error::new(error.into_inner(), if path == "." { String::new() } else { path })
    })
}

/// Turns whole floating-point numbers into integers.
fn make_whole(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let float = number.as_f64().filter(|it| number.is_f64() && it.fract() == 0.0);
            // Larger numbers do not fit. The conversion is exact, because the number is whole and in range.
            let whole = float.filter(|it| (-9e18..=9e18).contains(it));
            if let Some(whole) = whole {
                *number = Number::from(whole as i64);
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(make_whole),
        Value::Object(members) => members.values_mut().for_each(make_whole),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Settings {
        interval: u32,
        #[serde(flatten)]
        mode: Mode,
        names: Vec<Option<String>>,
        counts: BTreeMap<u8, i64>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(tag = "mode")]
    enum Mode {
        Fast { factor: i8 },
    }

    #[track_caller]
    fn check(document: Value, expected: &Settings) {
        assert_eq!(typed_from_document::<Settings>(&document).unwrap(), *expected);
        let text = document.to_string();
        assert_eq!(typed_from_slice::<Settings>(text.as_bytes()).unwrap(), *expected);
    }

    #[test]
    fn whole_numbers_are_integers() {
        let expected = Settings {
            interval: 5,
            mode: Mode::Fast { factor: -1 },
            names: vec![None, Some("a".to_owned())],
            counts: BTreeMap::from([(1, 2)]),
        };
        let rest = |interval: Value, factor: Value, count: Value| {
            json!({
                "interval": interval, "mode": "Fast", "factor": factor, "names": [null, "a"],
                "counts": { "1": count },
            })
        };
        check(rest(json!(5), json!(-1), json!(2)), &expected);
        check(rest(json!(5.0), json!(-1.0), json!(2.0)), &expected);
    }

    #[test]
    fn an_error_names_the_path_and_not_the_value() {
        let read = |it: Value| {
            typed_from_document::<BTreeMap<String, Vec<u8>>>(&it).unwrap_err().to_string()
        };
        assert_eq!(
            read(json!({ "a": [1.0, 2.5] })),
            "invalid type: floating point, expected u8 at a[1]"
        );
        assert_eq!(read(json!({ "a": [-1.0] })), "invalid value: integer, expected u8 at a[0]");
        assert_eq!(read(json!("secret")), "invalid type: string, expected a map");
        assert_eq!(
            read(json!({ "a": [1e300] })),
            "invalid type: floating point, expected u8 at a[0]"
        );
        let error = typed_from_slice::<u8>(b"{").unwrap_err().to_string();
        assert!(error.starts_with("EOF while parsing"), "{error}");
    }
}
