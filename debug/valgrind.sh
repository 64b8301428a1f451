# For the runs under valgrind: sourced by them, with their name in $name.
if ! command -v valgrind >/dev/null && ! apt-get install -y -q valgrind >/dev/null 2>&1; then
    echo "SKIP $name: valgrind is not installed and cannot be"
    exit 0
fi
