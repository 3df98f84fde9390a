//! Maps whose keys are consecutive numbers.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// A map by number. The keys are consecutive and not chosen by a peer, so that a simple hash is safe.
pub(super) type NumberMap<K, V> = HashMap<K, V, BuildHasherDefault<NumberHasher>>;

/// The capacity that an empty map keeps.
const KEPT: usize = 64;

/// Frees the memory of a map that has become empty.
pub(super) fn shrink<K, V>(map: &mut NumberMap<K, V>) {
    if map.is_empty() && map.capacity() > KEPT {
        *map = NumberMap::default();
    }
}

/// Hashes numbers by a multiplication.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NumberHasher(u64);

/// 2 to the power of 64 divided by the golden ratio, which spreads consecutive numbers.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|it| self.write_u64((*it).into()));
    }

    fn write_i32(&mut self, number: i32) {
        self.write_u64(number as u64);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(FACTOR);
    }
}
