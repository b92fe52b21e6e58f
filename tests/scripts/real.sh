#!/usr/bin/env bash
# Real clients against our servers, and each lab's exercise against its real system. What cannot run
# here fails: `.ci/run install` gets what there is by package name first.
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
labs=$(bash tests/scripts/labs.sh) || exit 1
for lab in $labs; do
  cargo build --locked --release -p "$lab-solution" --bins || exit 1
  run "$lab: the exercise" cargo run --locked -p real -- "$lab" --solution
done
run "lock: the exercise on our server" cargo run --locked -p real -- lock --solution --ours
run "lock: clients" cargo run --locked -p real -- clients
run "raft: the server on sockets" cargo test --locked -p raft-solution --features client --test sockets
run "raft: clients, kills, histories" cargo run --locked -p real --features etcd-client -- raft checks
exit $status
