#!/usr/bin/env bash
# The component on the stand-in kernel: every case with gcc and with clang, under the sanitizers and under
# valgrind. What cannot be had is said in one line.
set -uo pipefail
cd "$(dirname "$0")"

get() { # command, package
    command -v "$1" >/dev/null || apt-get install -y -q "$2" >/dev/null 2>&1
}

run() { # what, command...
    local what=$1 out
    shift
    if ! out=$("$@" 2>&1); then
        printf '%s\n' "$out" | grep -vE '^(ok |CC )'
        echo "mock: $what: FAILED"
        return 1
    fi
    printf 'mock: %s: %s\n' "$what" "$(printf '%s\n' "$out" | grep ' cases, ' | tail -n 1)"
}

for tool in make objcopy nm cc; do
    get $tool build-essential || { echo "SKIP mock: $tool is not installed and cannot be"; exit 0; }
done
failed=0
run 'cc' make test || failed=1
if get clang clang; then
    run 'clang' make CC=clang test || failed=1
else
    echo 'SKIP mock with clang: it is not installed and cannot be'
fi
run 'sanitizers' make asan || failed=1
MOCK_SHORT=1 run 'thread sanitizer' make tsan || failed=1
if get valgrind valgrind; then
    run 'memcheck' make memcheck || failed=1
else
    echo 'SKIP mock under valgrind: it is not installed and cannot be'
fi
exit $failed
