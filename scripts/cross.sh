#!/usr/bin/env bash
# Builds the program, and vets all code with its tests, for every platform that is
# supported. Pure Go needs no other machine for it. Packages that a platform does
# not have (bench: Linux alone) are left out by their build constraints.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bad=0
for os in linux darwin windows; do
	for arch in amd64 arm64; do
		export GOOS=$os GOARCH=$arch CGO_ENABLED=0
		if go build -o /dev/null ./cmd/oneclaw && go vet ./...; then
			echo "cross: $os/$arch is fine"
		else
			echo "cross: $os/$arch FAILED" >&2
			bad=1
		fi
	done
done
exit $bad
