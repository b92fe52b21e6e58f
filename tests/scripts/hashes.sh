#!/usr/bin/env bash
# The same seeds must give the same trace hashes in two processes and on two builds (dev, release).
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
cargo run --locked --quiet -p sim --example hash >"$out/dev1"
cargo run --locked --quiet -p sim --example hash >"$out/dev2"
cargo run --locked --quiet --release -p sim --example hash >"$out/release"
lines=$(wc -l <"$out/dev1")
[ "$lines" -gt 0 ] || { echo "hashes: the example printed nothing"; exit 1; }
cmp "$out/dev1" "$out/dev2"
cmp "$out/dev1" "$out/release"
echo "hashes: $lines runs, equal in two processes and two builds"
