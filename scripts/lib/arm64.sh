# The wheel for aarch64: what builds it, and what tries it. Source it after setup.sh; it defines functions.
# shellcheck shell=bash

ARM64=aarch64-unknown-linux-gnu
ARM64_ROOT="$(realpath -m "${CARGO_TARGET_DIR:-target}/arm64")"

# Rust's standard library for it, and zig as the linker.
need_arm64() {
    [ -d "$(rustc --print target-libdir --target $ARM64)" ] || rustup target add $ARM64 >&2 ||
        die "there is no standard library for $ARM64: rustup target add $ARM64"
    need_packages readelf=binutils
    target/python/bin/pip install --quiet --upgrade 'ziglang>=0.13,<1'
    # cargo-zigbuild, which is part of maturin, looks for the module in the Python on the path.
    PATH=$PWD/target/python/bin:$PATH
}

# check_arm64 WHEEL: the module in it is for aarch64 and for every Python from 3.9 on.
check_arm64() {
    local folder module
    folder=$(mktemp -d)
    target/python/bin/python -m zipfile -e "$1" "$folder"
    module=$(echo "$folder"/firebrick/_native*.so)
    say "$(basename "$module"): $(readelf -h "$module" | sed -n 's/ *Machine: *//p'), $(basename "$1")"
    [[ $module == *.abi3.so && $1 == *-cp39-abi3-*_aarch64.whl ]] || die "$1 is not for abi3"
    readelf -h "$module" | grep -q 'Machine: *AArch64' || die "$module is not for aarch64"
    # Whatever else it is linked with would have to be on the board.
    readelf -d "$module" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -vE '^(lib(c|m|dl|rt|pthread|gcc_s)\.so\.[0-9]+|ld-linux-aarch64\.so\.1)$' &&
        die "$module needs a library that a board may not have"
    rm -r "$folder"
}

# A Python for aarch64 and what NumPy's wheel needs, unpacked from Debian's packages and not installed.
unpack_arm64_python() {
    local state=$ARM64_ROOT/apt apt package
    apt=(apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Dir::State="$state"
        -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" -o APT::Sandbox::User=root
        -o Debug::NoLocking=1)
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$ARM64_ROOT/root"
    : >"$state/status"
    "${apt[@]}" update >&2 && "${apt[@]}" install -y --no-install-recommends --download-only python3 libstdc++6 >&2 || return 1
    for package in "$state"/cache/archives/*.deb; do
        dpkg-deb --extract "$package" "$ARM64_ROOT/root"
    done
}

# try_arm64 WHEEL: classifies the photograph under qemu.
try_arm64() {
    local root=$ARM64_ROOT/root qemu packages=$ARM64_ROOT/packages
    qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64) ||
        { say "skipped: not tried, there is no qemu-aarch64 (package qemu-user-static)"; return 0; }
    [ -e "$root/usr/bin/python3" ] || unpack_arm64_python ||
        { say "skipped: not tried, there are no packages for arm64"; return 0; }
    rm -rf "$packages"
    # numpy comes from PyPI, for the Python that is there.
    local version
    version=$("$qemu" -L "$root" "$root/usr/bin/python3" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    target/python/bin/pip install --quiet --target "$packages" --platform manylinux2014_aarch64 \
        --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 --python-version "$version" \
        --only-binary :all: --no-compile numpy "$1"
    say "trying it with Python $version for aarch64"
    PYTHONPATH=$packages PYTHONDONTWRITEBYTECODE=1 "$qemu" -L "$root" "$root/usr/bin/python3" -c '
import platform
import firebrick
print(platform.machine(), firebrick.__version__)
for name in ["model", "software:fb64"]:
    top = firebrick.Engine(name).classify("weights/samples/cat.png").top(1)
    print(name, top)
    assert top[0].label == "Egyptian cat", top
try:
    firebrick.Engine("axidma:")
except firebrick.FirebrickError as error:
    print(error.kind, error)
'
}
