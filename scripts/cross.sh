#!/usr/bin/env bash
# Builds the program, and vets all code with its tests, for every platform that is
# supported. Pure Go needs no other machine for it. Packages that a platform does
# not have (bench: Linux alone) are left out by their build constraints.
#
# Most of the time goes into compiling what is linked, for each platform anew. This
# machine's own was compiled by "make build", with the same flags. For the others nothing
# runs what is made, and so it is neither optimised nor has it debug information.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

own=$(go env GOHOSTOS)/$(go env GOHOSTARCH)
bad=0
for os in linux darwin windows; do
	for arch in amd64 arm64; do
		export GOOS=$os GOARCH=$arch CGO_ENABLED=0
		flags=(-trimpath)
		[ "$os/$arch" = "$own" ] || flags+=('-gcflags=all=-N -l -dwarf=false')
		if go build "${flags[@]}" -ldflags '-s -w' -o /dev/null ./cmd/oneclaw && go vet "${flags[@]}" ./...; then
			echo "cross: $os/$arch is fine"
		else
			echo "cross: $os/$arch FAILED" >&2
			bad=1
		fi
	done
done
exit $bad
