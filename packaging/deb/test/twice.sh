#!/bin/bash
# Make the packages twice, from two copies of the commit in two places, and compare: twice.sh PYTHON [arguments of build.py]
set -euo pipefail
python=$(realpath -s "$1")
shift
top=$(cd "$(dirname "$0")/../../.." && pwd)
t=$(mktemp -d /tmp/drukte-twice.XXXXXX)
trap 'rm -rf "$t"' EXIT
SOURCE_DATE_EPOCH=$(git -C "$top" log -1 --format=%ct)
export SOURCE_DATE_EPOCH
for n in one another; do
  git clone -q "$top" "$t/$n-place"
  (cd "$t/$n-place" && umask "$([ $n = one ] && echo 022 || echo 077)" && TZ=$([ $n = one ] && echo UTC || echo Asia/Tokyo) \
    PYTHONPATH="$t/$n-place/edge:$t/$n-place/tools" \
    "$python" packaging/deb/build.py --wheels "$top/build/wheels" --out "$t/$n" "$@" >"$t/$n.sums")
done
cat "$t/one.sums"
cmp "$t/one.sums" "$t/another.sums"
for file in "$t"/one/*.deb; do cmp "$file" "$t/another/$(basename "$file")"; done
echo "the same twice"
