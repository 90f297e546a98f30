package e2e_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/child"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/evmnode"
)

// The steps of examples/pay, on a chain of the test's own. Its human is at the command line.
func TestTheExamplePaysInvoices(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	s, chain := p.start(), evmnode.Anvil(t)
	human := on(t, s, "ONECLAW_DATA="+p.data)
	said := func(stdin string, args ...string) string { // as ok, and it may warn
		t.Helper()
		r := human.run(stdin, args...)
		if r.code != 0 {
			t.Fatalf("oneclaw %v: exit code %d: %s", args, r.code, r.err)
		}
		return r.out
	}
	example := "../../examples/pay"

	said("", "login", "--dev")
	said(s.Password+"\n", "chain", "add", "anvil", "31337", "--testnet", "--rpc-url-file", writeFile(t, t.TempDir(), "rpc.txt", chain.URL), "--password-file", "-")
	key := regexp.MustCompile(`ocv_\S+`).FindString(said("", "agent", "create", "payer", "--intents-api", "--tx-daily-limit", "1"))
	said("", "key", "create", "--agent", "payer")
	if out := said("", "agent", "guard", "payer", "--set", filepath.Join(example, "rules.json")); !strings.Contains(out, "A human approves what pays more than 0.5 of the chain's coin, fees included.") {
		t.Errorf("the rules: %s", out)
	}
	account, err := evm.ParseAddress(strings.TrimSpace(said("", "key", "address", "--agent", "payer")))
	if err != nil {
		t.Fatal(err)
	}
	chain.Fund(t, account, uint256.MustFromDecimal("10000000000000000000"))

	// Node finds the MCP client beside the script, as after npm install.
	dir := t.TempDir()
	modules, err := filepath.Abs("../../test/npm/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pay.mjs", "invoices.json", "package.json"} {
		b, err := os.ReadFile(filepath.Join(example, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	agent := exec.CommandContext(t.Context(), "node", "pay.mjs", "invoices.json")
	agent.Dir = dir
	agent.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "ONECLAW_MCP_URL=" + s.MCPURL, "ONECLAW_AGENT_API_KEY=" + key}
	child.Tie(agent)
	out, err := agent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs output
	agent.Stderr = &errs
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	var transcript strings.Builder
	approved := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		transcript.WriteString(lines.Text() + "\n")
		if _, id, asks := strings.Cut(lines.Text(), "oneclaw approval approve "); asks && !approved {
			approved = true
			said(s.Password+"\n", "approval", "approve", id, "--password-file", "-")
		}
	}
	if err := agent.Wait(); err != nil {
		t.Fatalf("the agent: %v\n%s%s", err, transcript.String(), errs.String())
	}

	got := transcript.String()
	for _, want := range []string{"invoice 1: paid\n", "invoice 2: not paid\n", "invoice 3: paid\n", "vault: Access denied: ", "  Value: 550000000000000000 wei\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("the transcript lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, key) || regexp.MustCompile(`\b(0x)?[0-9a-fA-F]{64}\b`).MatchString(hashes.ReplaceAllString(got, "")) {
		t.Errorf("a key is in the transcript:\n%s", got)
	}
	eventually(t, "the payments in blocks", func() bool { // a block may come after the answer
		var balance uint256.Int
		var wei string
		chain.Call(t, &wei, "eth_getBalance", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "latest")
		if err := balance.SetFromHex(wei); err != nil {
			t.Fatal(err)
		}
		return balance.Dec() == "10000950000000000000000"
	})

	// It is final once enough blocks are on top of it.
	chain.Mine(t, 20)
	payment := column(t, said("", "tx", "list", "--agent", "payer"), 0)
	if final := said("", "tx", "watch", payment, "--agent", "payer"); !strings.Contains(final, "on_the_chain\tsuccess\n") || !strings.Contains(final, "final\tyes\n") {
		t.Errorf("watch: %q", final)
	}
	said("", "freeze", "--agent", "payer")
	if r := on(t, s, "ONECLAW_AGENT_API_KEY="+key).run("", "tx", "list"); r.code != 4 {
		t.Errorf("a frozen agent: exit code %d: %s", r.code, r.err)
	}
}

// hashes of transactions look like keys.
var hashes = regexp.MustCompile(`Tx hash: 0x[0-9a-f]{64}`)
