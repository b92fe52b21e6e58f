// redsync and bsm/redislock, against the server on the port given. Their own code, their own scripts.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/bsm/redislock"
	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/redis/go-redis/v9"
)

func must(yes bool, text string) {
	if !yes {
		fmt.Fprintln(os.Stderr, "not so:", text)
		os.Exit(1)
	}
}

func withRedsync(client *redis.Client) {
	pool := redsync.New(goredis.NewPool(client))
	mutex := pool.NewMutex("go-a", redsync.WithExpiry(5*time.Second), redsync.WithTries(1))
	must(mutex.Lock() == nil, "redsync takes a free lock")
	other := pool.NewMutex("go-a", redsync.WithExpiry(5*time.Second), redsync.WithTries(1))
	must(other.Lock() != nil, "redsync does not take a held lock")
	extended, err := mutex.Extend()
	must(extended && err == nil, "redsync extends")
	released, err := mutex.Unlock()
	must(released && err == nil, "redsync releases")
	short := pool.NewMutex("go-a", redsync.WithExpiry(50*time.Millisecond), redsync.WithTries(1))
	must(short.Lock() == nil, "redsync takes it again")
	time.Sleep(80 * time.Millisecond)
	must(other.Lock() == nil, "an ended lock is free")
	released, _ = short.Unlock()
	must(!released, "a lost lock is not released")
	extended, _ = short.Extend()
	must(!extended, "a lost lock is not extended")
	released, err = other.Unlock()
	must(released && err == nil, "the newer holder still has it")
}

func withRedislock(client *redis.Client) {
	ctx := context.Background()
	locker := redislock.New(client)
	lock, err := locker.Obtain(ctx, "go-b", 5*time.Second, nil)
	must(err == nil, "redislock takes a free lock")
	_, err = locker.Obtain(ctx, "go-b", 5*time.Second, nil)
	must(errors.Is(err, redislock.ErrNotObtained), "redislock does not take a held lock")
	left, err := lock.TTL(ctx)
	must(err == nil && left > 4*time.Second, "redislock sees the time left")
	must(lock.Refresh(ctx, 9*time.Second, nil) == nil, "redislock refreshes")
	left, _ = lock.TTL(ctx)
	must(left > 8*time.Second, "and it lasts longer")
	must(lock.Release(ctx) == nil, "redislock releases")
	must(errors.Is(lock.Release(ctx), redislock.ErrLockNotHeld), "and not twice")
	short, err := locker.Obtain(ctx, "go-b", 50*time.Millisecond, nil)
	must(err == nil, "redislock takes it again")
	time.Sleep(80 * time.Millisecond)
	must(errors.Is(short.Refresh(ctx, time.Second, nil), redislock.ErrNotObtained), "a lost lock is not refreshed")
	wait := &redislock.Options{RetryStrategy: redislock.LimitRetry(redislock.LinearBackoff(10*time.Millisecond), 50)}
	holder, err := locker.Obtain(ctx, "go-b", 60*time.Millisecond, nil)
	must(err == nil, "an ended lock is free")
	waited, err := locker.Obtain(ctx, "go-b", time.Second, wait)
	must(err == nil, "redislock waits for a lock")
	must(errors.Is(holder.Release(ctx), redislock.ErrLockNotHeld), "the earlier holder has lost it")
	must(waited.Release(ctx) == nil, "the one that waited has it")
}

func main() {
	for _, protocol := range []int{2, 3} {
		client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + os.Args[1], Protocol: protocol})
		if os.Args[2] == "redsync" {
			withRedsync(client)
		} else {
			withRedislock(client)
		}
	}
	fmt.Println("RESP2 and RESP3")
}
