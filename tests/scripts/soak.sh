#!/usr/bin/env bash
# No false failure: the tests whose outcome depends on the seed, over fresh seed keys, each test in
# one process; then whole suites under CPU load. Takes up to an hour; CI does not call it.
#   tests/scripts/soak.sh LAB [KEYS] [SUITES] [MINUTES]
set -uo pipefail
cd "$(dirname "$0")/../.."
lab=${1:?name a lab} keys=${2:-3000} suites=${3:-200} minutes=${4:-60}
base=$(od -An -N8 -tx8 /dev/urandom | tr -d ' ')
package=$lab-solution
tests=$(awk '/^\[\[stage\]\]/ { slug = "" } /^number/ { n = $3 } /^slug/ { gsub(/"/, "", $3); gsub(/-/, "_", $3); slug = $3 }
  /^name/ { gsub(/"/, "", $3); name = $3 } /^kind = "swarm"/ { print "s" n "_" slug, name }' \
  "tests/graded/$lab/lab.toml")
[ -n "$tests" ] || { echo "soak: tests/graded/$lab/lab.toml names no swarm test"; exit 1; }
cargo test --quiet -p "$package" --no-default-features --no-run || exit 1
echo "soak: base key $base, $keys keys"
bad=0
run_keys() { # STAGE TEST
  LAB_SEED_KEY=$base LAB_KEYS=$keys timeout "$((minutes * 60))" \
    cargo test --quiet -p "$package" --no-default-features --test "$1" -- --exact "$2" >"$3" 2>&1
}
logs=$(mktemp -d)
# Two at a time: the machine has two cores.
while read -r stage test; do
  while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
  (
    start=$SECONDS
    if run_keys "$stage" "$test" "$logs/$test"; then
      echo "soak: $test: 0 failures in $keys keys, $((SECONDS - start)) s"
    else
      echo "soak: $test: FAILED or out of time (see $logs/$test)"
      touch "$logs/bad"
    fi
  ) &
done <<<"$tests"
wait
[ -e "$logs/bad" ] && bad=1
# Whole suites with both cores busy elsewhere.
load=()
for _ in 1 2 3 4; do
  (while :; do :; done) &
  load+=($!)
done
failed=0
for i in $(seq "$suites"); do
  LAB_SEED_KEY=$(printf '%s%08x' "${base:0:8}" "$i") \
    cargo test --quiet -p "$package" --no-default-features --tests >"$logs/suite" 2>&1 ||
    { failed=$((failed + 1)); cp "$logs/suite" "$logs/suite.$i"; }
done
kill "${load[@]}" 2>/dev/null
echo "soak: $failed of $suites whole suites failed under CPU load"
[ "$bad" -eq 0 ] && [ "$failed" -eq 0 ]
