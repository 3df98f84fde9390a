//! The processes that a script has started, and those that they have started.

use rustix::process::{Pid, Signal, kill_process_group};

/// The variable that all processes of a tree have in their environment.
///
/// It identifies processes that have left the group and whose parent has ended, such as daemons.
pub(super) const MARK_VARIABLE: &str = "GREENGRASS_LOCAL_CORE_PROCESS";

/// A new value of [`MARK_VARIABLE`].
pub(super) fn new_mark() -> String {
    crate::socket::token()
}

/// The tree of processes that begins with one.
#[derive(Debug)]
pub(super) struct Tree {
    /// The process group that the first process leads.
    pub(super) group: Pid,
    /// The value of [`MARK_VARIABLE`].
    pub(super) mark: String,
}

#[cfg(target_os = "linux")]
impl Tree {
    pub(super) fn is_alive(&self) -> bool {
        !linux::members(self).is_empty()
    }

    /// Sends a signal to each process once.
    pub(super) fn signal(&self, signal: Signal) {
        let members = linux::members(self);
        if members.iter().any(|it| it.group == self.group) {
            // Ignored here and below: the process may have ended.
            let _ = kill_process_group(self.group, signal);
        }
        for member in members.iter().filter(|it| it.group != self.group) {
            let _ = rustix::process::kill_process(member.id, signal);
        }
    }

    /// Kills all processes, also those that are started meanwhile.
    pub(super) fn kill(&self) {
        // A killed process is listed until the kernel has ended it, so the number of attempts is bounded.
        for _ in 0..ATTEMPTS {
            self.signal(Signal::KILL);
            if !self.is_alive() {
                break;
            }
            std::thread::yield_now();
        }
    }
}

/// The number of times that [`Tree::kill`] looks for processes.
#[cfg(target_os = "linux")]
const ATTEMPTS: usize = 5;

// Elsewhere, processes that leave the group are not found.
#[cfg(not(target_os = "linux"))]
impl Tree {
    pub(super) fn is_alive(&self) -> bool {
        rustix::process::test_kill_process_group(self.group).is_ok()
    }

    pub(super) fn signal(&self, signal: Signal) {
        // Ignored: the processes may have ended.
        let _ = kill_process_group(self.group, signal);
    }

    pub(super) fn kill(&self) {
        self.signal(Signal::KILL);
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;

    use rustix::process::Pid;

    use super::{MARK_VARIABLE, Tree};

    /// A process, as `/proc` shows it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) struct Member {
        pub(super) id: Pid,
        parent: Option<Pid>,
        pub(super) group: Pid,
    }

    /// The running processes of a tree.
    pub(super) fn members(tree: &Tree) -> Vec<Member> {
        let mark = format!("{MARK_VARIABLE}={}", tree.mark);
        let (mut members, mut others): (Vec<_>, Vec<_>) =
            running().partition(|it| it.group == tree.group || has_variable(it.id, &mark));
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
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let names = entries.filter_map(|it| it.file_name().into_string().ok());
        let ids = names.filter_map(|it| Pid::from_raw(it.parse().ok()?));
        // A process that ends meanwhile has no file.
        ids.filter_map(|id| member(id, &fs::read(stat_path(id)).ok()?))
    }

    fn stat_path(id: Pid) -> String {
        format!("/proc/{}/stat", id.as_raw_nonzero())
    }

    /// Parses a line of the form `ID (NAME) STATE PARENT GROUP …`. A process that has ended is none.
    fn member(id: Pid, stat: &[u8]) -> Option<Member> {
        // The name can contain anything.
        let end = stat.iter().rposition(|it| *it == b')')?;
        let mut fields = std::str::from_utf8(&stat[end + 1..]).ok()?.split_ascii_whitespace();
        let is_ended = matches!(fields.next()?, "Z" | "X");
        let mut next_id = || Some(Pid::from_raw(fields.next()?.parse().ok()?));
        let (parent, group) = (next_id()?, next_id()??);
        (!is_ended).then_some(Member { id, parent, group })
    }

    fn has_variable(id: Pid, variable: &str) -> bool {
        let variables = fs::read(format!("/proc/{}/environ", id.as_raw_nonzero()));
        variables.is_ok_and(|it| it.split(|it| *it == 0).any(|it| it == variable.as_bytes()))
    }

    #[cfg(test)]
    mod tests {
        use super::{Member, Pid, member};

        fn pid(id: i32) -> Pid {
            Pid::from_raw(id).unwrap()
        }

        #[test]
        fn a_name_can_contain_anything() {
            let found = member(pid(7), b"7 (a) Z 1 (b) S 5 6 6 0 -1 4194560");
            assert_eq!(found, Some(Member { id: pid(7), parent: Some(pid(5)), group: pid(6) }));
            assert_eq!(member(pid(7), b"7 (sh) Z 5 6 6"), None);
            assert_eq!(member(pid(7), b"7 (sh) S"), None);
            assert_eq!(member(pid(7), b""), None);
        }
    }
}
