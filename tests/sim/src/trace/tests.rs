use serde_json::json;

use super::*;

fn lanes() -> Vec<Lane> {
    [(0, "server"), (1, "client A")]
        .map(|(id, name)| Lane {
            id,
            name: name.to_owned(),
            role: "node".to_owned(),
        })
        .to_vec()
}

fn sample() -> Trace {
    let mut up = Event::new(Kind::Up, 0, 0);
    up.s.insert("holder".to_owned(), json!(null));
    let mut send = Event::new(Kind::Send, 1_500, 1);
    (send.id, send.to, send.c, send.m) = (
        Some(7),
        Some(0),
        Some(Class::Request),
        "acquire <a> {{#x}}".to_owned(),
    );
    let mut copy = Event::new(Kind::Dup, 1_600, 1);
    (copy.id, copy.of) = (Some(8), Some(7));
    let mut recv = Event::new(Kind::Recv, 2_000, 0);
    recv.id = Some(7);
    recv.s.insert("holder".to_owned(), json!("A"));
    recv.b = Some(vec![Band {
        l: "lease → A".to_owned(),
        u: Some(1_002_000),
    }]);
    let mut lost = Event::new(Kind::Drop, 2_100, 1);
    lost.id = Some(8);
    let events = vec![
        up,
        send,
        copy,
        recv,
        lost,
        Event::new(Kind::Crash, 1_250_000, 0),
        Event::new(Kind::Up, 3_000_000, 0),
    ];
    let violation = Violation {
        t: 3_000_000,
        invariant: "D-I1 ServiceMutex".to_owned(),
        message: "two holders".to_owned(),
        nodes: vec![0],
    };
    Trace {
        v: VERSION,
        lab: "lock".to_owned(),
        title: "A lease".to_owned(),
        seed: None,
        kept: Vec::new(),
        nodes: lanes(),
        violation: Some(violation),
        events,
    }
}

#[test]
fn a_trace_survives_its_file() {
    let trace = sample();
    assert_eq!(Trace::from_json(&trace.to_json()), Ok(trace.clone()));
    let empty = Trace {
        events: Vec::new(),
        ..trace
    };
    assert_eq!(Trace::from_json(&empty.to_json()), Ok(empty));
}

#[test]
fn another_version_is_refused_by_name() {
    let other = Trace { v: 2, ..sample() };
    assert_eq!(
        Trace::from_json(&other.to_json()),
        Err(TraceError::Version(2))
    );
}

#[test]
fn every_event_has_one_sentence() {
    let trace = sample();
    let told = Narrator::sentences(&trace);
    let expected = [
        "Server starts.",
        "Client A asks server: “acquire <a> {{#x}}”.",
        "The network copies “acquire <a> {{#x}}” from client A to server: it will arrive once more.",
        "Server receives “acquire <a> {{#x}}” from client A.",
        "The network loses “acquire <a> {{#x}}” from client A to server.",
        "Server crashes and loses what was not safely on disk.",
        "Server starts again, with what its disk kept.",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_change_knows_what_was_before() {
    let trace = sample();
    let mut narrator = Narrator::new(&trace);
    let told: Vec<_> = trace
        .events
        .iter()
        .map(|event| narrator.tell(event).1)
        .collect();
    assert_eq!(
        told[3],
        [Change {
            field: "holder".to_owned(),
            before: Some(json!(null)),
            now: json!("A")
        }]
    );
}

#[test]
fn a_figure_is_one_block_of_escaped_html() {
    let html = figure(&sample(), "lock/d1-bug");
    assert!(!html.contains("\n\n"), "a blank line would end the block");
    assert!(!html.contains("{{"), "the book would look for an include");
    assert!(
        html.contains("acquire &lt;a&gt; &#123;&#123;#x}}"),
        "{html}"
    );
    assert!(
        html.contains("D-I1 ServiceMutex is broken at 3000.000 ms:"),
        "{html}"
    );
}

#[test]
fn times_and_values_are_for_people() {
    let times = [0, 402_500, 999_999, 1_000_000, 12_004_000].map(clock_text);
    let wanted = [
        "0.000 ms",
        "402.500 ms",
        "999.999 ms",
        "1000.000 ms",
        "12004.000 ms",
    ];
    assert_eq!(times, wanted);
    assert_eq!(
        value_text(&json!({"a": [1, {"b": true}], "c": null, "d": []})),
        "a [1; b yes] · c – · d none"
    );
    let lease = json!([{"owner": "A", "token": 33, "until": 1_250_198, "valid_until": null}]);
    assert_eq!(
        value_text(&lease),
        "A · token 33 · until 1250.198 ms on its clock · valid until –"
    );
}

#[test]
fn a_terminal_gets_a_line_an_event_and_the_violation() {
    let mut trace = sample();
    trace.kept = ["late:1>0#7", "cut:0.Expire#2", "cut:1>0#7+"]
        .map(str::to_owned)
        .to_vec();
    let shown = text(&trace);
    let events = sample().events.len();
    assert!(shown.lines().count() > events + 1, "{shown}");
    assert!(shown.contains("holder = A"), "{shown}");
    for line in [
        "nodes: server (n0), client A (n1)",
        "late:1>0#7  message 7 from client A to server is late",
        "cut:0.Expire#2  a crash while server handles Expire 2",
        "cut:1>0#7+  a crash while server handles the copy of message 7 from client A to server",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    assert!(
        shown.contains("3000.000 ms  BROKEN: D-I1 ServiceMutex: "),
        "{shown}"
    );
}
