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
/// The maximum length of a text or binary value other than the payload in a packet of MQTT, in bytes.
const MAX_VALUE_LEN: usize = u16::MAX as usize;
/// The MQTT 5 reason code of a filter that is not valid.
const TOPIC_FILTER_INVALID: u8 = 0x8F;

/// Checks a message to publish.
pub(super) fn check_message(message: &Message) -> Result<(), String> {
    check_topic(&message.topic)?;
    let len = message.payload.len();
    if len > MAX_PAYLOAD_LEN {
        return Err(format!("the payload has {len} bytes; the limit is {MAX_PAYLOAD_LEN}"));
    }
    if let Some(topic) = &message.response_topic {
        if has_wildcard(topic) || topic.is_empty() {
            return Err("the response topic is empty or contains a wildcard".to_owned());
        }
        check_text("the response topic", topic)?;
    }
    if let Some(it) = &message.content_type {
        check_text("the content type", it)?;
    }
    for (key, value) in &message.user_properties {
        check_text("the key of a user property", key)?;
        check_text("the value of a user property", value)?;
    }
    check_value_len(
        "the correlation data",
        message.correlation_data.as_ref().map_or(0, |it| it.len()),
    )
}

fn check_topic(topic: &str) -> Result<(), String> {
    if has_wildcard(topic) {
        return Err("the topic contains a wildcard: + or #".to_owned());
    }
    check_text("the topic", topic)?;
    check_len(topic)
}

/// Checks a filter to subscribe to.
pub(super) fn check_filter(filter: &str) -> Result<(), Refused> {
    check_text("the filter", filter)?;
    let invalid =
        |reason: &str| Err(Refused { reason: reason.to_owned(), code: Some(TOPIC_FILTER_INVALID) });
    let is_shared = filter.split('/').next() == Some("$share");
    let inner = without_share(filter);
    if is_shared && inner.is_none_or(str::is_empty) {
        return invalid(
            "a shared subscription has the form $share/GROUP/FILTER, without wildcards in GROUP",
        );
    }
    let inner = inner.unwrap_or(filter);
    check_len(inner)?;
    let last = inner.split('/').count() - 1;
    let mut levels = inner.split('/').enumerate();
    let is_valid = |(index, level): (usize, &str)| match level {
        "+" => true,
        "#" => index == last,
        level => !has_wildcard(level),
    };
    if levels.all(is_valid) {
        Ok(())
    } else {
        invalid("the filter has a wildcard that is not a whole level, or a # before its end")
    }
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
    if topic.is_empty() {
        return Err("the topic is empty".to_owned());
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

/// Checks a text of a packet. A broker ends the connection of a client that sends another one.
pub(super) fn check_text(name: &str, text: &str) -> Result<(), String> {
    let is_noncharacter = |it: u32| it & 0xFFFE == 0xFFFE || (0xFDD0..=0xFDEF).contains(&it);
    let is_invalid = |it: &char| it.is_control() || is_noncharacter(u32::from(*it));
    match text.chars().find(is_invalid) {
        Some(it) => Err(format!(
            "{name} contains U+{:04X}, but no text of MQTT has control characters or noncharacters",
            u32::from(it)
        )),
        None => check_value_len(name, text.len()),
    }
}

/// Checks the length of a value of a packet. The client panics on one that is too long.
pub(super) fn check_value_len(name: &str, len: usize) -> Result<(), String> {
    if len > MAX_VALUE_LEN {
        return Err(format!("{name} has {len} bytes; the limit is {MAX_VALUE_LEN}"));
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
            ("a\u{1}".to_owned(), false),
            ("a\u{80}".to_owned(), false),
            ("a\u{fdd0}".to_owned(), false),
            ("a\u{1ffff}".to_owned(), false),
            ("a\u{fffd}".to_owned(), true),
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
            (format!("$aws/rules/{}/x", "r".repeat(MAX_VALUE_LEN)), false),
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
            ("", false),
            ("a\n", false),
            ("$share", false),
            ("$share/group", false),
            ("$share//a", false),
            ("$share/group/", false),
            ("$share/gr+up/a", false),
            ("$shared/a", true),
            ("x/x/x/x/x/x/x/x", true),
            ("x/x/x/x/x/x/x/x/#", false),
            ("$share/group/x/x/x/x/x/x/x/x", true),
        ] {
            assert_eq!(check_filter(filter).is_ok(), is_valid, "{filter}");
        }
    }

    #[test]
    fn the_parts_of_a_message_fit_into_a_packet() {
        let long = "x".repeat(MAX_VALUE_LEN);
        let longer = format!("{long}x");
        let property = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
        for (text, is_valid) in [(&*long, true), (&longer, false), ("x\u{7f}", false)] {
            let message = || Message { topic: "t".to_owned(), ..Message::default() };
            for it in [
                Message { response_topic: Some(text.to_owned()), ..message() },
                Message { content_type: Some(text.to_owned()), ..message() },
                Message { user_properties: property(text, ""), ..message() },
                Message { user_properties: property("", text), ..message() },
            ] {
                assert_eq!(check_message(&it).is_ok(), is_valid, "{} bytes", text.len());
            }
        }
        for (len, is_valid) in [(MAX_VALUE_LEN, true), (MAX_VALUE_LEN + 1, false)] {
            let correlation_data = Some(vec![0; len].into());
            let message = Message { topic: "t".to_owned(), correlation_data, ..Message::default() };
            assert_eq!(check_message(&message).is_ok(), is_valid);
        }
    }
}
