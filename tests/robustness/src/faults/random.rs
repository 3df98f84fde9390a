//! Many faults at once, by a seed.

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
    every::{clean, try_one, with_virtual_time},
    session::{Faults, Setup, run_script},
    tally::watch_panics,
    wire::{Direction, Fault, Kind, proxy},
};

/// Up to twenty faults without consequences in each direction, and one with them in half of all cases.
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
        // Where time is real nobody waits for deadlines.
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

/// Sessions with random faults, from this seed on, one for each seed.
///
/// # Errors
///
/// The first session that is not as it must be, with its seed.
pub fn random(seed: u64, sessions: u64) -> Result<Tally> {
    watch_panics();
    let mut tally = Tally::default();
    with_virtual_time(async {
        let setup = Setup::default();
        let clean = clean(&setup).await;
        for seed in seed..seed + sessions {
            let faults = random_faults(&mut Random::new(seed), clean.bytes, true);
            let report =
                try_one(&setup, &clean, &faults).await.with_context(|| format!("seed {seed}"))?;
            tally.add(name(&faults), &report);
            setup.check_another_client().await;
        }
        Ok(tally)
    })
}

/// What the session with the worst fault is called.
pub(crate) fn name(faults: &Faults) -> String {
    let worst = faults.all().find(|(_, it)| !it.kind.is_harmless());
    match worst {
        None => "pieces and delays".to_owned(),
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

/// Sessions at the same time over Unix sockets to one server, with random faults and real time.
///
/// # Errors
///
/// A session that is not as it must be, with its seed.
pub fn over_sockets(seed: u64, sessions: u64) -> Result<Tally> {
    watch_panics();
    let clean = with_virtual_time(async { Ok(clean(&Setup::default()).await) })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let folder = Folder::new(seed)?;
        let server = Server::bind(folder.0.join("server"))?.authenticator(authenticate);
        let (stop, stopped) = oneshot::channel::<()>();
        let service = crate::faults::serve::Watched::default();
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
        // One more, whose wire is well, after everything.
        let report = run_script(UnixStream::connect(folder.0.join("server"))).await?;
        check(&clean, &report, &Faults::default()).map_err(anyhow::Error::msg)?;
        drop(stop);
        serving.await??;
        anyhow::ensure!(service.serving() == 0, "a handler is left");
        Ok(tally)
    })
}

/// A folder for sockets, removed afterwards.
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
        // It is of use to nobody else.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
