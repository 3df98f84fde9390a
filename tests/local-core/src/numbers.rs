//! The form of the numbers in documents that components send.

use serde_json::{Number, Value};

use crate::Builder;

/// The form of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// Each number is a double, as in the Java nucleus: 1 comes back as 1.0, and large integers lose digits.
    #[default]
    Doubles,
    /// Numbers are kept, as in nucleus lite.
    Exact,
}

impl Numbers {
    /// A received document with its numbers in this form.
    pub(crate) fn received(self, mut document: Value) -> Value {
        if self == Self::Doubles {
            to_doubles(&mut document);
        }
        document
    }
}

impl Builder {
    /// Keeps the numbers of JSON messages and configuration values as they are sent. Default: like the Java nucleus, all
    /// become doubles, so that 1 comes back as 1.0. Those of recipes, [`Self::config`] and [`Self::set`] are always kept.
    pub fn exact_numbers(mut self) -> Self {
        self.numbers = Numbers::Exact;
        self
    }
}

fn to_doubles(value: &mut Value) {
    match value {
        Value::Number(number) if !number.is_f64() => {
            let double = number.as_f64().and_then(Number::from_f64);
            *number = double.expect("an integer of 64 bits has a double that is near");
        }
        Value::Array(items) => items.iter_mut().for_each(to_doubles),
        Value::Object(members) => members.values_mut().for_each(to_doubles),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_become_doubles_unless_they_are_kept() {
        let sent = r#"{"a":[1,-2,1.5,{"b":9007199254740993}],"c":"1"}"#;
        let document: Value = serde_json::from_str(sent).unwrap();
        assert_eq!(Numbers::Exact.received(document.clone()).to_string(), sent);
        assert_eq!(
            Numbers::Doubles.received(document).to_string(),
            r#"{"a":[1.0,-2.0,1.5,{"b":9007199254740992.0}],"c":"1"}"#
        );
    }
}
