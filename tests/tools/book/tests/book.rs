//! The book's program from outside: a book with every kind of figure, built and served.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lab_book::{figures, render};

/// A copy of the fixture with the real book's theme, removed at the end.
struct Fixture(PathBuf);

impl Fixture {
    fn new(name: &str) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let place = std::env::temp_dir().join(format!("lab-book-{name}-{}", std::process::id()));
        copy(&here.join("tests/fixture"), &place.join("book"));
        copy(&here.join("../../../book/theme"), &place.join("book/theme"));
        Self(place)
    }

    fn book(&self) -> PathBuf {
        self.0.join("book")
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("a file");
        }
    }
}

/// The served fixture, stopped at the end.
struct Served {
    child: Child,
    port: u16,
}

impl Served {
    fn start(fixture: &Fixture, port: u16) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lab-book"))
            // Relative folders, as a person types them.
            .args(["serve", "--port", &port.to_string(), "--book", "book"])
            .args(["--out", &format!("out-{port}")])
            .current_dir(&fixture.0)
            .env("LAB_RUNNER", fixture.0.join("runner"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let said = child.stdout.as_mut().expect("it is piped");
        BufReader::new(said)
            .read_line(&mut line)
            .expect("it says where");
        let port = line
            .trim()
            .trim_end_matches('/')
            .rsplit_once(':')
            .expect("an address")
            .1;
        let port = port.parse().expect("a port");
        Self { child, port }
    }

    fn send(&self, lines: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a limit");
        stream
            .write_all(format!("{lines}\r\n\r\n").as_bytes())
            .expect("it reads");
        stream
    }

    fn ask(&self, lines: &str) -> String {
        let mut text = Vec::new();
        self.send(lines).read_to_end(&mut text).expect("it answers");
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_lists_of_the_book_are_those_of_its_traces() {
    let traces = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../book/src/assets/traces");
    let differed = figures::update(&traces, false).expect("the traces can be read");
    assert!(differed.is_empty(), "run `lab-book figures`: {differed:?}");
}

#[test]
fn a_built_page_holds_the_list_and_the_data_of_its_figure() {
    let fixture = Fixture::new("build");
    let traces = fixture.book().join("src/assets/traces");
    assert!(
        figures::update(&traces, false)
            .expect("they can be read")
            .is_empty()
    );
    let out = fixture.0.join("out");
    render::build(&fixture.book(), &out).expect("it builds");
    for page in ["lock/1-figures.html", "print.html"] {
        let html = fs::read_to_string(out.join(page)).expect("the page is there");
        assert_eq!(
            html.matches("<script type=\"application/json\">{\"v\":1")
                .count(),
            3,
            "{page}"
        );
        assert!(
            html.contains("Storage receives “write 1 · token 33” from client 1."),
            "{page}"
        );
    }
}

#[test]
fn a_page_that_names_no_trace_is_an_error_with_both_names() {
    let fixture = Fixture::new("missing");
    fs::remove_file(fixture.book().join("src/assets/traces/lock/dense.json"))
        .expect("it was there");
    let fault =
        render::build(&fixture.book(), &fixture.0.join("out")).expect_err("a trace is gone");
    assert!(
        fault.contains("lock/1-figures.html: trace lock/dense"),
        "{fault}"
    );
}

#[test]
fn a_server_speaks_to_its_own_machine_only() {
    let fixture = Fixture::new("serve");
    let first = Served::start(&fixture, 0);
    let taken = Served::start(&fixture, first.port);
    assert_ne!(first.port, taken.port, "a taken port moves on");
    let page = taken.ask("GET /lock/ HTTP/1.1\r\nHost: localhost:1");
    assert!(
        page.starts_with("HTTP/1.1 200") && page.contains("/.lab/live.js"),
        "{page}"
    );
    let foreign = taken.ask("GET / HTTP/1.1\r\nHost: book.example");
    assert!(
        foreign.starts_with("HTTP/1.1 421") && foreign.contains("open it as 127.0.0.1"),
        "{foreign}"
    );
    for path in [
        "/../book.toml",
        "/%2e%2e/book/book.toml",
        "/lock/..%2f..%2fbook.toml",
        "/.git/config",
    ] {
        let answer = taken.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost"));
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
    let post = "POST /.lab/hint HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nOrigin: http://book.example";
    assert!(taken.ask(post).starts_with("HTTP/1.1 403"));
    assert!(taken.ask("nonsense").starts_with("HTTP/1.1 400"));
    let long = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: {}",
        "x".repeat(20_000)
    );
    assert!(taken.ask(&long).starts_with("HTTP/1.1 431"));
}

#[test]
fn an_open_page_hears_results_as_they_change() {
    let fixture = Fixture::new("events");
    fs::create_dir_all(fixture.0.join(".lab")).expect("a folder");
    let results = fixture.0.join(".lab/results.json");
    fs::write(&results, "{\"labs\": [1]}").expect("a file");
    let served = Served::start(&fixture, 0);
    let stream = served.send("GET /.lab/events HTTP/1.1\r\nHost: 127.0.0.1");
    let mut lines = BufReader::new(stream)
        .lines()
        .map(|line| line.expect("within the limit"));
    assert!(
        lines.any(|line| line == "data: {\"labs\":[1]}"),
        "what stands is said first"
    );
    fs::write(&results, "{\"labs\": [1, 2]}").expect("a file");
    assert!(
        lines.any(|line| line == "data: {\"labs\":[1,2]}"),
        "then what changes"
    );
    let page = fixture.book().join("src/welcome.md");
    fs::write(&page, "# Welcome\n\nAnother text.\n").expect("a file");
    assert!(
        lines.any(|line| line == "event: reload"),
        "then a changed page"
    );
}

#[cfg(unix)]
#[test]
fn a_hint_is_asked_of_the_runner_in_the_workbook() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new("hint");
    let runner = fixture.0.join("runner");
    fs::write(
        &runner,
        "#!/bin/sh\nprintf '{\"text\":\"%s\"}' \"$PWD: $*\"\n",
    )
    .expect("a file");
    fs::set_permissions(&runner, fs::Permissions::from_mode(0o755)).expect("a mode");
    let place = fs::canonicalize(&fixture.0).expect("it is there");
    let served = Served::start(&fixture, 0);
    let body = "{\"lab\":\"lock\",\"stage\":3}";
    let answer = served.ask(&format!(
        "POST /.lab/hint HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    let wanted = format!("{}: hint lock 3 --format json", place.display());
    assert!(answer.contains(&wanted), "{answer}");
}
