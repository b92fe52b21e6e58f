// redlock over ioredis, against the server on the port given. Its own code, its own scripts.
import assert from "node:assert/strict";
import Redis from "ioredis";
import Redlock from "redlock";

const redis = new Redis({ port: Number(process.argv[2]) });
const redlock = new Redlock([redis], { retryCount: 0 });
redlock.on("error", () => {});

let lock = await redlock.acquire(["js-a", "js-b"], 5000);
await assert.rejects(redlock.acquire(["js-b"], 5000));
lock = await lock.extend(9000);
assert.ok((await redis.pttl("js-a")) > 5000);
await lock.release();
assert.equal(await redis.get("js-a"), null);

const short = await redlock.acquire(["js-a"], 50);
await new Promise((later) => setTimeout(later, 80));
const newer = await redlock.acquire(["js-a"], 5000);
await assert.rejects(short.extend(1000));
await assert.rejects(short.release());
assert.equal(await redis.get("js-a"), newer.value);

const waits = new Redlock([redis], { retryCount: 50, retryDelay: 10 });
setTimeout(() => newer.release(), 50);
const late = await waits.acquire(["js-a"], 5000);
await late.release();
console.log("redlock 5.0.0-beta.2, ioredis 5.8.2");
redis.disconnect();
