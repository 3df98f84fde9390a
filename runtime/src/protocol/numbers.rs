//! Maps whose keys are numbers that this side, or a rule of the protocol, counts up.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// A map by number. No peer chooses the keys, so that a hash that is easy to foresee will do.
pub(super) type NumberMap<K, V> = HashMap<K, V, BuildHasherDefault<NumberHasher>>;

/// An empty map keeps room for so many entries.
const KEPT: usize = 64;

/// Gives back the memory of a map if it has become empty.
pub(super) fn shrink<K, V>(map: &mut NumberMap<K, V>) {
    if map.is_empty() && map.capacity() > KEPT {
        *map = NumberMap::default();
    }
}

/// Spreads numbers by a multiplication.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NumberHasher(u64);

/// 2 to the power of 64 divided by the golden ratio, which spreads numbers that follow each other.
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
