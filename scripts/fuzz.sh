#!/usr/bin/env bash
# Feeds every parser of outside bytes with what libFuzzer makes of tests/fuzz/corpus: scripts/fuzz.sh [seconds each, 60].
# A crash, a hang, or an allocation far beyond the input's size is a failure. The last line is "N passed, N failed".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${1:-60}

scripts/setup.sh fuzz
cmake --preset fuzz > /dev/null
cmake --build --preset fuzz --target fuzz_targets

export TMPDIR
TMPDIR=$(mktemp -d)
trap 'rm -rf "$TMPDIR"' EXIT

# Inputs are at most 64 KiB, so nothing needs 16 MiB at once. New finds go to build/, not to the committed corpus.
feed() {
  local name=$1 found=build/fuzz/found/$1
  mkdir -p "$found"
  if build/fuzz/tests/fuzz/fuzz_"$name" "$found" "tests/fuzz/corpus/$name" -max_total_time="$2" -max_len=65536 -timeout=5 \
    -malloc_limit_mb=16 -rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="build/fuzz/$name-" \
    > "build/fuzz/$name.log" 2>&1; then
    echo "passed $name: $(sed -n 's/stat::number_of_executed_units: *//p' "build/fuzz/$name.log") inputs"
  else
    echo "failed $name: build/fuzz/$name.log"
    tail -n 40 "build/fuzz/$name.log" >&2
  fi
}
export -f feed

result=$(ls tests/fuzz/corpus | xargs -P "$(nproc)" -I '{}' bash -c "feed {} $seconds")
echo "$result"
failed=$(grep -c '^failed' <<< "$result" || true)
echo "$(grep -c '^passed' <<< "$result" || true) passed, $failed failed"
[ "$failed" -eq 0 ]
