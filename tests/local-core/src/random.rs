//! Random tokens, which others cannot guess.

use std::hash::{BuildHasher, RandomState};

/// Random bytes.
pub(crate) fn bytes<const LEN: usize>() -> [u8; LEN] {
    // The standard library obtains the keys of its hashers from the operating system.
    let keys = RandomState::new();
    std::array::from_fn(|at| keys.hash_one(at as u64 / 8).to_le_bytes()[at % 8])
}

/// A token in the format of the Java nucleus: 16 random characters.
pub(crate) fn token() -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ01234567";
    bytes::<16>().iter().map(|it| char::from(ALPHABET[usize::from(it % 32)])).collect()
}

/// A random UUID.
pub(crate) fn uuid() -> String {
    let number = u128::from_le_bytes(bytes());
    // The version and the variant of RFC 9562.
    let number = number & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let digits = format!("{number:032x}");
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::{bytes, token, uuid};

    #[test]
    fn random_values_differ_and_have_their_form() {
        assert_ne!(bytes::<32>(), bytes());
        assert_ne!(bytes::<16>()[..8], bytes::<16>()[8..]);
        assert_eq!(token().len(), 16);
        let uuid = uuid();
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"), "{uuid}");
        assert!(crate::operations::is_uuid(&uuid) && "89ab".contains(&uuid[19..20]), "{uuid}");
    }
}
