"""redis-py's Lock and pottery's Redlock, against the server on the port given. Their own code, their own scripts."""

import sys
import time

import redis
from redis.exceptions import LockError, LockNotOwnedError


def redis_py(port, protocol):
    client = redis.Redis(port=port, protocol=protocol)
    other = redis.Redis(port=port, protocol=protocol)
    lock = client.lock("py", timeout=5)
    assert lock.acquire(blocking=False)
    assert not other.lock("py", timeout=5).acquire(blocking=False)
    assert lock.owned() and lock.locked()
    lock.extend(2)  # adds to what is left
    left = client.pttl("py")
    assert 6_000 < left <= 7_000, left
    lock.extend(2, replace_ttl=True)
    assert client.pttl("py") <= 2_000
    lock.reacquire()
    assert 4_000 < client.pttl("py") <= 5_000
    lock.release()
    assert client.get("py") is None

    # A lock that was lost: released, extended and reacquired by nobody.
    lost = client.lock("py", timeout=0.05)
    assert lost.acquire(blocking=False)
    time.sleep(0.1)
    for late in (lost.extend, lost.reacquire):
        try:
            late(*([1] if late == lost.extend else []))
            raise AssertionError("a lost lock came back")
        except LockNotOwnedError:
            pass
    newer = other.lock("py", timeout=5)
    assert newer.acquire(blocking=False)
    try:
        lost.release()
        raise AssertionError("a lost lock was released")
    except LockNotOwnedError:
        pass
    assert newer.owned()

    # One that waits gets it when it is free.
    waiting = client.lock("py", timeout=5, blocking_timeout=0.05, sleep=0.01)
    assert not waiting.acquire()
    newer.release()
    assert waiting.acquire()
    with_block = other.lock("other", timeout=5)
    with with_block:
        assert with_block.owned()
    waiting.release()
    try:
        waiting.release()
        raise AssertionError("released twice")
    except LockError:
        pass


def pottery(port):
    from pottery import Redlock

    client = redis.Redis(port=port)
    lock = Redlock(key="pottery", masters={client}, auto_release_time=5)
    assert lock.acquire(blocking=False)
    assert not Redlock(key="pottery", masters={client}, auto_release_time=5).acquire(blocking=False)
    assert lock.locked() > 0
    lock.extend()
    lock.release()
    assert lock.locked() == 0


port = int(sys.argv[1])
if sys.argv[2] == "redis-py":
    redis_py(port, 2)
    redis_py(port, 3)
    print(f"redis {redis.__version__}, RESP2 and RESP3")
else:
    pottery(port)
    print("pottery")
