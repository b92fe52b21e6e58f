#!/usr/bin/env bash
# The house's sizes: no file above 400 lines in labs/node, tests/sim, tests/tools; README at most
# 150 lines. (Functions above 70 lines are clippy's `too_many_lines`, see .clippy.toml.)
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
files=$(git ls-files 'labs/node/*.rs' 'tests/sim/*.rs' 'tests/tools/*.rs' 'solutions/*.rs')
[ -n "$files" ] || { echo "sizes: git names no file to look at"; exit 1; }
long=$(xargs wc -l <<<"$files" | awk '$2 != "total" && $1 > 400 { print "  " $2 ": " $1 " lines, at most 400" }')
readme=$(wc -l <README.md)
[ "$readme" -le 150 ] || long+=$'\n'"  README.md: $readme lines, at most 150"
[ -z "$long" ] || { printf 'too long:\n%s\n' "$long"; exit 1; }
echo "sizes: ok"
