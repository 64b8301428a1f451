#!/bin/sh
# All that is checked of the C interface: gcc and clang, memcheck, AddressSanitizer, names, no vector
# registers. clang and valgrind are installed where they can be, else skipped in one line.
set -eu
cd "$(dirname "$0")"
has() { # PROGRAM PACKAGE
    command -v "$1" >/dev/null || apt-get install -y -q "$2" >/dev/null 2>&1 || {
        echo "SKIP $1: it is not installed and cannot be"
        return 1
    }
}
for program in make cc ld objcopy nm; do
    command -v $program >/dev/null || { echo "SKIP capi: there is no $program"; exit 0; }
done
make test CC=cc
make soft-float
make asan CC=cc
! has clang clang || make run CC=clang
! has valgrind valgrind || make memcheck CC=cc CHURN=10000
stage=$(pwd)/build/stage
rm -rf "$stage"
make -s install DESTDIR="$stage" PREFIX=/usr
(cd "$stage/usr" && find . -type f | sort)
