#!/usr/bin/env bash
# `cargo lab` as a learner meets it, with a real browser, on a clone of what is committed here: the
# first screen, a save and its verdict in the open page, hints, a failure in the player.
set -euo pipefail
cd "$(dirname "$0")/../.."
browser=$PWD/tests/tools/book/browser
# A folder of its own, kept from run to run: cargo takes two clones in one target folder for one.
target=${CARGO_TARGET_DIR:-$PWD/target}/workbook
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone --quiet . "$work/clone"
(cd "$browser" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
CARGO_TARGET_DIR=$target node "$browser/workbook.mjs" --clone "$work/clone"
