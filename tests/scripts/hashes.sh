#!/usr/bin/env bash
# The same seeds must give the same trace hashes in two processes and on two builds (dev, release): the test compares
# another process with its own, and both with frozen numbers; here it runs in either build.
set -euo pipefail
cd "$(dirname "$0")/../.."
for build in "" --release; do
  # shellcheck disable=SC2086 # no build flag is no word
  said=$(cargo test --locked --quiet $build -p sim --test hashes a_seed_is_the_same_run_in_every_process_and_build)
  printf '%s\n' "$said"
  # A name that matches nothing would pass without a test.
  [[ $said == *"1 passed"* ]] || { echo "hashes: the test did not run"; exit 1; }
done
echo "hashes: equal in two processes and two builds"
