#!/usr/bin/env bash
# Real clients against our lock server, and the exercise against a real Redis. What cannot run here
# fails: the script installs what it can by package name first.
set -uo pipefail
cd "$(dirname "$0")/../.."
status=0
say() { printf '%s\n' "real: $*"; }
run() { # NAME COMMAND…
  local name=$1
  shift
  "$@"
  case $? in
  0) say "$name: ok" ;;
  3) say "$name: NOT RUN (something is missing, see above)"; status=1 ;;
  *) say "$name: FAILED"; status=1 ;;
  esac
}
cargo build --locked --release -p lock-solution --bins || exit 1
run "clients" cargo run --locked -p real -- clients
run "exercise" cargo run --locked -p real -- lock --solution
run "the same exercise on our server" cargo run --locked -p real -- lock --solution --ours
exit $status
