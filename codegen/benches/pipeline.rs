//! The whole pipeline, from the text of the Greengrass model to the text of its crate.

use std::{fs, hint::black_box, path::Path};

use codegen::{Config, Source, generate};
use criterion::{Criterion, criterion_group, criterion_main};

fn pipeline(criterion: &mut Criterion) {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    for (name, path) in
        [("greengrass", "model/greengrass-core-ipc.json"), ("echo", "tests/echo/model/echo.json")]
    {
        let json = fs::read_to_string(workspace.join(path)).expect("the model");
        let config = Config::new(name);
        criterion.bench_function(name, |it| {
            it.iter(|| generate(&config, &[Source { path, json: black_box(&json) }]).is_ok());
        });
    }
}

criterion_group!(benches, pipeline);
criterion_main!(benches);
