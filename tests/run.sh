#!/usr/bin/env bash
# Every test, in throw-away servers; ends with a count. `tests/run.sh crates regress …` runs only the named parts, one after
# the other; without names, lint and crates, which compile, run beside the others, and are shown when these have ended.
#
#   lint      rustfmt and clippy; circles of modules; whether sql/, versions and notices are current; the compiler's
#             warnings for every version of PostgreSQL
#   install   installs below another root, and uninstalls
#   crates    unit, property and oracle tests of the pure crates, no server
#   regress   SQL in, expected output out
#   recovery  restarts, dumps, cancellation, broken installations (PostgreSQL::Test)
#   namespaces a search of three servers in network namespaces of their own, as root
#   parity    against the Python reference
#   demo      `make demo` on public photographs
#   docs      every block of SQL in the documentation, as printed, and whether what it names is there
#   catalogue the web application of examples/catalogue in a headless browser, Debian's chromium
#   clients   the packages of clients/: drivers, SQLAlchemy, Django; types, and what is packed
#
# and, not among those that run by default:
#
#   faults    the recovery tests with kills by the dozen and minutes of concurrent work
. "$(dirname "$0")/../scripts/common.sh"
. "$(dirname "$0")/../scripts/cluster.sh"
cd "$root"
require_pg_config
# Tests that run a model find ONNX Runtime here.
export CLIP_ONNXRUNTIME
CLIP_ONNXRUNTIME=$(echo "$build"/onnxruntime/libonnxruntime.so.*)
logs=$build/test-logs
mkdir -p "$logs"
passed=0 failed=0 skipped=0

tally() { # tally PASSED FAILED SKIPPED
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}
count() { # count WORD LOG: adds up the numbers before a word, as in "12 passed"
    { grep -oE "[0-9]+ $1" "$logs/$2" || true; } | awk '{ n += $1 } END { print n + 0 }'
}
# run NAME COMMAND...: the command's output on the terminal and in a log; its status in $status
run() {
    local name=$1
    shift
    status=0
    "$@" 2>&1 | tee "$logs/$name" || status=$?
}

part_lint() {
    run fmt cargo fmt --all --check
    if [ $status -eq 0 ]; then tally 1 0 0; else tally 0 1 0; fi
    run clippy cargo clippy --workspace --all-targets "${features[@]}" -- -D warnings
    if [ $status -eq 0 ]; then tally 1 0 0; else tally 0 1 0; fi
    run circles tests/circles.py
    if [ $status -eq 0 ]; then tally 1 0 0; else tally 0 1 0; fi
    run schema scripts/schema.sh check
    if [ $status -eq 0 ]; then tally 1 0 0; else tally 0 1 0; fi
    run notices scripts/notices.sh check
    if [ $status -eq 0 ]; then tally 1 0 0; else tally 0 1 0; fi
    # Of the other versions no headers are needed. What clippy says of one version need not hold for another.
    local version
    for version in $(sed -nE 's|^pg([0-9]+) = .*|\1|p' Cargo.toml); do
        [ "$version" != "$PG_MAJOR" ] || continue
        say "Checking for PostgreSQL $version"
        run "check$version" env DOCS_RS=1 RUSTC_WRAPPER="$root/tests/bundled-bindings.sh" \
            cargo clippy --no-default-features --features "pg$version" -- -D warnings -A clippy::all
        if [ $status -eq 0 ]; then tally 1 0 0; else tally 0 1 0; fi
    done
}

# A run that failed without counting a failure counts as one.
failures() { # failures WORD LOG
    local counted
    counted=$(count "$1" "$2")
    if [ $status -ne 0 ] && [ "$counted" -eq 0 ]; then echo 1; else echo "$counted"; fi
}

part_crates() {
    run crates cargo test --workspace --exclude clip_pg --no-fail-fast
    tally "$(count passed crates)" "$(failures failed crates)" "$(count ignored crates)"
}

