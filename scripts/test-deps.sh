#!/usr/bin/env bash
# Installs what `make test` needs beside Go: a C compiler (race detector,
# PKCS#11), SoftHSM2, PostgreSQL, a mail server, git, an SSH server, a browser, tools that use
# secrets through the proxy, from npm an MCP client, an Ethereum node, contracts,
# ethers, viem, SDKs of providers of models, axios, a client of gRPC, Deno, Bun and a
# newer Node, and from its Go module geth. Says nothing and takes a moment when all
# is there. As root on Debian it installs what is missing; otherwise it says
# what to install.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

has() { command -v "$1" >/dev/null 2>&1; }
any() { compgen -G "$1" >/dev/null; }

missing=()
has gcc || missing+=(gcc)
[ -e /usr/include/stdlib.h ] || missing+=(libc6-dev)
{ has softhsm2-util && { any '/usr/lib/softhsm/libsofthsm2.so' || any '/usr/lib*/*/softhsm/libsofthsm2.so' || any '/usr/lib64/pkcs11/libsofthsm2.so'; }; } || missing+=(softhsm2)
{ has initdb || any '/usr/lib/postgresql/*/bin/initdb'; } || missing+=(postgresql)
has git || missing+=(git)
has ssh-keygen || missing+=(openssh-client)
[ -x /usr/sbin/sshd ] || missing+=(openssh-server)
has python3 || missing+=(python3)
[ -x /usr/bin/aiosmtpd ] || missing+=(python3-aiosmtpd)
has chromium || missing+=(chromium)
has node || missing+=(nodejs)
# Programs that use secrets through the proxy.
has curl || missing+=(curl)
has wget || missing+=(wget)
has git || missing+=(git)
has gh || missing+=(gh)
has javac || missing+=(default-jdk-headless)
has ruby || missing+=(ruby)
has psql || missing+=(postgresql-client)
[ -x /usr/bin/aws ] || missing+=(awscli)
for module in requests httpx pip; do
	[ -e "/usr/lib/python3/dist-packages/$module" ] || missing+=("python3-$module")
done
if has node && ! has npm; then missing+=(npm); fi

# quietly runs a command and shows its output only when it fails.
quietly() {
	local out
	out=$(mktemp)
	if "$@" </dev/null >"$out" 2>&1; then
		rm -f "$out"
		return 0
	fi
	cat "$out" >&2
	rm -f "$out"
	echo "test-deps: this failed: $*" >&2
	return 1
}

if [ "${#missing[@]}" -gt 0 ]; then
	if ! has apt-get; then
		echo "test-deps: the tests need these programs (Debian's package names): ${missing[*]}" >&2
		exit 1
	fi
	if [ "$(id -u)" -ne 0 ]; then
		echo "test-deps: the tests need packages that are not installed. Run this once, then try again:" >&2
		echo "    sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
		exit 1
	fi
	echo "test-deps: installing ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	apt=(apt-get -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
	quietly "${apt[@]}" update
	quietly "${apt[@]}" install --no-install-recommends "${missing[@]}"
	# Debian packs npm apart from Node, others pack them together and conflict.
	has npm || quietly "${apt[@]}" install --no-install-recommends npm
fi

# The stamp is a copy of the lock file that was installed. It is written last,
# so that an interrupted install is done again.
stamp=test/npm/node_modules/.installed-lock
if ! cmp -s test/npm/package-lock.json "$stamp"; then
	echo "test-deps: installing test/npm"
	# No package may run code of its own while it is installed.
	quietly npm --prefix test/npm ci --ignore-scripts --omit=peer --no-audit --no-fund --loglevel=error
	cp test/npm/package-lock.json "$stamp"
fi

# Geth, as the go.mod of test/evm pins it, for tests that want a second real node.
stamp=test/evm/bin/.built-sum
if [ ! -x test/evm/bin/geth ] || ! cmp -s test/evm/go.sum "$stamp"; then
	echo "test-deps: building geth"
	CGO_ENABLED=0 quietly go -C test/evm build -buildvcs=false -trimpath -ldflags='-s -w' -o bin/geth github.com/ethereum/go-ethereum/cmd/geth
	cp test/evm/go.sum "$stamp"
fi

# A client of gRPC in Go, which the product's go.mod has no library for.
stamp=test/grpc/bin/.built-from
if [ ! -x test/grpc/bin/client ] || ! cmp -s <(cat test/grpc/main.go test/grpc/go.sum) "$stamp"; then
	echo "test-deps: building test/grpc"
	CGO_ENABLED=0 quietly go -C test/grpc build -buildvcs=false -trimpath -ldflags='-s -w' -o bin/client .
	cat test/grpc/main.go test/grpc/go.sum >"$stamp"
fi
