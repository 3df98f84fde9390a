//! Generates the module `thermometer` from the models in `model/`.

fn main() -> Result<(), codegen::build::Error> {
    codegen::build::module(&codegen::Config::module("crate::thermometer"), &["model"])?;
    Ok(())
}