part_install() {
    local below files
    below=$(mktemp -d "${TMPDIR:-/tmp}/clip_pg.XXXXXX")
    run install env DESTDIR="$below" scripts/install.sh
    # Every file as it was staged, its mode too, and afterwards none.
    files='cd "$0" && find . -type f -printf "%p %m %s\n" | sort'
    [ $status -eq 0 ] && [ "$(sh -c "$files" "$below")" = "$(sh -c "$files" "$stage")" ] || status=1
    DESTDIR=$below scripts/uninstall.sh
    [ $status -eq 0 ] && [ -z "$(find "$below" -type f)" ] || status=1
    rm -rf "$below"
    if [ $status -eq 0 ]; then tally 1 0 0; else tally 0 1 0; fi
}

part_regress() {
    cluster_start
    run regress tests/regress.sh
    # pg_regress says "test name ... ok   12 ms" or "... FAILED", since PostgreSQL 16 "ok 1 - name" or "not ok".
    local ok bad
    ok=$(grep -cE '\.\.\. ok|^ok ' "$logs/regress" || true)
    bad=$(grep -cE '\.\.\. FAILED|^not ok ' "$logs/regress" || true)
    [ $status -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
    tally "$ok" "$bad" 0
    cluster_remove
}

# pgvector for the server that is prepared. Without it, tests and pages that take it are skipped.
add_pgvector() {
    local files
    if files=$(scripts/pgvector.sh); then
        cp -R "$files/." "$prefix/"
    else
        say "There is no pgvector"
    fi
}

part_recovery() {
    # Nor is a pooler for everybody.
    command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ] || ! command -v apt-get >/dev/null || scripts/setup.sh pgbouncer
    cluster_prepare
    add_pgvector
    local perl jobs
    perl=$(dirname "$(dirname "$("$PG_CONFIG" --pgxs)")")/test/perl
    # They wait much: one file more at once than there are processors. Few, since some look at how long things take.
    jobs=$(($(nproc 2>/dev/null || echo 1) + 1))
    [ "$jobs" -le 4 ] || jobs=4
    cp -R "$root/tests/recovery/t" "$cluster/"
    mkdir "$cluster/tmp_check"
    [ ${#run_as[@]} -eq 0 ] || chown -R postgres: "$cluster/t" "$cluster/tmp_check"
    run recovery as_server env PG_TEST_EXTRA="${PG_TEST_EXTRA:-}" PG_REGRESS=/bin/true TESTDIR="$cluster" TESTDATADIR="$cluster/tmp_check" \
        TESTLOGDIR="$cluster/tmp_check/log" sh -c 'exec prove -j "$2" -I "$1" --timer t/*.pl' sh "$perl" "$jobs"
    # prove sums up in "Tests=174, …" and, for each file with failures, "Tests: 16 Failed: 1".
    local all bad
    all=$(sed -nE 's/.*Tests=([0-9]+).*/\1/p' "$logs/recovery")
    bad=$(awk '/Tests: [0-9]+ Failed: / { n += $NF } END { print n + 0 }' "$logs/recovery")
    tally $((all - bad)) "$bad" 0
    if [ $status -ne 0 ]; then
        as_server sh -c 'tail -n 50 tmp_check/log/*' || true
        [ "$bad" -gt 0 ] || tally 0 1 0
    fi
    cluster_remove
}

part_namespaces() {
    run namespaces tests/namespaces.sh
    tally "$(count passed namespaces)" "$(failures failed namespaces)" "$(count skipped namespaces)"
}

part_faults() { PG_TEST_EXTRA=faults part_recovery; }

part_parity() {
    cluster_start
    mkdir "$cluster/models"
    run parity env PARITY_DIR="$cluster/models" PARITY_DEMO_IMAGES="$build/scikit-image" tests/parity/run.py
    tally "$(count passed parity)" "$(failures failed parity)" "$(count skipped parity)"
    cluster_remove
}

part_demo() {
    run demo env -u IMAGES GALLERY="$build/gallery.html" demo/run.sh
    # Three parts of the page that only a finished run writes.
    if [ $status -eq 0 ] && grep -q 'Zero-shot' "$build/gallery.html" && grep -q '</html>' "$build/gallery.html"; then
        tally 1 0 0
    else
        tally 0 1 0
    fi
}

part_docs() {
    cluster_start
    add_pgvector
    # At a place that the server can read.
    cp -R "$build/scikit-image" "$cluster/pictures"
    head -c 20000 "$cluster/pictures/coffee.png" >"$cluster/pictures/torn_off.png"
    cp -R models/clip-mini "$cluster/model"
    cp docs/images/newspaper.jpg "$cluster/"
    run docs tests/docs/run.py "$cluster"
    tally "$(count 'blocks passed' docs)" "$(failures failed docs)" "$(count skipped docs)"
    cluster_remove
}

part_catalogue() {
    # A browser is not for everybody who builds clip_pg, so that it is installed here.
    command -v chromium >/dev/null || ! command -v apt-get >/dev/null || scripts/setup.sh chromium
    if ! command -v chromium >/dev/null; then
        say "Skipped: there is no chromium, and no apt-get to install it with"
        tally 0 0 1
        return
    fi
    venv catalogue-test tests/catalogue/requirements.txt
    run catalogue "$venv/bin/python" -B -m pytest -p no:cacheprovider -q -rs tests/catalogue
    tally "$(count passed catalogue)" "$(failures '(failed|error)' catalogue)" "$(count skipped catalogue)"
}

# The tests of the package for Node.js, in a copy beside what they need from npm, pinned by hash
node_tests() {
    local copy=$build/clients-node
    mkdir -p "$copy"
    rm -rf "$copy/src" "$copy/test"
    cp -R clients/node/src clients/node/test clients/node/package.json clients/node/package-lock.json "$copy/"
    cd "$copy"
    if ! cmp -s package-lock.json node_modules/package-lock.json; then
        say "Fetching Node.js packages from npm (once)"
        npm ci --silent --no-audit --no-fund && cp package-lock.json node_modules/ || return
    fi
    node_modules/.bin/tsc --project test && node --test --test-reporter=tap test/*.test.js
}

part_clients() {
    venv clients-test clients/python/requirements.txt
    cluster_start
    run clients env COVERAGE_FILE="$logs/clients-coverage" "$venv/bin/python" -B -m pytest -p no:cacheprovider -q -rs \
        --rootdir clients/python --config-file clients/python/pyproject.toml --cov --cov-config clients/python/pyproject.toml clients/python/tests
    tally "$(count passed clients)" "$(failures '(failed|error)' clients)" "$(count skipped clients)"
    # Node.js is not for everybody who builds clip_pg.
    if command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)'; then
        run clients-node node_tests
        local bad
        bad=$(sed -nE 's/^# fail ([0-9]+)$/\1/p' "$logs/clients-node")
        [ $status -eq 0 ] || [ "${bad:-0}" -gt 0 ] || bad=1
        tally "$(sed -nE 's/^# pass ([0-9]+)$/\1/p' "$logs/clients-node")" "$bad" 0
    else
        say "Skipped: there is no Node.js 18 with npm"
        tally 0 0 1
    fi
    cluster_remove
    run clients-types "$venv/bin/mypy" --config-file clients/python/pyproject.toml --cache-dir "$build/mypy" clients/python/clip_pg
    if [ $status -eq 0 ]; then tally 1 0 0; else tally 0 1 0; fi
}

# lane NAME PART...: parts one after the other; what they add up to, in a file
lane() {
    local name=$1 part
    shift
    echo 0 0 0 >"$logs/$name.tally"
    for part in "$@"; do
        say "Tests: $part"
        "part_$part"
        echo "$passed $failed $skipped" >"$logs/$name.tally"
    done
}
# tally_lane NAME STATUS: what a lane added up to; one that did not come to its end counts as a failure
tally_lane() {
    # shellcheck disable=SC2046
    tally $(cat "$logs/$1.tally")
    [ "$2" -eq 0 ] || tally 0 1 0
}

if [ $# -gt 0 ]; then
    set +e
    (set -e && lane named "$@")
    tally_lane named $?
else
    # Most of what waits for servers leaves a processor idle. In a group of its own, so that it ends with this script.
    set -m
    (lane compiled lint crates) >"$logs/compiled" 2>&1 </dev/null &
    compiled=$!
    set +m
    trap 'kill -- -$compiled 2>/dev/null' EXIT
    trap 'exit 130' INT TERM
    set +e
    # Parity last: it runs programs that the crates' tests have compiled.
    (set -e && lane served install regress recovery namespaces demo docs catalogue clients parity)
    tally_lane served $?
    say "Waiting for lint and crates"
    wait $compiled
    tally_lane compiled $?
    trap - EXIT
    cat "$logs/compiled"
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
