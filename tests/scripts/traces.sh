#!/usr/bin/env bash
# Writes the book's traces anew: the simulator plays the reference and each bug, lab-book writes the
# lists beside them. CI does not call this: `cargo lab check` and `lab-book figures --check` compare.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo lab check --write
cargo run --locked --profile book -p lab-book -- figures
