#!/usr/bin/env bash
# From a bare Debian 12 to a trained model: set up, build, prepare real text, train across two sites, evaluate, sample.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh
cmake --preset release > /dev/null
cmake --build --preset release

atoll=build/release/atoll
"$atoll" data prepare /usr/share/dictd/gcide.dict.dz --out data/gcide --vocab 2048

# A run is never overwritten: every quickstart gets a name of its own.
name=quickstart
for ((n = 2; ; n++)); do
  [ -e "runs/$name" ] || break
  name="quickstart-$n"
done
"$atoll" launch inputs/quickstart.toml --set "run.name=$name"

echo
"$atoll" eval "runs/$name" --batches 64
echo
"$atoll" generate "runs/$name" --lines 20
echo
echo "model    runs/$name/checkpoints"
echo "metrics  runs/$name/metrics.jsonl"
echo "logs     runs/$name/log"
