//! The processes that a script has started, and those that they have started.

use rustix::process::{Pid, Signal, kill_process_group};

/// The variable that all processes of a tree have in their environment.
///
/// It identifies processes that have left the group and whose parent has ended, such as daemons.
pub(super) const MARK_VARIABLE: &str = "GREENGRASS_LOCAL_CORE_PROCESS";

/// The tree of processes that begins with one.
#[derive(Debug)]
pub(super) struct Tree {
    /// The process group that the first process leads.
    group: Pid,
    /// The value of [`MARK_VARIABLE`].
    #[cfg_attr(
        not(target_os = "linux"),
        allow(dead_code, reason = "processes are not searched there")
    )]
    mark: String,
    /// The processes that were found last. One that is ending no longer has variables.
    #[cfg(target_os = "linux")]
    found: Vec<linux::Member>,
}

impl Tree {
    pub(super) fn new(group: Pid, mark: String) -> Self {
        Self {
            group,
            mark,
            #[cfg(target_os = "linux")]
            found: Vec::new(),
        }
    }
}

#[cfg(target_os = "linux")]
impl Tree {
    pub(super) fn is_alive(&mut self) -> bool {
        self.find();
        !self.found.is_empty()
    }

    /// Sends a signal to each process once.
    pub(super) fn signal(&mut self, signal: Signal) {
        self.find();
        if self.found.iter().any(|it| it.group == Some(self.group)) {
            // Ignored here and below: the process may have ended.
            let _ = kill_process_group(self.group, signal);
        }
        for member in self.found.iter().filter(|it| it.group != Some(self.group)) {
            let _ = rustix::process::kill_process(member.id, signal);
        }
    }

    /// Stops all processes, also those that are started meanwhile.
    pub(super) fn pause(&mut self) {
        for _ in 0..ATTEMPTS {
            self.signal(Signal::STOP);
            let stopped = self.found.clone();
            self.find();
            if self.found == stopped {
                break;
            }
        }
    }

    /// Kills all processes, also those that are started meanwhile.
    pub(super) fn kill(&mut self) {
        // A killed process is listed until the kernel has ended it, so the number of attempts is bounded.
        for _ in 0..ATTEMPTS {
            self.signal(Signal::KILL);
            if !self.is_alive() {
                break;
            }
            std::thread::yield_now();
        }
    }

    fn find(&mut self) {
        self.found = linux::members(self);
    }
}

/// The number of times that [`Tree::pause`] and [`Tree::kill`] look for processes.
#[cfg(target_os = "linux")]
const ATTEMPTS: usize = 5;

/// Kills the processes of a core that was killed, whose components had these variables. Returns their number.
#[cfg(target_os = "linux")]
pub(super) fn kill_left_behind(by: &[&str]) -> usize {
    let mut killed = std::collections::BTreeSet::new();
    for _ in 0..ATTEMPTS {
        let found = linux::left_behind(by);
        if found.is_empty() {
            break;
        }
        for it in found {
            let _ = rustix::process::kill_process(it.id, Signal::KILL);
            killed.insert(it.id.as_raw_nonzero());
        }
        std::thread::yield_now();
    }
    killed.len()
}

// Elsewhere, processes that leave the group are not found.
#[cfg(not(target_os = "linux"))]
pub(super) fn kill_left_behind(_: &[&str]) -> usize {
    0
}

#[cfg(not(target_os = "linux"))]
impl Tree {
    pub(super) fn is_alive(&mut self) -> bool {
        rustix::process::test_kill_process_group(self.group).is_ok()
    }

    pub(super) fn signal(&mut self, signal: Signal) {
        // Ignored: the processes may have ended.
        let _ = kill_process_group(self.group, signal);
    }

    pub(super) fn pause(&mut self) {
        self.signal(Signal::STOP);
    }

    pub(super) fn kill(&mut self) {
        self.signal(Signal::KILL);
    }
}

#[cfg(target_os = "linux")]
pub(super) mod linux {
    use std::{fs, time::Duration};

    use rustix::process::Pid;

    use super::{MARK_VARIABLE, Tree};

