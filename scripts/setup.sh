#!/usr/bin/env bash
# Installs what building, running and testing clip_pg needs and is missing here; a second run finds nothing to do.
# Debian packages that are named are installed, too, where there is no command of that name.
. "$(dirname "$0")/common.sh"

missing=()
want() { # want PACKAGE COMMAND...: the package is missing unless the command succeeds
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}

wanted=${PG_CONFIG:-pg_config}
if ! find_pg_config; then
    [ "$wanted" = pg_config ] || command -v "$wanted" >/dev/null || die "no such program: $wanted" "PG_CONFIG is the path of a pg_config."
    major=$(apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p')
    missing+=("postgresql-${major:-15}" "postgresql-server-dev-${major:-15}")
fi
want gcc gcc --version
want make make --version
want nasm nasm -v
want libclang-dev dpkg -s libclang-dev
want python3-venv python3 -c 'import ensurepip, venv'
want python3-pip python3 -m pip --version
want unzip unzip -v
want libipc-run-perl perl -MIPC::Run -e1
for package in "$@"; do
    want "$package" command -v "$package"
done

if [ ${#missing[@]} -gt 0 ]; then
    command -v apt-get >/dev/null || die "these Debian packages, or your system's equivalents, are missing: ${missing[*]}"
    say "Installing Debian packages: ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
require_pg_config

command -v cargo >/dev/null || die "Rust is not installed" "Install version 1.95 or later with rustup (https://rustup.rs)."

say "Fetching crates"
(cd "$root" && cargo fetch --quiet --locked --target "$(rustc -vV | sed -n 's/^host: //p')")
# The scripts tell pgrx which PostgreSQL is meant; bare cargo commands find it here.
pgrx=${PGRX_HOME:-$HOME/.pgrx}/config.toml
if [ ! -e "$pgrx" ]; then
    mkdir -p "$(dirname "$pgrx")"
    printf '[configs]\npg%s = "%s"\n' "$PG_MAJOR" "$PG_CONFIG" >"$pgrx"
fi

case $(uname -m) in
x86_64) wheel onnxruntime 1.31.1 manylinux_2_28_x86_64 5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f \
    -j onnxruntime/capi/libonnxruntime.so.1.31.1 onnxruntime/LICENSE onnxruntime/ThirdPartyNotices.txt ;;
aarch64) wheel onnxruntime 1.31.1 manylinux_2_28_aarch64 da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3 \
    -j onnxruntime/capi/libonnxruntime.so.1.31.1 onnxruntime/LICENSE onnxruntime/ThirdPartyNotices.txt ;;
*) die "no ONNX Runtime library is published for $(uname -m)" "Build it, install clip_pg by hand and set clip_pg.onnxruntime_library." ;;
esac
# Public photographs for the demo and the tests.
wheel scikit-image 0.26.0 manylinux_2_28_x86_64 74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af -j 'skimage/data/*.png' 'skimage/data/*.jpg' 'skimage/data/*.gif' 'skimage/data/*.tif'
