//! The program `greengrass-local-core`.

fn main() -> std::process::ExitCode {
    greengrass_local_core::cli::main()
}
