//! Idempotency tokens.

use std::hash::{BuildHasher, RandomState};

/// A random UUID (version 4), for a member that identifies a request (`smithy.api#idempotencyToken`).
///
/// It is unique but not secret: it is made from the random keys of the standard library's hash maps.
pub fn idempotency_token() -> String {
    let half = |index: u8| u128::from(RandomState::new().hash_one(index));
    let bits = half(0) << 64 | half(1);
    let version = bits & !(0xf << 76) | 4 << 76;
    let variant = version & !(0b11 << 62) | 0b10 << 62;
    let hex = format!("{variant:032x}");
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn tokens_are_random_uuids() {
        let tokens: HashSet<_> = (0..1000).map(|_| idempotency_token()).collect();
        assert_eq!(tokens.len(), 1000);
        let mut seen = [[false; 16]; 36];
        for token in &tokens {
            assert_eq!(token.len(), 36);
            for (at, it) in token.char_indices() {
                match at {
                    8 | 13 | 18 | 23 => assert_eq!(it, '-'),
                    14 => assert_eq!(it, '4'),
                    19 => assert!("89ab".contains(it)),
                    _ => seen[at][it.to_digit(16).unwrap() as usize] = true,
                }
            }
        }
        let random = (0..36).filter(|it| ![8, 13, 14, 18, 19, 23].contains(it));
        assert!(random.into_iter().all(|it| seen[it].iter().all(|it| *it)));
    }
}
