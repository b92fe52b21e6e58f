#!/usr/bin/env bash
# The labs that are ready, one a line, in the curriculum's order: what the other scripts run over.
set -euo pipefail
cd "$(dirname "$0")/../.."
labs=$(awk -F'"' '/^\[\[lab\]\]/ { name = "" } /^name *=/ { name = $2 } /^status *= *"ready"/ { print name }' \
  tests/graded/catalogue.toml)
[ -n "$labs" ] || { echo "labs: tests/graded/catalogue.toml has no lab that is ready" >&2; exit 1; }
printf '%s\n' "$labs"
