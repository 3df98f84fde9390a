//! Processes whose parent has ended. On Linux, the program adopts those of its components.

#[cfg(target_os = "linux")]
pub(crate) use linux::{adopt, kill, reap};

// Elsewhere, a process cannot adopt others.
#[cfg(not(target_os = "linux"))]
pub(crate) fn adopt() {}

#[cfg(not(target_os = "linux"))]
pub(crate) fn reap() {}

#[cfg(not(target_os = "linux"))]
pub(crate) fn kill() -> usize {
    0
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        collections::BTreeSet,
        fs,
        sync::OnceLock,
        time::{Duration, Instant},
    };

    use rustix::process::{
        Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, waitpid,
    };

    use crate::process::tree::linux::{Member, parsed, processes};

    /// The children that this process had before it adopted any. They have nothing to do with components.
    static OTHERS: OnceLock<Vec<Pid>> = OnceLock::new();

    /// The time after which a process that cannot be killed is left alone.
    const KILL_TIME: Duration = Duration::from_secs(2);

    /// Becomes the parent of the descendants whose parent ends.
    pub(crate) fn adopt() {
        // An error means that the kernel is older than Linux 3.4.
        if set_child_subreaper(Some(getpid())).is_ok() {
            OTHERS.get_or_init(children);
        }
    }

    /// Reaps adopted processes that have ended. Scripts are left to the runtime: each leads a group in this session.
    pub(crate) fn reap() {
        let own = getpid();
        let all: Vec<_> = processes().collect();
        // `getsid` of rustix panics if the session began outside the PID namespace, as in many containers.
        let Some(session) = all.iter().find(|it| it.id == own).map(|it| it.session) else { return };
        let is_script = |it: &Member| it.group == Some(it.id) && it.session == session;
        for it in all {
            if it.is_ended && it.parent == Some(own) && !is_script(&it) {
                // An error means that it has been reaped.
                let _ = waitpid(Some(it.id), WaitOptions::NOHANG);
            }
        }
    }

    /// Kills all adopted processes and their descendants, which are adopted then. Returns the number of processes.
    ///
    /// No script may run.
    pub(crate) fn kill() -> usize {
        let Some(others) = OTHERS.get() else { return 0 };
        let mut killed = BTreeSet::new();
        let start = Instant::now();
        loop {
            let found: Vec<_> = children().into_iter().filter(|it| !others.contains(it)).collect();
            if found.is_empty() || start.elapsed() > KILL_TIME {
                return killed.len();
            }
            for id in found {
                // Errors are ignored: the process has ended.
                let _ = kill_process(id, Signal::KILL);
                let _ = waitpid(Some(id), WaitOptions::NOHANG);
                killed.insert(id.as_raw_nonzero());
            }
        }
    }

    /// The children of this process, also those that have ended.
    fn children() -> Vec<Pid> {
        // Faster than all of `/proc`, so that also processes that start others without a pause are found.
        let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        let lists = threads.map(|it| fs::read_to_string(it.path().join("children")));
        match lists.collect::<Result<String, _>>() {
            Ok(ids) => ids.split_ascii_whitespace().filter_map(|it| parsed(it)?).collect(),
            // The kernel has no such file, or a thread has just ended.
            Err(_) => {
                processes().filter(|it| it.parent == Some(getpid())).map(|it| it.id).collect()
            }
        }
    }
}
