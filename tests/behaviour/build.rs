//! Generates the module `thermometer`, with a client and a server, from the models in `model/`.

use codegen::{Config, Sides, build};

fn main() -> Result<(), build::Error> {
    let mut config = Config::module("crate::thermometer");
    config.sides = Sides::NONE.with_client().with_server();
    build::module(&config, &["model"])?;
    Ok(())
}
