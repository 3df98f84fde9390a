//! Tests of many random faults, selected by a seed.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use echo::server::Server;
use test_util::{Random, authenticate};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::oneshot,
    task::JoinSet,
};

use crate::faults::{
    Tally,
    check::check,
    every::{clean, run_checked, with_virtual_time},
    session::{Faults, Setup, run_script},
    tally::watch_panics,
    wire::{Direction, Fault, Kind, proxy},
};

/// Selects up to twenty harmless faults in each direction and, in half of the cases, one that is not harmless.
pub(crate) fn random_faults(random: &mut Random, bytes: [u64; 2], is_virtual: bool) -> Faults {
    let mut faults = Faults::default();
    for (list, bytes) in [&mut faults.to_server, &mut faults.to_client].into_iter().zip(bytes) {
        for _ in 0..random.below(20) {
            let kind = match random.below(3) {
                0 => Kind::Split,
                1 => Kind::Merge,
                _ => Kind::Delay(Duration::from_millis(random.below(10))),
            };
            list.push(Fault { offset: random.below(bytes), kind });
        }
    }
    if random.below(2) == 0 {
        let at = random.below(2) as usize;
        let offset = random.below(bytes[at]);
        // In real time, only faults that are detected without a deadline.
        let kind = match random.below(if is_virtual { 7 } else { 4 }) {
            0 => Kind::Corrupt(1 << random.below(8)),
            1 => Kind::Double,
            2 => Kind::Cut,
            3 => Kind::HalfClose,
            4 => Kind::Drop,
            5 => Kind::Stall,
            _ => Kind::Delay(Duration::from_secs(random.below(60))),
        };
        let list = if at == 0 { &mut faults.to_server } else { &mut faults.to_client };
        list.push(Fault { offset, kind });
    }
    for list in [&mut faults.to_server, &mut faults.to_client] {
        list.sort_by_key(|it| it.offset);
    }
    faults
}

/// Tests sessions with random faults, one for each seed beginning with this one.
///
/// # Errors
///
/// If a session violates a rule. The error contains the seed.
pub fn random(seed: u64, sessions: u64) -> Result<Tally> {
    watch_panics();
    let mut tally = Tally::default();
    with_virtual_time(async {
        let setup = Setup::default();
        let clean = clean(&setup).await;
        for seed in seed..seed + sessions {
            let faults = random_faults(&mut Random::new(seed), clean.bytes, true);
            let report = run_checked(&setup, &clean, &faults)
                .await
                .with_context(|| format!("seed {seed}"))?;
            tally.add(name(&faults), &report);
            setup.check_another_client().await;
        }
        Ok(tally)
    })
}

/// The row of the tally for a session with these faults, named after the worst fault.
pub(crate) fn name(faults: &Faults) -> String {
    let worst = faults.all().find(|(_, it)| !it.kind.is_harmless());
    match worst {
        None => "splits, merges and delays".to_owned(),
        Some((index, fault)) => {
            let kind = match fault.kind {
                Kind::Corrupt(_) => "Corrupt".to_owned(),
                Kind::Delay(_) => "long Delay".to_owned(),
                other => format!("{other:?}"),
            };
            format!("{:?} {kind}", Direction::BOTH[index])
        }
    }
}

/// Tests concurrent sessions with random faults with one server over Unix domain sockets, in real time.
///
/// # Errors
///
/// If a session violates a rule. The error contains the seed.
pub fn over_sockets(seed: u64, sessions: u64) -> Result<Tally> {
    watch_panics();
    let clean = with_virtual_time(async { Ok(clean(&Setup::default()).await) })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let folder = Folder::new(seed)?;
        let server = Server::bind(folder.0.join("server"))?.authenticator(authenticate);
        let (stop, stopped) = oneshot::channel::<()>();
        let service = crate::faults::serve::CountingService::default();
        let serving = tokio::spawn(server.serve(service.clone(), stopped));
        let mut tasks = JoinSet::new();
        for seed in seed..seed + sessions {
            let faults = random_faults(&mut Random::new(seed), clean.bytes, false);
            let (front, back) = (folder.0.join(seed.to_string()), folder.0.join("server"));
            tasks.spawn(async move {
                let listener = UnixListener::bind(&front)?;
                let Faults { to_server, to_client } = faults.clone();
                let (steps, wire) = tokio::join!(run_script(UnixStream::connect(&front)), async {
                    let (near, _) = listener.accept().await?;
                    let far = UnixStream::connect(&back).await?;
                    proxy(near, far, to_server, to_client, Arc::default()).await;
                    std::io::Result::Ok(())
                });
                wire?;
                anyhow::Ok((seed, faults, steps?))
            });
        }
        let mut tally = Tally::default();
        while let Some(done) = tasks.join_next().await {
            let (seed, faults, report) = done??;
            check(&clean, &report, &faults)
                .map_err(|problem| anyhow::anyhow!("seed {seed}, {faults:?}: {problem}"))?;
            tally.add(format!("sockets, {}", name(&faults)), &report);
        }
        // A last session without faults.
        let report = run_script(UnixStream::connect(folder.0.join("server"))).await?;
        check(&clean, &report, &Faults::default()).map_err(anyhow::Error::msg)?;
        drop(stop);
        serving.await??;
        anyhow::ensure!(service.serving() == 0, "a handler is left");
        Ok(tally)
    })
}

/// A folder for sockets, removed when dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(seed: u64) -> Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("faults-{}-{seed}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Ignored: the folder may already be removed.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
