#!/usr/bin/env bash
# Compiles, without running, the runner, the kit and the labs' libraries for Windows and macOS.
# "Compiled, not run": the README says no more than this.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
status=0
labs=$(bash tests/scripts/labs.sh) || exit 1
packages=()
for lab in $labs; do packages+=(-p "$lab-lab"); done
for target in x86_64-pc-windows-gnu aarch64-apple-darwin; do
  if ! rustup target add "$target" >/dev/null 2>&1; then
    echo "platforms: $target: rustup could not add it, so it was NOT checked"
    status=1
    continue
  fi
  if cargo check --locked --target "$target" -p lab -p sim -p node --features node/shell \
    "${packages[@]}" --lib --bins; then
    echo "platforms: $target: compiles"
  else
    echo "platforms: $target: does not compile"
    status=1
  fi
done
exit $status
