#!/usr/bin/env bash
# The book: its lists are those of its traces, lab-book's own tests pass, it builds with our builder
# and with the stock one of the same version, and it works in a real browser.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$(sed -n 's/^mdbook-driver = .*"=\([0-9.]*\)".*/\1/p' tests/tools/book/Cargo.toml)
stock=${CARGO_TARGET_DIR:-target}/stock-mdbook
stock=$(mkdir -p "$stock" && cd "$stock" && pwd)
cargo install --quiet mdbook --version "$version" --locked --root "$stock"
cargo test --locked --profile book -p lab-book
cargo run --locked --quiet --profile book -p lab-book -- figures --check
MDBOOK=$stock/bin/mdbook bash tests/tools/book/browser/run.sh
bash tests/tools/book/browser/explore.sh
