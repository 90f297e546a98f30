package evmnode

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// The contracts of OpenZeppelin that tests create, compiled as they are published on npm.
// Whoever creates one may mint.
const (
	ERC20   = "ERC20PresetMinterPauser"        // constructor(string name, string symbol)
	ERC721  = "ERC721PresetMinterPauserAutoId" // constructor(string name, string symbol, string baseURI)
	ERC1155 = "ERC1155PresetMinterPauser"      // constructor(string uri)
)

// Contract is the code that creates a contract; arguments of the constructor follow it.
func Contract(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(installed(t, "npm", "node_modules", "@openzeppelin", "contracts", "build", "contracts", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var built struct{ Bytecode string }
	if err := json.Unmarshal(text, &built); err != nil {
		t.Fatal(err)
	}
	code, err := hex.DecodeString(strings.TrimPrefix(built.Bytecode, "0x"))
	if err != nil || len(code) == 0 {
		t.Fatalf("%s has no code: %v", name, err)
	}
	return code
}
