//! The invariants by random bytes. `PROPTEST_CASES=100000` tries that many; a failure prints the bytes, which
//! the fuzz target of the same name takes as well.

use proptest::{collection::vec, prelude::*};
use robustness::invariants;

/// A connection has to go through many steps before something unusual happens.
fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(2000), ..config }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn codec(data in vec(any::<u8>(), 0..300)) {
        invariants::codec(&data);
    }

    #[test]
    fn client_core(data in vec(any::<u8>(), 0..600)) {
        invariants::client_core(&data);
    }

    #[test]
    fn server_core(data in vec(any::<u8>(), 0..600)) {
        invariants::server_core(&data);
    }

    #[test]
    fn json(which in any::<u8>(), text in "[ -~]{0,100}") {
        invariants::json(&[&[which], text.as_bytes()].concat());
    }
}
