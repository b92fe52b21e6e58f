#!/usr/bin/env bash
# Installs the stock mdbook of the version that lab-book is built with (a few minutes, once) and prints its path.
set -euo pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
version=$(grep -A1 '^name = "mdbook-driver"$' "$root/Cargo.lock" | sed -n 's/^version = "\(.*\)"$/\1/p')
place=${1:-${CARGO_TARGET_DIR:-$root/target}/stock-mdbook}
if ! "$place/bin/mdbook" --version 2>/dev/null | grep -qF "v$version"; then
    # Unoptimised is enough for one build of one book.
    CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet mdbook --version "$version" --locked --debug --force \
        --target-dir "$place/build" --root "$place" >&2
    rm -rf "$place/build"
fi
echo "$place/bin/mdbook"
