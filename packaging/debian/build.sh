#!/usr/bin/env bash
# Builds a Debian package for the PostgreSQL of PG_CONFIG: build/deb/postgresql-MAJOR-clip-pg_VERSION-1_ARCH.deb. Paths of
# this machine are left out of it, and every time is that of the last commit, or SOURCE_DATE_EPOCH. DEBFULLNAME and DEBEMAIL
# name its maintainer.
. "$(dirname "$0")/../../scripts/common.sh"
require_pg_config
for program in dh dpkg-buildpackage lintian; do
    command -v $program >/dev/null || die "$program is missing" "apt install debhelper lintian"
done
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || stat -c %Y "$root/CHANGELOG.md")}
maintainer="${DEBFULLNAME:-clip_pg} <${DEBEMAIL:-clip_pg@example.org}>"
export SOURCE_DATE_EPOCH

# Of its own, for its flags.
export CARGO_TARGET_DIR=$build/deb/target
cargo=${CARGO_HOME:-$HOME/.cargo}
export RUSTFLAGS="--remap-path-prefix=$root=/clip_pg --remap-path-prefix=$cargo=/cargo"
CFLAGS="$(dpkg-buildflags --get CFLAGS) -ffile-prefix-map=$root=/clip_pg -ffile-prefix-map=$cargo=/cargo"
export CFLAGS
stage=$build/deb/stage
STAGE=$stage "$root/scripts/build.sh"

package=postgresql-$PG_MAJOR-clip-pg
tree=$build/deb/source
rm -rf "$tree"
mkdir -p "$tree/debian/source" "$tree/onnxruntime"
cd "$tree"
cp -a "$stage" stage
mv "stage$("$PG_CONFIG" --pkglibdir)"/clip_pg/{LICENSE,ThirdPartyNotices.txt} onnxruntime/
cp -R "$root/CHANGELOG.md" "$root/README.md" "$root/docs" "$root/packaging/licences/THIRD-PARTY.txt" .
rm -r docs/images
for file in control changelog "$package.lintian-overrides"; do
    sed -e "s/@MAJOR@/$PG_MAJOR/g; s/@VERSION@/$VERSION/g; s/@MAINTAINER@/$maintainer/g" \
        -e "s/@DATE@/$(date -u -R -d "@$SOURCE_DATE_EPOCH")/" "$root/packaging/debian/${file/#"$package".}.in" >"debian/$file"
done
cp "$root/packaging/debian/"{copyright,rules} debian/
echo '3.0 (native)' >debian/source/format
printf '%s\n' README.md THIRD-PARTY.txt docs onnxruntime >debian/docs
say "Packaging $package"
PACKAGE=$package dpkg-buildpackage --build=binary --no-sign --unsigned-changes --no-check-builddeps >"$build/deb/log" 2>&1 ||
    { tail -n 30 "$build/deb/log" >&2; die "the package could not be built"; }
cd "$root"
rm -rf "$tree"
deb=$(echo "$build/deb/$package"_"$VERSION"-1_*.deb)
say "Looking at it with lintian"
lintian --fail-on error,warning --info "$deb"
say "$deb: $(du -h "$deb" | cut -f1), $(dpkg-deb -f "$deb" Installed-Size) kB installed"
dpkg-deb -f "$deb" Depends >&2