    /// A process, as `/proc` shows it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(in crate::process) struct Member {
        pub(in crate::process) id: Pid,
        pub(in crate::process) parent: Option<Pid>,
        pub(in crate::process) group: Option<Pid>,
        pub(in crate::process) session: Option<Pid>,
        /// Whether it has ended, and its parent has not reaped it.
        pub(in crate::process) is_ended: bool,
        /// The time of its start, which differs if another process has the same id later.
        start: u64,
    }

    /// The running processes of a tree.
    pub(super) fn members(tree: &Tree) -> Vec<Member> {
        let mark = format!("{MARK_VARIABLE}={}", tree.mark);
        let is_same = |one: &Member, other: &Member| one.id == other.id && one.start == other.start;
        with_descendants(|it| {
            it.group == Some(tree.group)
                || tree.found.iter().any(|found| is_same(found, it))
                || split(&variables(it.id)).any(|it| it == mark.as_bytes())
        })
    }

    /// The running processes of a core that was killed, whose components had these variables.
    pub(super) fn left_behind(by: &[&str]) -> Vec<Member> {
        let mark = format!("{MARK_VARIABLE}=");
        with_descendants(|it| {
            let variables = variables(it.id);
            // A component that was started by hand has no mark.
            split(&variables).any(|it| it.starts_with(mark.as_bytes()))
                && split(&variables).any(|it| by.iter().any(|by| it == by.as_bytes()))
        })
    }

    fn with_descendants(is_member: impl Fn(&Member) -> bool) -> Vec<Member> {
        let (mut members, mut others): (Vec<_>, Vec<_>) = running().partition(is_member);
        // A process can remove its variables; its parent is known while that runs.
        loop {
            let is_child = |it: &Member| members.iter().any(|of| it.parent == Some(of.id));
            let (children, rest): (Vec<_>, Vec<_>) = others.into_iter().partition(is_child);
            if children.is_empty() {
                return members;
            }
            members.extend(children);
            others = rest;
        }
    }

    fn running() -> impl Iterator<Item = Member> {
        processes().filter(|it| !it.is_ended)
    }

    pub(in crate::process) fn processes() -> impl Iterator<Item = Member> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let names = entries.filter_map(|it| it.file_name().into_string().ok());
        let ids = names.filter_map(|it| parsed(&it)?);
        // A process that ends meanwhile has no file.
        ids.filter_map(|id| member(id, &fs::read(stat_path(id)).ok()?))
    }

    fn stat_path(id: Pid) -> String {
        format!("/proc/{}/stat", id.as_raw_nonzero())
    }

    /// Parses a line of the form `ID (NAME) STATE PARENT GROUP …`, with the session in the field 6 and the start in the
    /// field 22.
    fn member(id: Pid, stat: &[u8]) -> Option<Member> {
        // The name can contain anything.
        let end = stat.iter().rposition(|it| *it == b')')?;
        let mut fields = std::str::from_utf8(&stat[end + 1..]).ok()?.split_ascii_whitespace();
        let is_ended = matches!(fields.next()?, "Z" | "X");
        let mut next_id = || parsed(fields.next()?);
        let (parent, group, session) = (next_id()?, next_id()?, next_id()?);
        let start = fields.nth(15)?.parse().ok()?;
        Some(Member { id, parent, group, session, is_ended, start })
    }

    /// A process id, or `None` within if it is 0, as for a process outside the PID namespace. Those of a process that has
    /// just been reaped are -1.
    pub(in crate::process) fn parsed(id: &str) -> Option<Option<Pid>> {
        let id = id.parse().ok().filter(|it| *it >= 0)?;
        Some(Pid::from_raw(id))
    }

    /// The single variables, in the form `NAME=VALUE`.
    fn split(variables: &[u8]) -> impl Iterator<Item = &[u8]> {
        variables.split(|it| *it == 0)
    }

    /// The variables of a process.
    fn variables(id: Pid) -> Vec<u8> {
        let path = |name| format!("/proc/{}/{name}", id.as_raw_nonzero());
        for _ in 0..EXEC_ATTEMPTS {
            let variables = fs::read(path("environ")).unwrap_or_default();
            if !variables.is_empty() {
                return variables;
            }
            // While a process executes another program, it has neither variables nor arguments. A process without
            // a program belongs to the kernel.
            let has_arguments = fs::read(path("cmdline")).is_ok_and(|it| !it.is_empty());
            if has_arguments || fs::read_link(path("exe")).is_err() {
                break;
            }
            std::thread::sleep(EXEC_INTERVAL);
        }
        Vec::new()
    }

    /// The number of times that the variables of a process are read.
    const EXEC_ATTEMPTS: usize = 50;
    const EXEC_INTERVAL: Duration = Duration::from_millis(1);

    #[cfg(test)]
    mod tests {
        use super::{Member, Pid, member};

        fn pid(id: i32) -> Pid {
            Pid::from_raw(id).unwrap()
        }

        #[test]
        fn a_name_can_contain_anything() {
            let found = member(
                pid(7),
                b"7 (a) Z 1 (b) S 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23",
            );
            let (parent, group) = (Some(pid(5)), Some(pid(6)));
            let (id, session, is_ended) = (pid(7), Some(pid(7)), false);
            let running = Member { id, parent, group, session, is_ended, start: 23 };
            assert_eq!(found, Some(running));
            assert_eq!(
                member(id, b"7 (sh) Z 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23"),
                Some(Member { is_ended: true, ..running })
            );
            let outside = b"7 (sh) S 0 0 0 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23";
            let (parent, group, session) = (None, None, None);
            assert_eq!(member(id, outside), Some(Member { parent, group, session, ..running }));
            assert_eq!(member(pid(7), b"7 (sh) S"), None);
            assert_eq!(member(pid(7), b""), None);
            let reaped = b"7 (sh) X -1 -1 -1 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23";
            assert_eq!(member(pid(7), reaped), None);
        }
    }
}
