//! First contact: takes a lock on a real Redis, looks at it, gives it back.
//!
//! Start one with `redis-server`, then `cargo run -p real --example first_contact_lock`; another
//! address than `redis://127.0.0.1:6379` goes behind `--`.

use redis::{Client, Commands, ExistenceCheck, RedisResult, Script, SetExpiry, SetOptions};

fn main() -> RedisResult<()> {
    let url = std::env::args().nth(1);
    let url = url.unwrap_or_else(|| "redis://127.0.0.1:6379".into());
    let mut redis = Client::open(url)?.get_connection()?;

    // Unique for this acquisition: whoever has it may give the lock back, and nobody else.
    let owner = format!("{}-{:?}", std::process::id(), std::time::SystemTime::now());

    // SET job <owner> NX PX 10000: take it if it is free, and give it an end, in one step.
    let options = SetOptions::default()
        .conditional_set(ExistenceCheck::NX)
        .with_expiration(SetExpiry::PX(10_000));
    let taken: bool = redis.set_options("job", &owner, options)?;
    let left: i64 = redis.pttl("job")?;
    if !taken {
        println!("another holds it, for {left} ms at most");
        return Ok(());
    }
    println!("taken by {owner} for {left} ms");

    // Compare and delete in one step. With two commands, the lock could end between them and
    // another's would be deleted.
    let release = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0";
    let released: i64 = Script::new(release)
        .key("job")
        .arg(&owner)
        .invoke(&mut redis)?;
    println!(
        "{}",
        if released == 1 {
            "given back"
        } else {
            "it was lost meanwhile"
        }
    );
    Ok(())
}
