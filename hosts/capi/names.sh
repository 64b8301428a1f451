#!/bin/sh
# Prints the functions that a header of this library declares, one a line, sorted.
set -eu
sed -n 's/^[a-z][a-z0-9_ ]*[ *]\(rumpswitch_[a-z_]*\)(.*/\1/p' "$1" | sort
