//! Operations, answers, timers.

use crate::toy::{Op, alone};
use crate::{local, paused};
use node::shell::{Asked, ShellError};
use std::time::Duration;

#[test]
fn an_operation_that_waits_for_nothing_is_answered_at_once() {
    local(async {
        let shell = alone();
        for op in [Op::Echo(7), Op::Append(7), Op::Vote(7)] {
            let Ok(Asked::Answered(7)) = shell.ask(op) else {
                panic!("not answered inside ask");
            };
        }
    });
}

#[test]
fn a_timer_fires_when_it_is_due_and_setting_it_again_replaces_it() {
    paused(async {
        let shell = alone();
        let started = tokio::time::Instant::now();
        let Ok(Asked::Waits(replaced)) = shell.ask(Op::Sleep(10)) else {
            panic!("a sleep answers later");
        };
        assert_eq!(shell.call(Op::Sleep(250)).await, Ok(250));
        assert_eq!(started.elapsed(), Duration::from_millis(250));
        drop(replaced);
        assert_eq!(shell.view().cancelled, 1);
    });
}

#[test]
fn many_answers_come_in_order_and_end() {
    local(async {
        let shell = alone();
        let Ok(Asked::Waits(mut answers)) = shell.ask(Op::Count(3)) else {
            panic!("many answers come later");
        };
        for expected in [Some(0), Some(1), Some(2), Some(3), None] {
            assert_eq!(answers.next().await, Ok(expected));
        }
        drop(answers);
        assert_eq!(shell.view().cancelled, 0);
    });
}

#[test]
fn a_client_that_takes_no_answers_is_cancelled_instead_of_filling_memory() {
    local(async {
        let shell = alone();
        let Ok(Asked::Waits(mut answers)) = shell.ask(Op::Count(1_000_000)) else {
            panic!("many answers come later");
        };
        tokio::task::yield_now().await;
        let mut taken = 0;
        let end = loop {
            match answers.next().await {
                Ok(Some(_)) => taken += 1,
                end => break end,
            }
        };
        assert_eq!(end, Err(ShellError::TooSlow));
        assert!(taken < 10_000, "{taken} answers were kept");
        assert_eq!(shell.view().cancelled, 1);
    });
}

#[test]
fn dropping_a_watch_cancels_it() {
    local(async {
        let shell = alone();
        let Ok(Asked::Waits(mut watch)) = shell.ask(Op::Watch) else {
            panic!("a watch answers later");
        };
        assert_eq!(watch.next().await, Ok(Some(0)));
        drop(watch);
        assert_eq!(shell.view().cancelled, 1);
    });
}

#[test]
fn a_panic_stops_the_node_and_says_why() {
    local(async {
        let shell = alone();
        let Ok(Asked::Waits(mut watch)) = shell.ask(Op::Watch) else {
            panic!("a watch answers later");
        };
        assert_eq!(watch.next().await, Ok(Some(0)));
        let why = ShellError::Panicked("a bug of the toy".into());
        assert_eq!(shell.call(Op::Panic).await, Err(why.clone()));
        assert_eq!(shell.call(Op::Echo(1)).await, Err(why.clone()));
        assert_eq!(watch.next().await, Err(why.clone()));
        assert_eq!(shell.stopped().await, why);
    });
}

#[test]
fn after_a_shutdown_nothing_is_taken() {
    local(async {
        let shell = alone();
        assert_eq!(shell.shutdown().await, Ok(()));
        assert_eq!(shell.call(Op::Echo(1)).await, Err(ShellError::Stopped));
        assert_eq!(shell.stopped().await, ShellError::Stopped);
    });
}
