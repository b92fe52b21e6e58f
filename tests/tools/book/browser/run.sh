#!/usr/bin/env bash
# Builds the book and the fixture, serves the fixture, and lets a browser look at all of it.
# Needs node, npm and chromium (CHROMIUM=path). With MDBOOK=path of the stock mdbook the two books are compared too.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../../.." && pwd)
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

cd "$root"
cargo build --quiet --profile book --package lab-book
lab_book=${CARGO_TARGET_DIR:-$root/target}/book/lab-book
(cd "$here" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)

# The served copy may be changed by the checks; its theme is the real book's.
mkdir -p "$work/site"
cp -r "$here/../tests/fixture" "$work/site/book"
cp -r "$root/book/theme" "$work/site/book/theme"
"$lab_book" figures --book "$work/site/book" >/dev/null
"$lab_book" build --book "$work/site/book" --out "$work/fixture" >/dev/null
"$lab_book" build --out "$work/book" >/dev/null
stock=()
if [ -n "${MDBOOK:-}" ]; then
    "$MDBOOK" build "$root/book" --dest-dir "$work/stock" 2>"$work/stock.log" || { cat "$work/stock.log"; exit 1; }
    stock=(--stock "$work/stock")
fi

# A runner that knows one hint, in place of the real one.
printf '#!/bin/sh\nprintf %s\n' "'{\"hint\":2,\"text\":\"compare inside the server’s step\"}'" >"$work/runner"
chmod +x "$work/runner"
LAB_RUNNER=$work/runner "$lab_book" serve --book "$work/site/book" --out "$work/served" --port 0 >"$work/serve.log" &
server=$!
for _ in $(seq 100); do grep -q '^book ' "$work/serve.log" && break; sleep 0.1; done
url=$(sed -n 's/^book //p' "$work/serve.log")

node "$here/check.mjs" --fixture "$work/fixture" --book "$work/book" "${stock[@]}" --url "$url" --site "$work/site"
