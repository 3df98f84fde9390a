//! Benchmarks of the whole generator: as a function, from the text of a model to the texts of its crate, and as a
//! program, from a model file to a folder that is up to date.
//!
//! The models stay in `target/tmp/models`, so that the program can also be measured from outside, for example its
//! processor time, memory and instructions.

mod models;

use std::{fs, hint::black_box, path::Path, process::Command, time::Duration};

use codegen::{Config, Source, generate};
use criterion::{
    BenchmarkGroup, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
    measurement::WallTime,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_codegen");

fn pipeline(criterion: &mut Criterion) {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    let read = |path: &str| fs::read_to_string(workspace.join(path)).expect("a model");
    let models = [
        ("greengrass", read("model/greengrass-core-ipc.json")),
        ("echo", read("tests/echo/model/echo.json")),
        // Four sizes of the same kind: the time per file must not grow with the number of files.
        ("dense-1250", models::dense(1_250)),
        ("dense-2500", models::dense(2_500)),
        ("dense-5000", models::dense(5_000)),
        ("large-3mb", models::large(3_000_000)),
    ];
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("models");
    fs::create_dir_all(&folder).expect("a folder for models");
    for (name, json) in &models {
        let model = folder.join(format!("{name}.json"));
        fs::write(&model, json).expect("a model");
        let sources = [Source { path: name, json: black_box(json) }];
        let generated = generate(&Config::new(*name), &sources).expect("a model without errors");

        let mut group = criterion.benchmark_group("function");
        group.throughput(Throughput::Elements(generated.files.len() as u64));
        limit(&mut group);
        group.bench_function(*name, |bencher| {
            bencher.iter(|| generate(&Config::new(*name), &sources).is_ok());
        });
        group.finish();

        let out = folder.join(name).join("src");
        let mut program = Command::new(PROGRAM);
        program.arg("--model").arg(&model).arg("--out").arg(&out).arg("--crate").arg("bench");
        let mut group = criterion.benchmark_group("program");
        limit(&mut group);
        group.bench_function(*name, |bencher| {
            bencher.iter(|| program.output().expect("the program runs").status.success());
        });
        group.finish();
    }
}

/// Limits the samples, because the large models take seconds. All benchmarks take about three minutes on a slow machine.
fn limit(group: &mut BenchmarkGroup<'_, WallTime>) {
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
}

criterion_group!(benches, pipeline);
criterion_main!(benches);
