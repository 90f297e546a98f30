package intents

import "strings"

// SigningPath reports whether a path of a vault is one of those at which keys of chains
// lie (contract, section 7): below keys/, wallets/ and agents/ID/keys/.
func SigningPath(path string) bool {
	if strings.HasPrefix(path, "keys/") || strings.HasPrefix(path, "wallets/") {
		return true
	}
	rest, ok := strings.CutPrefix(path, "agents/")
	_, rest, deeper := strings.Cut(rest, "/")
	return ok && deeper && strings.HasPrefix(rest, "keys/")
}
