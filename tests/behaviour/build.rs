//! Generates the module `thermometer` from the models in `model/`, with a client and a server.

use codegen::{Config, Sides, build};

fn main() -> Result<(), build::Error> {
    let mut config = Config::module("crate::thermometer");
    config.sides = Sides::NONE.with_client().with_server();
    build::module(&config, &["model"])?;
    Ok(())
}
