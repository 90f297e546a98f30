// Package evmnode runs a node of Ethereum for a test: anvil, which `make test-deps`
// installs from npm, or geth, which it builds from its Go module.
//
// Its promise: each test has a chain of its own on a port of its own, which ends
// with the test.
package evmnode

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
)

// ChainID is the chain of a node that is started without --chain-id.
const ChainID = 31337

// Node is a running node. It makes a block of each transaction at once, unless it is
// told otherwise.
type Node struct {
	URL   string // of its JSON-RPC
	Chain uint64

	bank *evm.Address // of geth: an account of its own, which funds others
}

// Anvil starts a node with more arguments of anvil's, and stops it at the end of the test.
func Anvil(t testing.TB, args ...string) *Node {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), anvil(t), append([]string{"--host", "127.0.0.1", "--port", "0"}, args...)...)
	return &Node{URL: "http://" + start(t, cmd, regexp.MustCompile(`^Listening on (\S+)`)), Chain: ChainID}
}

// start starts a node, and stops it at the end of the test. It returns what the node calls its
// address.
func start(t testing.TB, cmd *exec.Cmd, listens *regexp.Regexp) string {
	t.Helper()
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"HOME=" + cmd.Dir, "TMPDIR=" + cmd.Dir}
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		_ = out.Close()
	})
	_ = in.Close() // the node has its own
	var said strings.Builder
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		said.WriteString(line)
		if m := listens.FindStringSubmatch(line); m != nil {
			go func() { _, _ = io.Copy(io.Discard, lines) }() // ends with the node
			return m[1]
		}
		if err != nil {
			t.Fatalf("the node did not start: %v\n%s", err, said.String())
		}
	}
}

// anvil finds the binary of this machine.
func anvil(t testing.TB) string {
	t.Helper()
	return installed(t, "npm", "node_modules", "@foundry-rs", "anvil-"+runtime.GOOS+"-"+runtime.GOARCH, "bin", "anvil")
}

// installed finds a file that `make test-deps` puts below test in the repository.
func installed(t testing.TB, path ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "test", "npm", "package.json")); err == nil {
			file := filepath.Join(append([]string{dir, "test"}, path...)...)
			if _, err := os.Stat(file); err != nil {
				t.Fatalf("%s is not installed; `make test-deps` installs it", path[len(path)-1])
			}
			return file
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("the test does not run within the repository")
		}
	}
}

// Call asks the node, fails the test when it refuses, and decodes the answer into
// result unless that is nil.
func (n *Node) Call(t testing.TB, result any, method string, params ...any) {
	t.Helper()
	if refusal := n.ask(t, result, method, params...); refusal != "" {
		t.Fatalf("%s: %s", method, refusal)
	}
}

// ask is Call that returns what the node refuses with.
func (n *Node) ask(t testing.TB, result any, method string, params ...any) (refusal string) {
	t.Helper()
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.URL, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := (&http.Client{}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var answer struct {
		Result json.RawMessage
		Error  json.RawMessage
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if answer.Error == nil && result != nil {
		if err := json.Unmarshal(answer.Result, result); err != nil {
			t.Fatalf("%s answers %s: %v", method, answer.Result, err)
		}
	}
	return string(answer.Error)
}

// Fund sets the balance of the account, in wei. Geth pays it, so that it is added.
func (n *Node) Fund(t testing.TB, a evm.Address, wei *uint256.Int) {
	t.Helper()
	if n.bank != nil {
		n.pay(t, a, wei)
		return
	}
	n.Call(t, nil, "anvil_setBalance", a, wei.Hex())
}

// Automine says whether each transaction gets its block at once. Without it they wait
// for Mine.
func (n *Node) Automine(t testing.TB, on bool) {
	t.Helper()
	n.Call(t, nil, "evm_setAutomine", on)
}

// Mine makes blocks.
func (n *Node) Mine(t testing.TB, blocks uint64) {
	t.Helper()
	n.Call(t, nil, "anvil_mine", uint256.NewInt(blocks).Hex())
}

// Reorg replaces the newest blocks by as many empty ones: their transactions never were.
func (n *Node) Reorg(t testing.TB, blocks uint64) {
	t.Helper()
	n.Call(t, nil, "anvil_reorg", blocks, []any{})
}

// Snapshot remembers the chain as it is, for Revert.
func (n *Node) Snapshot(t testing.TB) (id string) {
	t.Helper()
	n.Call(t, &id, "evm_snapshot")
	return id
}

// Revert puts the chain back to what it was at the snapshot.
func (n *Node) Revert(t testing.TB, id string) {
	t.Helper()
	var done bool
	if n.Call(t, &done, "evm_revert", id); !done {
		t.Fatalf("there is no snapshot %s", id)
	}
}

// NextBaseFee sets what each gas costs at least in the next block, in wei.
func (n *Node) NextBaseFee(t testing.TB, wei *uint256.Int) {
	t.Helper()
	n.Call(t, nil, "anvil_setNextBlockBaseFeePerGas", wei.Hex())
}
