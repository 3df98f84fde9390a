//! Property tests of the invariants with random bytes. `PROPTEST_CASES=100000` sets the number of cases. A failure
//! prints the bytes, which are also an input of the fuzz target with the same name.

use proptest::{collection::vec, prelude::*};
use robustness::invariants;

/// The configuration, with many cases: unusual states take many steps to reach.
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
    fn json(shape in any::<u8>(), text in "[ -~]{0,100}") {
        invariants::json(&[&[shape], text.as_bytes()].concat());
    }
}
