#!/usr/bin/env bash
# Runs every fuzz target of the module, one after the other, for the time given
# (10s). Fails when there is none, or when one finds something; go test then
# writes the input below the package's testdata, to be committed with the fix.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
time=${1:-10s}

count=0
failed=()
while read -r pkg; do
	targets=$(go test -list '^Fuzz' "$pkg" | grep '^Fuzz' || true)
	for target in $targets; do
		count=$((count + 1))
		echo "== $pkg $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$pkg" || failed+=("$pkg $target")
	done
done < <(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./...)

if [ "$count" -eq 0 ]; then
	echo "fuzz: found no fuzz target" >&2
	exit 1
fi
echo "fuzz: $count targets, ${#failed[@]} failed"
for f in "${failed[@]}"; do echo "fuzz: FAILED $f"; done
[ "${#failed[@]}" -eq 0 ]
