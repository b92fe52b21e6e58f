#!/usr/bin/env bash
# The page of `cargo lab explore` on a real learner's code, in a browser: a copy of the workbook whose learner has
# finished the lock lab, the real runner, the real server. Needs node, npm and chromium (CHROMIUM=path).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
copy=$target/explore-copy
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

cd "$root"
cargo build --quiet --package lab
cargo build --quiet --profile book --package lab-book
lab=$target/debug/lab lab_book=$target/book/lab-book
(cd "$here" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)

# With the files' times, so that cargo builds the copy once; its target folder stays.
mkdir -p "$copy"
find "$copy" -mindepth 1 -maxdepth 1 ! -name target -exec rm -rf {} +
git ls-files -z --cached --others --exclude-standard | xargs -0 sh -c 'for f; do [ -e "$f" ] && printf "%s\0" "$f"; done' _ |
    tar --null -T - -cf - | tar -xf - -C "$copy"
rm -rf "$copy/labs/lock/src"
cp -rp "$copy/solutions/lock/src" "$copy/labs/lock/src"
export CARGO_TARGET_DIR=$copy/target LAB_RUNNER=$lab
(cd "$copy" && echo '{}' | "$lab" explore lock --format json) >"$work/first.json"
grep -q '"frame":{' "$work/first.json" || { head -c 2000 "$work/first.json"; exit 1; }

"$lab_book" serve --book "$copy/book" --out "$work/served" --port 0 >"$work/serve.log" &
server=$!
for _ in $(seq 100); do grep -q '^book ' "$work/serve.log" && break; sleep 0.1; done
node "$here/explore.mjs" --url "$(sed -n 's/^book //p' "$work/serve.log")" --copy "$copy"
