//! Boxes in structures that contain each other.

use std::{collections::HashSet, fmt::Write};

use crate::support::generated;
use codegen::Config;
use test_util::Random;

/// The edges between structures whose members are boxed.
fn boxed(count: usize, edges: &HashSet<(usize, usize)>) -> HashSet<(usize, usize)> {
    let mut shapes =
        r#""a#S": {"type": "service", "version": "1", "operations": [{"target": "a#Op"}]},
        "a#Op": {"type": "operation", "input": {"target": "a#In"}}"#
            .to_owned();
    let member = |to: usize| format!(r#""m{to}": {{"target": "a#N{to}"}}"#);
    let mut structure = |name: String, targets: Vec<usize>| {
        let members: Vec<_> = targets.into_iter().map(member).collect();
        let members = members.join(", ");
        write!(shapes, r#", "a#{name}": {{"type": "structure", "members": {{{members}}}}}"#)
            .unwrap();
    };
    structure("In".to_owned(), (0..count).collect());
    for from in 0..count {
        let targets = (0..count).filter(|to| edges.contains(&(from, *to)));
        structure(format!("N{from}"), targets.collect());
    }
    let json = format!(r#"{{"smithy": "2.0", "shapes": {{{shapes}}}}}"#);
    let files = generated(&Config::new("recursion"), &json).files;
    let has_box = |&(from, to): &(usize, usize)| {
        let file = files.iter().find(|it| it.path == format!("types/n{from}.rs")).unwrap();
        let field = |ty: &str| format!("pub m{to}: Option<{ty}>");
        let is_boxed = file.contents.contains(&field(&format!("Box<N{to}>")));
        assert!(is_boxed || file.contents.contains(&field(&format!("N{to}"))), "{}", file.contents);
        is_boxed
    };
    edges.iter().copied().filter(has_box).collect()
}

#[test]
fn a_member_is_boxed_if_its_type_leads_back_and_its_name_does_not_come_first() {
    let mut random = Random::new(1);
    let mut cycles = 0;
    for _ in 0..100 {
        let count = 1 + random.below(9);
        let len = random.below(20);
        let edges: HashSet<_> =
            (0..len).map(|_| (random.below(count), random.below(count))).collect();
        let reaches = |from: usize, to: usize| {
            let (mut reached, mut pending) = (HashSet::new(), vec![from]);
            while let Some(node) = pending.pop() {
                if reached.insert(node) {
                    pending.extend(edges.iter().filter(|it| it.0 == node).map(|it| it.1));
                }
            }
            reached.contains(&to)
        };
        let expected = edges.iter().copied().filter(|(from, to)| from <= to && reaches(*to, *from));
        let expected: HashSet<_> = expected.collect();
        cycles += expected.len();
        assert_eq!(boxed(count, &edges), expected, "{edges:?}");
    }
    assert!(cycles > 100, "{cycles}");
}
