//! The table in the README agrees with a run of this project's clients and server and of the official SDKs.

use conformance::{
    column::Column,
    official::{self, Tool},
    process::TIMEOUT,
    row::Row,
    table::{self, Outcome, Subject},
    verdict::Problem,
};

#[tokio::test]
async fn the_table_agrees_with_a_run() {
    let mut subjects =
        vec![Subject::Server, Subject::Client(Column::Ours), Subject::Client(Column::OursBlocking)];
    if official::has(Tool::Python) {
        subjects.extend([Column::PythonV1, Column::PythonV2].map(Subject::Client));
    }
    if official::has(Tool::Node) {
        subjects.push(Subject::Client(Column::JavaScript));
    }
    let outcomes = table::run(&subjects, |_| {}).await.unwrap();
    assert_eq!(outcomes.len(), subjects.len() * Row::ALL.len());
    let readme = std::fs::read_to_string(table::readme()).unwrap();
    for (outcome, cell) in table::differences(&readme, &outcomes).unwrap() {
        if outcome.subject.is_flaky(outcome.row) {
            continue;
        }
        // A busy machine may cause timeouts: repeat the test alone and with a longer timeout.
        let again = outcome.subject.run(outcome.row, 6 * TIMEOUT).await.unwrap();
        let differs = table::differences(&readme, std::slice::from_ref(&again)).unwrap();
        assert!(differs.is_empty(), "{outcome:?}, then {again:?}; the table has {cell:?}");
    }
}

#[test]
fn a_rendered_table_has_no_differences() {
    let outcome = |row, subject, verdict| Outcome { row, subject, verdict };
    let (python, server) = (Subject::Client(Column::PythonV1), Subject::Server);
    let not_applicable = Err(Problem::NotApplicable("why".to_owned()));
    let outcomes = [
        outcome(Row::Ping, python, Err(Problem::Fails("no answer".to_owned()))),
        outcome(Row::Ping, server, Ok(())),
        outcome(Row::LiteError, server, not_applicable.clone()),
        outcome(Row::WaitInHandler, server, not_applicable),
    ];
    let table = table::render(&outcomes);
    assert!(
        table.contains(
            "| ping is answered | not run | not run | pass | fails: no answer | not run |"
        )
    );
    assert_eq!(table.matches("n/a <sup>1</sup>").count(), 2);
    assert_eq!(table.matches("<sup>1</sup> why.").count(), 1);

    let empty = table::replace(
        "before\n<!-- conformance: begin; written by `cargo run -p conformance -- table` -->\n\
         old\n<!-- conformance: end -->\nafter\n",
        &table,
    );
    let readme = empty.unwrap();
    assert!(readme.starts_with("before\n") && readme.ends_with("after\n"));
    assert!(!readme.contains("old"));
    assert!(table::differences(&readme, &outcomes).unwrap().is_empty());
    let changed = outcome(Row::Ping, python, Ok(()));
    assert_eq!(table::differences(&readme, &[changed]).unwrap().len(), 1);
    assert!(table::replace("no table", &table).is_err());
}
