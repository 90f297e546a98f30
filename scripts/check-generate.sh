#!/usr/bin/env bash
# Runs go generate in a copy of the tree and compares, so that it tells the
# truth beside uncommitted work and changes no file. It can't pass by accident
# when generation fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/before"
# What git would commit: tracked and new files, without the ignored ones.
git -c safe.directory='*' ls-files -z --cached --others --exclude-standard |
	while IFS= read -r -d '' f; do if [ -e "$f" ]; then printf '%s\0' "$f"; fi; done |
	tar --null -T - -cf - | tar -xf - -C "$dir/before"

cp -r "$dir/before" "$dir/after"
(cd "$dir/after" && go generate ./...)
if ! (cd "$dir" && diff -ru before after); then
	echo "check-generate: generated files are not what the code says; run make generate and commit" >&2
	exit 1
fi
echo "check-generate: generated files are up to date"
