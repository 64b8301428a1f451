#!/usr/bin/env bash
# The debug runs, one command each (README.md says what each of them proves and does not see):
#
#     debug/run.sh NAME [ARGUMENT...]     memcheck, asan, tsan, loom, callgrind or miri
#     debug/run.sh all                    every one of them
#
# Exit code 0: nothing was found, or one line that begins with SKIP says what is missing here; 1: something
# was found; 2: the run itself could not see a fault that is planted for it. Nothing but valgrind (by
# apt-get) and crates (by cargo) is ever installed.
set -euo pipefail
cd "$(dirname "$0")/.."

name=${1:-}
shift || true
case $name in
memcheck | asan | tsan | loom | callgrind | miri) source "debug/$name.sh" ;;
all)
    failed=0
    for name in memcheck asan tsan loom callgrind miri; do
        printf '\n== %s\n' "$name"
        debug/run.sh "$name" || failed=1
    done
    exit $failed
    ;;
*)
    sed -n '2,9s/^# \{0,1\}//p' debug/run.sh >&2
    exit 2
    ;;
esac
