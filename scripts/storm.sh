#!/usr/bin/env bash
# Kills processes of real jobs at random moments and looks at how they end. Usage: scripts/storm.sh [--runs 100] [--build build/ci] [--json]
set -euo pipefail
exec python3 "$(dirname "${BASH_SOURCE[0]}")/bench/storm.py" "$@"
