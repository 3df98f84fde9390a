//! The limits of topics, filters and messages, which are those of AWS IoT Core and of the Java nucleus.

use super::{Message, Refused};

/// The maximum length of a payload, in bytes.
pub(super) const MAX_PAYLOAD_LEN: usize = 128 * 1024;
/// The maximum length of a topic, in characters.
const MAX_LEN: usize = 256;
/// The maximum number of slashes in a topic.
const MAX_SLASHES: usize = 7;
/// The maximum length of a topic that begins with `$`, in characters.
const MAX_RESERVED_LEN: usize = 512;
/// The MQTT 5 reason code of a filter that is not valid.
const TOPIC_FILTER_INVALID: u8 = 0x8F;

/// Checks a message to publish.
pub(super) fn check_message(message: &Message) -> Result<(), String> {
    check_topic(&message.topic)?;
    let len = message.payload.len();
    if len > MAX_PAYLOAD_LEN {
        return Err(format!("the payload has {len} bytes; the limit is {MAX_PAYLOAD_LEN}"));
    }
    match &message.response_topic {
        Some(topic) if has_wildcard(topic) || topic.is_empty() => {
            Err("the response topic is empty or contains a wildcard".to_owned())
        }
        _ => Ok(()),
    }
}

fn check_topic(topic: &str) -> Result<(), String> {
    if topic.is_empty() {
        return Err("the topic is empty".to_owned());
    }
    if has_wildcard(topic) {
        return Err("the topic contains a wildcard: + or #".to_owned());
    }
    check_len(topic)
}

/// Checks a filter to subscribe to.
pub(super) fn check_filter(filter: &str) -> Result<(), Refused> {
    let inner = without_share(filter).unwrap_or(filter);
    check_len(inner)?;
    let last = inner.split('/').count() - 1;
    let mut levels = inner.split('/').enumerate();
    let is_valid = |(index, level): (usize, &str)| match level {
        "+" => true,
        "#" => index == last,
        level => !has_wildcard(level),
    };
    if !inner.is_empty() && levels.all(is_valid) {
        return Ok(());
    }
    let reason = "the filter has a wildcard that is not a whole level, or a # before its end";
    Err(Refused { reason: reason.to_owned(), code: Some(TOPIC_FILTER_INVALID) })
}

/// The filter of a shared subscription, `$share/GROUP/FILTER`.
pub(super) fn without_share(filter: &str) -> Option<&str> {
    let (group, filter) = filter.strip_prefix("$share/")?.split_once('/')?;
    (!group.is_empty() && !has_wildcard(group)).then_some(filter)
}

fn has_wildcard(topic: &str) -> bool {
    topic.contains(['+', '#'])
}

fn check_len(topic: &str) -> Result<(), String> {
    if topic.contains('\0') {
        return Err("the topic contains the character U+0000".to_owned());
    }
    // The topic of a rule does not count the name of the rule.
    let of_rule =
        topic.strip_prefix("$aws/rules/").map(|it| it.split_once('/').unwrap_or_default().1);
    let is_reserved = of_rule.is_none() && topic.starts_with('$');
    let topic = of_rule.unwrap_or(topic);
    let limit = if is_reserved { MAX_RESERVED_LEN } else { MAX_LEN };
    let len = topic.encode_utf16().count();
    if len > limit {
        return Err(format!("the topic has {len} characters; the limit is {limit}"));
    }
    let slashes = topic.matches('/').count();
    if !is_reserved && slashes > MAX_SLASHES {
        return Err(format!("the topic has {slashes} slashes; the limit is {MAX_SLASHES}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_have_the_limits_of_iot_core() {
        let long = |prefix: &str, len| format!("{prefix}{}", "x".repeat(len));
        for (topic, is_valid) in [
            ("a/b".to_owned(), true),
            ("/".to_owned(), true),
            ("a*".to_owned(), true),
            (String::new(), false),
            ("a/+".to_owned(), false),
            ("a#".to_owned(), false),
            ("a\0".to_owned(), false),
            ("/".repeat(7), true),
            ("/".repeat(8), false),
            (long("", 256), true),
            (long("", 257), false),
            ("\u{e9}".repeat(256), true),
            (long("$", 511), true),
            (long("$", 512), false),
            (format!("$aws/things{}", "/x".repeat(20)), true),
            (long("$aws/rules/a-rule-with-a-long-name/", 256), true),
            (long("$aws/rules/a-rule-with-a-long-name/", 257), false),
            (format!("$aws/rules/r/x{}", "/x".repeat(7)), true),
            (format!("$aws/rules/r/x{}", "/x".repeat(8)), false),
        ] {
            assert_eq!(check_topic(&topic).is_ok(), is_valid, "{topic}");
        }
    }

    #[test]
    fn filters_have_wildcards_as_whole_levels() {
        for (filter, is_valid) in [
            ("a/b", true),
            ("#", true),
            ("+", true),
            ("+/+/#", true),
            ("/+", true),
            ("a/#/b", false),
            ("a#", false),
            ("a/b+", false),
            ("$share/group/a/#", true),
            ("$share/group/", false),
            ("$share/gr+up/a", false),
            ("x/x/x/x/x/x/x/x", true),
            ("x/x/x/x/x/x/x/x/#", false),
            ("$share/group/x/x/x/x/x/x/x/x", true),
        ] {
            assert_eq!(check_filter(filter).is_ok(), is_valid, "{filter}");
        }
    }
}
