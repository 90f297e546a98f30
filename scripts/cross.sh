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

# Two platforms at a time: each ends with what one processor does alone, such as SQLite's
# one large package.
own=$(go env GOHOSTOS)/$(go env GOHOSTARCH)

# platform builds and vets for one, such as linux/amd64, and says all at its end.
platform() {
	local flags=(-trimpath) out
	export GOOS=${1%/*} GOARCH=${1#*/} CGO_ENABLED=0
	[ "$1" = "$own" ] || flags+=('-gcflags=all=-N -l -dwarf=false')
	if out=$(go build "${flags[@]}" -ldflags '-s -w' -o /dev/null ./cmd/oneclaw 2>&1 && go vet "${flags[@]}" ./... 2>&1); then
		echo "cross: $1 is fine"
	else
		printf '%s\ncross: %s FAILED\n' "$out" "$1" >&2
		return 1
	fi
}

bad=0 running=0
for target in {linux,darwin,windows}/{amd64,arm64}; do
	if [ "$running" -eq 2 ]; then
		wait -n || bad=1
		running=1
	fi
	platform "$target" &
	running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
	wait -n || bad=1
	running=$((running - 1))
done
exit $bad
