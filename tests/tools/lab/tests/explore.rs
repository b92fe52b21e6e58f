//! The page's bridge to the learner's code: what the code does to its process is an answer with a name, never silence.

mod support;

use serde_json::{Value, json};
use std::io::Write;
use std::process::Stdio;
use support::Copy;

/// A lab's `explore` target as small as it can be: the scene's name is the trick that the node plays.
const TARGET: &str = r#"
use nasty::Trick;
use std::{env, fs, path::PathBuf};

#[test]
#[ignore]
fn by_hand() {
    let file = PathBuf::from(env::var_os("LAB_HAND").unwrap());
    let question = fs::read_to_string(&file).unwrap();
    let value = |name: &str| question.split(&format!("\"{name}\":\"")).nth(1).unwrap().split('"').next().unwrap().to_string();
    println!("the node says hello");
    let trick = match value("scene").as_str() {
        "hang" => Trick::Hang,
        "deadlock" => Trick::Deadlock,
        "exit" => Trick::Exit,
        "abort" => Trick::Abort,
        "stack" => Trick::OverflowStack,
        "prints" => Trick::PrintForever,
        "panic" => panic!("no such luck"),
        _ => Trick::None,
    };
    nasty::play(trick, || ());
    let nonce = match value("scene").as_str() {
        "forge" => "0".to_string(),
        _ => value("nonce"),
    };
    let steps = question.matches("step").count();
    let path = vec!["\"step\""; steps].join(",");
    let answer = format!("{{\"nonce\":\"{nonce}\",\"kit\":1,\"frame\":{{\"scene\":\"plain\",\"path\":[{path}],\"broken\":{{\"invariant\":\"N-I1\"}}}}}}");
    fs::write(file.with_extension("answer"), answer).unwrap();
}

#[test]
fn saved_paths() {
    sim::grade::grade("saved paths", |t| {
        let only = env::var("LAB_PATH").ok();
        println!("{} is played", only.as_deref().unwrap_or("all"));
        t.check(nasty::play(Trick::None, || ()), "the path holds");
    });
}
"#;

fn explorable(name: &str) -> Copy {
    let copy = Copy::of_the_workbook(name);
    copy.write("tests/graded/nasty/explore.rs", TARGET);
    let manifest = copy.read("labs/nasty/Cargo.toml");
    let target = "[[test]]\nname = \"explore\"\npath = \"../../tests/graded/nasty/explore.rs\"\n";
    copy.write("labs/nasty/Cargo.toml", &format!("{manifest}\n{target}"));
    copy
}

fn ask(copy: &Copy, question: &Value) -> Value {
    let mut command = copy.command("explore nasty --format json");
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut runner = piped.stderr(Stdio::piped()).spawn().unwrap();
    let mut input = runner.stdin.take().unwrap();
    input.write_all(question.to_string().as_bytes()).unwrap();
    drop(input);
    let said = runner.wait_with_output().unwrap();
    let text = String::from_utf8(said.stdout).unwrap();
    serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&said.stderr)))
}

#[test]
fn whatever_the_code_does_to_its_process_is_said() {
    let copy = explorable("explore-ends");
    for (scene, verdict, message) in [
        ("hang", "TIMEOUT", "never ends"),
        ("deadlock", "TIMEOUT", "not finished after"),
        ("exit", "EARLY EXIT", "something called `exit`"),
        ("abort", "CRASHED", "abort"),
        ("stack", "CRASHED", "the stack overflowed"),
        ("prints", "RESOURCE", "printed more than"),
        ("panic", "PANICKED", "no such luck"),
        ("forge", "EARLY EXIT", "before the test had reported"),
    ] {
        let answer = ask(&copy, &json!({ "scene": scene, "path": [] }));
        assert_eq!(answer["ended"]["verdict"], verdict, "{scene}: {answer}");
        let said = answer["ended"]["message"].as_str().unwrap();
        assert!(said.contains(message), "{scene}: {said}");
        assert!(answer["frame"].is_null(), "{scene}: {answer}");
    }
    let answer = ask(&copy, &json!({ "scene": "calm", "path": ["step"] }));
    assert_eq!(answer["frame"]["path"], json!(["step"]));
    assert_eq!(answer["output"], "the node says hello\n");
}

#[test]
fn a_saved_file_is_in_the_next_answer_and_one_that_does_not_compile_is_said() {
    let copy = explorable("explore-builds");
    let question = json!({ "scene": "calm", "path": [] });
    assert!(ask(&copy, &question)["frame"].is_object());
    let good = copy.read("labs/nasty/src/lib.rs");
    copy.write("labs/nasty/src/lib.rs", &format!("{good}\nfn broken( {{"));
    let answer = ask(&copy, &question);
    let said = answer["not_built"].as_str().unwrap();
    assert!(said.contains("error") && said.contains("lib.rs"), "{said}");
    let wrong = good.replace("Trick::None => work(),", "Trick::None => process::exit(0),");
    copy.write("labs/nasty/src/lib.rs", &wrong);
    assert_eq!(ask(&copy, &question)["ended"]["verdict"], "EARLY EXIT");
    copy.write("labs/nasty/src/lib.rs", &good);
    assert!(ask(&copy, &question)["frame"].is_object());
}

#[test]
fn a_saved_path_is_kept_once_tried_by_test_and_told_by_replay() {
    let copy = explorable("explore-saves");
    let question = json!({ "scene": "calm", "path": ["step", "step"], "save": true });
    for _ in 0..2 {
        let saved = ask(&copy, &question)["saved"].clone();
        assert_eq!(saved["name"], "path-1");
        assert_eq!(saved["command"], "cargo lab replay nasty path-1");
    }
    let none = ask(&copy, &json!({ "scene": "calm", "path": [], "save": true }));
    assert!(none["saved"]["error"].is_string(), "{none}");
    let kept: Value = serde_json::from_str(&copy.read(".lab/regressions/nasty.json")).unwrap();
    let entries = kept["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["steps"], json!(["step", "step"]));
    assert_eq!(entries[0]["invariant"], "N-I1");
    let said = copy.lab("test nasty 1");
    said.has("saved by hand: path-1").has("all is played");
    let said = copy.lab("replay nasty path-1");
    said.ends_with(0).has("path-1 is played");
    // What the tests record beside it leaves it alone.
    let kept = copy.read(".lab/regressions/nasty.json");
    assert!(
        kept.contains("path-1") && kept.contains("\"steps\""),
        "{kept}"
    );
}

#[test]
fn what_cannot_be_explored_is_said_with_advice() {
    let copy = explorable("explore-usage");
    let no_scenes = copy.lab("explore toy");
    no_scenes.ends_with(2).has("has no scenes to explore");
    let no_failure = ask(&copy, &json!({ "from": "last" }));
    let said = no_failure["error"].as_str().unwrap();
    assert!(
        said.contains("`cargo lab test nasty` records one"),
        "{said}"
    );
    let no_run = ask(&copy, &json!({ "from": "../../secret" }));
    assert!(no_run["error"].as_str().unwrap().contains("no run"));
    copy.lab("explore nasty --format json")
        .ends_with(2)
        .has("it is for the book's page");
}
