//! Simulated scripts: the statements that occur in the timelines.

use std::collections::VecDeque;

/// A statement of a script.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Op {
    Line(String),
    /// `f64::INFINITY` for a script that waits.
    Sleep(f64),
    Fork(Script),
    Exit(i32),
}

/// A script and what it does on SIGTERM.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Script {
    pub(super) ops: VecDeque<Op>,
    pub(super) on_sigterm: OnSigterm,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum OnSigterm {
    End,
    Ignore,
    Run(VecDeque<Op>),
}

/// The script of a step when it is started for the `count`th time.
pub(super) fn script(component: &str, text: &str, count: usize) -> Script {
    let line = |it: &str| Op::Line(it.to_owned());
    let ticks = || (0..20).flat_map(|_| [line("alive"), Op::Sleep(1.0)]).collect::<VecDeque<_>>();
    match component.strip_prefix("com.example.").unwrap() {
        "X" if text.starts_with("if [ ! -e f ]") => match count {
            1 => parse("$EV com.example.X run1; sleep 2; exit 1"),
            _ => parse("$EV com.example.X run2; sleep 1000"),
        },
        "Rc" if count == 3 => parse("$EV com.example.Rc run3; sleep 2; exit 0"),
        "Rc" => parse(&format!("$EV com.example.Rc run{count}; exit 1")),
        "ML" => parse("$EV com.example.ML one; $EV com.example.ML two; sleep 1000"),
        "SE" => parse("$EV com.example.SE o i2 5 true i9"),
        "Pr" | "Pn" => parse(&format!("$EV {component} root")),
        "Ch" => {
            let child = parse(&format!("trap '$EV {component} child-TERM; exit' TERM; $HOLD"));
            let stubborn = Script { ops: ticks(), on_sigterm: OnSigterm::Ignore };
            let mut main = parse(&format!(
                "trap '$EV {component} main-TERM; exit' TERM; $EV {component} run; $HOLD"
            ));
            main.ops.push_front(Op::Fork(stubborn));
            main.ops.push_front(Op::Fork(child));
            main
        }
        "Sb" if text.contains("bg-TERM") => {
            let child = parse(&format!("trap '$EV {component} bg-TERM; exit' TERM; $HOLD"));
            let mut main = parse(&format!("$EV {component} startup"));
            main.ops.push_front(Op::Fork(child));
            main
        }
        // The signal ends the program that the shell waits for first.
        "Rec" if text.contains("recover") => {
            let ops = VecDeque::from([line("recover-end"), Op::Exit(0)]);
            Script { on_sigterm: OnSigterm::Run(ops), ..parse(text) }
        }
        _ => parse(text),
    }
}

fn parse(text: &str) -> Script {
    let mut rest = text;
    let mut on_sigterm = OnSigterm::End;
    if let Some(trapped) = rest.strip_prefix("trap '") {
        let (body, main) = trapped.split_once("' TERM; ").unwrap();
        on_sigterm = OnSigterm::Run(parse(body).ops);
        rest = main;
    }
    let mut ops: VecDeque<_> = rest.split(';').filter_map(|it| statement(it.trim())).collect();
    ops.push_back(Op::Exit(0));
    Script { ops, on_sigterm }
}

fn statement(text: &str) -> Option<Op> {
    let (command, arguments) = text.split_once(' ').unwrap_or((text, ""));
    Some(match command {
        "$EV" => Op::Line(arguments.split_once(' ').unwrap().1.to_owned()),
        "sleep" => Op::Sleep(arguments.parse().unwrap()),
        "exit" => Op::Exit(arguments.parse().unwrap_or(0)),
        "$HOLD" | "while" => Op::Sleep(f64::INFINITY),
        "" => return None,
        // A signal, or a command that does not exist.
        _ => Op::Exit(127),
    })
}
