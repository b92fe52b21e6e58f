//! Client libraries in Rust.

use crate::outcome::{Checked, ensure, fail};
use crate::servers::{self, Build};
use redis::{Client, Commands, ExistenceCheck, Script, SetExpiry, SetOptions};
use std::time::Duration;

/// The crate `redis`: options, scripts by their hash, both protocols.
pub fn redis_crate() -> Checked {
    let server = servers::ours(Build::Dev, None)?;
    for query in ["", "?protocol=resp3"] {
        let url = format!("redis://127.0.0.1:{}/{query}", server.port);
        let mut redis = Client::open(url)?.get_connection()?;
        let options = SetOptions::default()
            .conditional_set(ExistenceCheck::NX)
            .with_expiration(SetExpiry::PX(5000));
        let taken: bool = redis.set_options("rust", "me", options.clone())?;
        let again: bool = redis.set_options("rust", "you", options)?;
        ensure(taken && !again, || "SET NX PX".into())?;
        let left: i64 = redis.pttl("rust")?;
        ensure((4000..=5000).contains(&left), || format!("PTTL {left}"))?;
        let release = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0";
        let release = Script::new(release);
        let wrong: i64 = release.key("rust").arg("you").invoke(&mut redis)?;
        let right: i64 = release.key("rust").arg("me").invoke(&mut redis)?;
        ensure((wrong, right) == (0, 1), || "release by script".into())?;
        let token: Option<i64> = redis::cmd("LOCK.ACQUIRE")
            .arg(&["rust", "me", "PX", "5000"])
            .query(&mut redis)?;
        let token = token.unwrap_or_default();
        let released: bool = redis::cmd("LOCK.RELEASE")
            .arg("rust")
            .arg(token)
            .query(&mut redis)?;
        ensure(token > 0 && released, || format!("token {token}"))?;
    }
    Ok("SET NX PX, EVALSHA, LOCK.*; RESP2 and RESP3".into())
}

/// The crate `redlock`, over one server. Its owner values are 20 random bytes, no text.
pub fn redlock_crate() -> Checked {
    let server = servers::ours(Build::Dev, None)?;
    let url = format!("redis://{}/", server.address());
    let manager = redlock::RedLock::new(vec![url.clone()]);
    let mut other = redlock::RedLock::new(vec![url]);
    other.set_retry(1, 10);
    let Some(lock) = manager.lock(b"redlock", 5000)? else {
        return fail("a free lock was not granted");
    };
    ensure(other.lock(b"redlock", 5000)?.is_none(), || {
        "two holders".into()
    })?;
    manager.unlock(&lock);
    let Some(short) = other.lock(b"redlock", 50)? else {
        return fail("not free after unlock");
    };
    std::thread::sleep(Duration::from_millis(80));
    let Some(newer) = manager.lock(b"redlock", 5000)? else {
        return fail("not free after its time");
    };
    other.unlock(&short);
    ensure(other.lock(b"redlock", 5000)?.is_none(), || {
        "a late unlock freed it".into()
    })?;
    manager.unlock(&newer);
    Ok("lock, unlock, a late unlock".into())
}
