//! `lock-server`: a lock server that speaks Redis's protocol. Arguments only; see `net.rs`.

use dist_lock::net::{NetConfig, run};
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "\
A lock server that speaks Redis's protocol (RESP2 and RESP3).

usage: lock-server [--listen HOST:PORT] [--data DIR]

  --listen HOST:PORT  where to serve (default 127.0.0.1:6390); there are no passwords,
                      so whoever reaches this address may use it
  --data DIR          keep locks and tokens in DIR: every change is on disk before it is
                      answered, and survives a crash (default: in memory)";

struct Arguments {
    listen: String,
    data: Option<PathBuf>,
}

fn arguments() -> Result<Option<Arguments>, String> {
    let mut arguments = Arguments {
        listen: "127.0.0.1:6390".into(),
        data: None,
    };
    let mut given = std::env::args_os().skip(1);
    while let Some(name) = given.next() {
        let name = name.to_string_lossy().into_owned();
        let mut value = || given.next().ok_or(format!("{name} needs a value"));
        match name.as_str() {
            "--help" | "-h" => return Ok(None),
            "--listen" => {
                let text = value()?.into_string();
                arguments.listen = text.map_err(|_| "--listen needs HOST:PORT".to_string())?;
            }
            "--data" => arguments.data = Some(value()?.into()),
            _ => return Err(format!("unknown argument {name}")),
        }
    }
    Ok(Some(arguments))
}

fn main() -> ExitCode {
    match arguments() {
        Ok(Some(arguments)) => match serve(arguments) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("lock-server: {why}");
                ExitCode::FAILURE
            }
        },
        Ok(None) => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("lock-server: {why}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn serve(arguments: Arguments) -> Result<(), String> {
    let listen = &arguments.listen;
    let listener = TcpListener::bind(listen).await.map_err(|why| {
        format!("cannot listen on {listen}: {why}; choose another address with --listen HOST:PORT")
    })?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|why| why.to_string())?;
    let stop = async {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    };
    let config = NetConfig {
        data: arguments.data,
        ..NetConfig::default()
    };
    let at = listener.local_addr().map_err(|why| why.to_string())?;
    let kept = match &config.data {
        Some(dir) => format!("every change is on disk in {}", dir.display()),
        None => "in memory".into(),
    };
    println!("lock-server: listening on {at}, {kept}");
    run(listener, config, stop)
        .await
        .map_err(|why| why.to_string())
}
