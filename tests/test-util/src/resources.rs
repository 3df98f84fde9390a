//! The resources that a process uses.

use std::{fmt, fs, io};

/// The resources that a process uses at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResourceUsage {
    /// Resident memory, in KiB.
    pub memory: u64,
    /// The number of threads.
    pub threads: u64,
    /// The number of open file descriptors.
    pub descriptors: u64,
    /// The number of tasks of the runtime, if known.
    pub tasks: Option<u64>,
}

impl ResourceUsage {
    /// The resources of this process and of the current runtime.
    ///
    /// # Errors
    ///
    /// If `/proc` cannot be read.
    pub fn current() -> io::Result<Self> {
        let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks() as u64;
        Ok(Self { tasks: Some(tasks), ..Self::of("self")? })
    }

    /// The resources of the process with this id.
    ///
    /// # Errors
    ///
    /// If `/proc` cannot be read.
    pub fn of(pid: impl fmt::Display) -> io::Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|it| it.strip_prefix(name));
            let number = line.and_then(|it| it.split_whitespace().next());
            number.and_then(|it| it.parse().ok()).unwrap_or_default()
        };
        Ok(Self {
            memory: field("VmRSS:"),
            threads: field("Threads:"),
            descriptors: fs::read_dir(format!("/proc/{pid}/fd"))?.count() as u64,
            tasks: None,
        })
    }

    /// Describes the counts that have increased, ignoring memory. Returns `None` if none has.
    pub fn leaked_since(&self, before: &Self) -> Option<String> {
        let pairs = [
            ("threads", Some(before.threads), Some(self.threads)),
            ("descriptors", Some(before.descriptors), Some(self.descriptors)),
            ("tasks", before.tasks, self.tasks),
        ];
        let leaks: Vec<_> = pairs
            .into_iter()
            .filter(|(_, before, now)| now > before)
            .map(|(name, before, now)| {
                format!("{name}: {} -> {}", before.unwrap_or_default(), now.unwrap_or_default())
            })
            .collect();
        (!leaks.is_empty()).then(|| leaks.join(", "))
    }
}

impl fmt::Display for ResourceUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>7} KiB, {:>2} threads, {:>3} descriptors",
            self.memory, self.threads, self.descriptors
        )?;
        match self.tasks {
            Some(tasks) => write!(f, ", {tasks:>3} tasks"),
            None => Ok(()),
        }
    }
}
