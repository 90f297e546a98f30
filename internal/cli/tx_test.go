package cli_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/evmnode"
)

const payee = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"

// onChain is a real server that knows a chain of the test's own, with an agent that may pay
// 1 ETH a day from an account that has 10.
func onChain(t *testing.T) (node *evmnode.Node, owner, agent *shell) {
	t.Helper()
	node = evmnode.Anvil(t)
	owner = serveDev(t)
	owner.now = time.Now() // the login becomes a key, which is no person
	owner.ok("", "login", "--dev")
	owner.ok(node.URL, "admin", "chain", "add", "anvil", "31337", "--rpc-url-file", "-", "--password-file", owner.file("password", owner.devPassword()+"\n"))
	var made struct {
		APIKey string `json:"api_key"`
	}
	decoded(t, owner.ok("", "--json", "agent", "create", "payer", "--intents-api", "--tx-daily-limit", "1"), &made)
	owner.ok("", "key", "create", "--agent", "payer")
	account, err := evm.ParseAddress(strings.TrimSpace(owner.ok("", "key", "address", "--agent", "payer")))
	if err != nil {
		t.Fatal(err)
	}
	node.Fund(t, account, uint256.MustFromDecimal("10000000000000000000"))
	agent = newShell(t, "")
	agent.env["ONECLAW_DATA"], agent.env["ONECLAW_AGENT_API_KEY"] = owner.env["ONECLAW_DATA"], made.APIKey
	return node, owner, agent
}

func decoded(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

func TestTransactionsOnTheCommandLine(t *testing.T) {
	node, owner, agent := onChain(t)

	if out := owner.ok("", "key", "address", "--agent", "payer", "--balance", "anvil"); !strings.Contains(out, "balance\t10 ETH\n") {
		t.Errorf("balance: %q", out)
	}

	t.Run("a person and the agent pay", func(t *testing.T) {
		if out := owner.ok("", "tx", "simulate", payee, "0.25", "--chain", "anvil", "--agent", "payer"); !strings.Contains(out, "status\tsuccess\n") {
			t.Errorf("simulate: %q", out)
		}
		if out := owner.ok("", "tx", "submit", payee, "0.25", "--chain", "anvil", "--agent", "payer", "--simulate"); !strings.Contains(out, "status\tbroadcast\n") || !strings.Contains(out, "simulation\tsuccess\n") {
			t.Errorf("submit: %q", out)
		}
		submit := []string{"--json", "tx", "submit", payee, "0.5", "--chain", "31337", "--max-fee", "12gwei", "--tip", "1000000000", "--idempotency-key", "one"}
		var first, again client.Transaction
		decoded(t, agent.ok("", submit...), &first)
		decoded(t, agent.ok("", submit...), &again)
		if first.ID == "" || first.ID != again.ID || first.MaxFee != "12000000000" || first.MaxTip != "1000000000" {
			t.Errorf("%+v, then %+v", first, again)
		}
		if out := agent.ok("", "tx", "get", first.TxHash); !strings.Contains(out, "value_in_wei\t500000000000000000\n") || !strings.Contains(out, "nonce\t1\n") {
			t.Errorf("get: %q", out)
		}
		if out := agent.ok("", "tx", "get", first.ID[:8], "--signed"); !strings.HasPrefix(out, "0x02") {
			t.Errorf("the signed bytes: %q", out)
		}
		node.Mine(t, 100)
		agent.ok("", "tx", "watch", first.ID)
		if out := agent.ok("", "tx", "list"); !strings.Contains(out, "\tsuccess\t\n") || !strings.Contains(out, "\tbroadcast\t") {
			t.Errorf("the list does not say what the chain made of them: %q", out)
		}
		r := agent.run("", "tx", "submit", payee, "0.3", "--chain", "anvil")
		if r.code != cli.ExitDenied || !strings.Contains(r.err, "0.25") {
			t.Errorf("over the limit of a day: exit %d: %s", r.code, r.err)
		}
	})

	t.Run("what is not said is asked for", func(t *testing.T) {
		for want, args := range map[string][]string{
			"--agent":    {"tx", "list"},
			"--chain":    {"tx", "submit", payee, "1", "--agent", "payer"},
			"no agent":   {"tx", "list", "--agent", "nobody"},
			"gwei":       {"tx", "submit", payee, "1", "--chain", "anvil", "--agent", "payer", "--max-fee", "cheap"},
			"TO is an":   {"tx", "submit", "bob", "1", "--chain", "anvil", "--agent", "payer"},
			"There is n": {"tx", "get", "12345678", "--agent", "payer"},
		} {
			if r := owner.run("", args...); r.code == cli.ExitOK || !strings.Contains(r.err, want) {
				t.Errorf("%v: exit %d: %s", args, r.code, r.err)
			}
		}
		if r := agent.run("", "tx", "list", "--agent", "other"); r.code != cli.ExitUsage {
			t.Errorf("an agent that names another: exit %d: %s", r.code, r.err)
		}
	})

	t.Run("a gap is told and filled", func(t *testing.T) {
		var behind, made client.Transaction
		decoded(t, agent.ok("", "--json", "tx", "submit", payee, "0.001", "--chain", "anvil", "--nonce", "3"), &behind)
		shows := func(what string) string {
			t.Helper()
			tick, late := time.NewTicker(100*time.Millisecond), time.After(time.Minute)
			defer tick.Stop()
			for {
				out := agent.ok("", "tx", "list")
				if strings.Contains(out, what) {
					return out
				}
				select {
				case <-tick.C:
				case <-late:
					t.Fatalf("it does not say %q: %s", what, out)
				}
			}
		}
		shows("\twaiting for nonce 2\t")
		if out := agent.ok("", "tx", "get", behind.ID); !strings.Contains(out, "waits_for_nonce\t2\n") {
			t.Errorf("get: %q", out)
		}
		decoded(t, agent.ok("", "--json", "tx", "fill", behind.ID), &made)
		if made.Status != "broadcast" || made.ValueWei != "0" {
			t.Errorf("filled with %+v", made)
		}
		node.Mine(t, 20)
		agent.ok("", "tx", "watch", behind.ID)
		if r := agent.run("", "tx", "fill", behind.ID); r.code != cli.ExitFailure || !strings.Contains(r.err, "No gap is known") {
			t.Errorf("a second time: exit %d: %s", r.code, r.err)
		}
	})

	t.Run("tables fit a terminal", func(t *testing.T) {
		owner.tty, owner.env["NO_COLOR"] = "o", "1"
		defer func() { owner.tty = "" }()
		for _, args := range [][]string{{"tx", "list", "--agent", "payer"}, {"key", "list", "--agent", "payer"}} {
			out := owner.ok("", args...)
			for line := range strings.Lines(out) {
				if len([]rune(strings.TrimSuffix(line, "\n"))) > 80 {
					t.Errorf("%v: too long: %q", args, line)
				}
			}
			if strings.Count(out, "\n") < 2 {
				t.Errorf("%v: %q", args, out)
			}
		}
	})

	t.Run("rules in plain words, tried and approved", func(t *testing.T) {
		if out := owner.ok("", "agent", "guard", "payer"); !strings.Contains(out, "at most 1 of the chain's coin in 24 hours") {
			t.Errorf("guard: %q", out)
		}
		if r := owner.run(`["x"]`, "agent", "guard", "payer", "--set", "-"); r.code != cli.ExitUsage {
			t.Errorf("rules that are no object: exit %d: %s", r.code, r.err)
		}
		rules := `{"approval":{"require_above_native":"0x16345785d8a0000"}}` // 0.1 ETH
		if out := owner.ok(rules, "agent", "guard", "payer", "--set", "-"); !strings.Contains(out, "A human approves what pays more than 0.1 of the chain's coin, fees included.") {
			t.Errorf("guard: %q", out)
		}
		try := func(value string) string { return `{"to":"` + payee + `","value":"` + value + `","chain":"anvil"}` }
		if out := owner.ok(try("0.2"), "agent", "guard", "payer", "--try", "-"); !strings.Contains(out, "allowed\tonce a human approves it\n") || !strings.Contains(out, "asks_because\t") || !strings.Contains(out, "effect\tpays 0.2 of the chain's coin to "+payee+"\n") {
			t.Errorf("try: %q", out)
		}
		if r := owner.run(try("2"), "agent", "guard", "payer", "--try", "-"); r.code != cli.ExitDenied || !strings.Contains(r.out, "allowed\tno\n") {
			t.Errorf("try over the limit: exit %d: %q %q", r.code, r.out, r.err)
		}
		pay := []string{"tx", "submit", payee, "0.2", "--chain", "anvil"}
		if r := agent.run("", pay...); r.code != cli.ExitDenied || !strings.Contains(r.err, "A human must approve") {
			t.Errorf("before the approval: exit %d: %s", r.code, r.err)
		}
		id, _, _ := strings.Cut(owner.ok("", "approval", "list"), "\t")
		owner.ok(owner.devPassword()+"\n", "approval", "approve", id, "--password-file", "-")
		if out := agent.ok("", pay...); !strings.Contains(out, "status\tbroadcast\n") {
			t.Errorf("after it: %q", out)
		}
		owner.tty, owner.env["NO_COLOR"] = "o", "1"
		if out := owner.ok("", "approval", "list"); !strings.Contains(out, "  used  ") || strings.Contains(out, "approved") {
			t.Errorf("what was used up: %q", out)
		}
		owner.tty = ""
	})

	t.Run("a transaction that waits is replaced", func(t *testing.T) {
		node.Automine(t, false)
		defer node.Automine(t, true)
		var slow, fast client.Transaction
		decoded(t, agent.ok("", "--json", "tx", "submit", payee, "0.01", "--chain", "anvil"), &slow)
		decoded(t, agent.ok("", "--json", "tx", "speedup", slow.ID[:8]), &fast)
		if fast.ID == slow.ID || fast.Status != "broadcast" || fast.To != slow.To {
			t.Errorf("%+v after %+v", fast, slow)
		}
		var none client.Transaction
		decoded(t, agent.ok("", "--json", "tx", "cancel", fast.ID), &none)
		if none.ValueWei != "0" || none.Status != "broadcast" {
			t.Errorf("%+v", none)
		}
		if fast.Replaces != slow.ID || none.Replaces != slow.ID || slow.Replaces != "" {
			t.Errorf("%+v replaces %+v", fast, slow)
		}
		if out := agent.ok("", "tx", "list"); !strings.HasSuffix(strings.SplitN(out, "\n", 2)[0], "\t"+slow.ID) {
			t.Errorf("the list does not say what it replaces: %q", out)
		}
		agent.tty, agent.env["NO_COLOR"] = "o", "1"
		defer func() { agent.tty = "" }()
		for width, want := range map[int]string{80: "  replaces " + slow.ID[:8] + "\n", 200: "  " + slow.ID[:8] + "\n"} {
			agent.width = width
			if out := agent.ok("", "tx", "list"); strings.Count(out, want) != 2 || !strings.Contains(out, "REPLACES\n") {
				t.Errorf("at %d columns:\n%s", width, out)
			}
		}
		agent.tty = ""
		if out := agent.ok("", "tx", "get", none.ID); !strings.Contains(out, "replaces\t"+slow.ID+"\n") {
			t.Errorf("get: %q", out)
		}
		for _, ref := range []string{none.ID[:8], none.TxHash, fast.ID} {
			if out := owner.ok("", "audit", "list", "--resource", ref); !strings.Contains(out, "\ttransaction.sign\tsuccess\t") {
				t.Errorf("events of %s: %q", ref, out)
			}
		}
		if out := owner.ok("", "audit", "list", "--resource", slow.ID[:8]); !strings.Contains(out, "\ttransaction.submit\t") || !strings.Contains(out, "\ttransaction.replace\t") {
			t.Errorf("events of what was replaced: %q", out)
		}
	})

	t.Run("several are watched in one line", func(t *testing.T) {
		node.Automine(t, false)
		var one, two client.Transaction
		decoded(t, agent.ok("", "--json", "tx", "submit", payee, "0.001", "--chain", "anvil"), &one)
		decoded(t, agent.ok("", "--json", "tx", "submit", payee, "0.002", "--chain", "anvil"), &two)
		agent.tty = "e"
		defer func() { agent.tty, agent.waits = "", nil }()
		agent.waits = func() { // once it says so, the chain goes on
			agent.waits = nil
			node.Automine(t, true)
			node.Mine(t, 100)
		}
		r := agent.run("", "tx", "watch", one.ID[:8], two.TxHash, one.ID)
		if r.code != cli.ExitOK || strings.Count(r.out, "\tsuccess\t") != 2 || !strings.Contains(r.err, "\r2 of 2 transactions still open. Ctrl-C stops the watching alone.") || !strings.Contains(r.err, one.ID[:8]+": success in block ") {
			t.Errorf("exit %d: %q %q", r.code, r.out, r.err)
		}
		for line := range strings.Lines(r.err) {
			if i := strings.LastIndexByte(line, '\r'); i >= 0 && strings.TrimSpace(line[i:]) != "" && strings.Contains(line[i:], "still open") {
				t.Errorf("what was said over stays: %q", line)
			}
		}
		agent.tty = ""
		if r := agent.run("", "tx", "watch", one.ID, two.ID); r.code != cli.ExitOK || r.err != "" || !strings.Contains(r.out, two.TxHash+"\n") {
			t.Errorf("in a pipe: exit %d: %q %q", r.code, r.out, r.err)
		}
		node.Mine(t, 100)
		if r := agent.run("", "tx", "watch"); r.code != cli.ExitOK && r.code != cli.ExitFailure || r.err != "" && r.code == cli.ExitOK {
			t.Errorf("all that are open: exit %d: %q %q", r.code, r.out, r.err)
		}
		if r := agent.run("", "--json", "tx", "watch"); r.code != cli.ExitOK || !strings.Contains(r.out, `"receipts": []`) {
			t.Errorf("when none is open: exit %d: %q %q", r.code, r.out, r.err)
		}
		if r := agent.run("", "tx", "watch", "12345678"); r.code != cli.ExitNotFound {
			t.Errorf("one that is not there: exit %d: %s", r.code, r.err)
		}
	})

	t.Run("a freeze stops it until a person ends it", func(t *testing.T) {
		owner.ok("", "freeze", "--agent", "payer")
		if out := owner.ok("", "freeze", "--status"); strings.Count(out, "\n") != 1 {
			t.Errorf("status: %q", out)
		}
		agent.fails(cli.ExitDenied, "tx", "list")
		if r := owner.run("", "unfreeze", "--agent", "payer"); r.code == cli.ExitOK {
			t.Error("a stored login ends a freeze")
		}
		owner.ok(owner.devPassword()+"\n", "unfreeze", "--agent", "payer", "--password-file", "-")
		agent.ok("", "tx", "list")
		owner.ok("", "freeze")
		if out := owner.ok("", "freeze", "--status"); !strings.HasPrefix(out, "all agents\t") {
			t.Errorf("status: %q", out)
		}
		owner.ok(owner.devPassword()+"\n", "unfreeze", "--password-file", "-")
		if r := owner.ok("", "freeze", "--status"); r != "" {
			t.Errorf("status: %q", r)
		}
	})

	t.Run("what a person asked for in its name has a way out", func(t *testing.T) {
		owner.ok(`{"approval":{"require_above_native":"0x16345785d8a0000","require_for_chains":["anvil"]}}`, "agent", "guard", "payer", "--set", "-")
		r := owner.run("", "tx", "submit", payee, "0.001", "--chain", "anvil", "--agent", "payer")
		if r.code != cli.ExitDenied || !strings.Contains(r.err, "with its own key") {
			t.Errorf("exit %d: %s", r.code, r.err)
		}
		id := pendingID(owner)
		for verb, from := range map[string]string{"approve": "", "deny": owner.devPassword() + "\n"} {
			r := owner.run(from, "approval", verb, id, "--yes", "--password-file", "-")
			if r.code == cli.ExitOK || !strings.Contains(r.err, "with its own key") || strings.Contains(r.err, "manages the vault") {
				t.Errorf("%s without a second person: exit %d: %s", verb, r.code, r.err)
			}
		}
		owner.ok("", "approval", "withdraw", id)
	})
}

func TestAChainThatStartsAnewOnTheCommandLine(t *testing.T) {
	_, owner, _ := onChain(t)
	submit := []string{"tx", "submit", payee, "0.001", "--chain", "anvil", "--agent", "payer"}
	owner.ok("", submit...)
	password, young := owner.file("password", owner.devPassword()+"\n"), evmnode.Anvil(t, "--timestamp", "1700000000")
	account, err := evm.ParseAddress(strings.TrimSpace(owner.ok("", "key", "address", "--agent", "payer")))
	if err != nil {
		t.Fatal(err)
	}
	young.Fund(t, account, uint256.MustFromDecimal("10000000000000000000"))
	owner.ok(young.URL, "admin", "chain", "update", "anvil", "--rpc-url-file", "-", "--password-file", password)
	if r := owner.run("", submit...); r.code == cli.ExitOK || !strings.Contains(r.err, "oneclaw chain restart anvil") {
		t.Errorf("a submission: exit %d: %s", r.code, r.err)
	}
	if r := owner.run("", "chain", "check", "anvil"); r.code == cli.ExitOK || !strings.Contains(r.out, "started anew") {
		t.Errorf("the check: exit %d: %s %s", r.code, r.out, r.err)
	}
	if r := owner.run("", "chain", "restart", "anvil", "--yes"); r.code == cli.ExitOK {
		t.Error("it takes no person")
	}
	owner.ok("", "chain", "restart", "anvil", "--yes", "--password-file", password)
	owner.ok("", "chain", "check", "anvil")
	if out := owner.ok("", submit...); !strings.Contains(out, "status\tbroadcast\n") {
		t.Errorf("afterwards: %q", out)
	}
}

func TestSigningKeysOnTheCommandLine(t *testing.T) {
	owner := serveDev(t)
	owner.ok("", "login", "--dev")
	owner.ok("", "agent", "create", "payer")
	const key, account = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80", "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
	if r := owner.run("", "key", "address", "--agent", "payer"); r.code != cli.ExitNotFound {
		t.Errorf("the address of no key: exit %d: %s", r.code, r.err)
	}
	if r := owner.run("", "key", "import", "0x"+key, "--agent", "payer"); r.code != cli.ExitUsage || strings.Contains(r.err, key) {
		t.Errorf("a key as an argument: exit %d: %s", r.code, r.err)
	}
	if r := owner.run("nonsense-"+key, "key", "import", "--agent", "payer"); r.code == cli.ExitOK || strings.Contains(r.err+r.out, key) {
		t.Errorf("no key: exit %d: %s", r.code, r.err)
	}
	for _, args := range [][]string{{"key", "create", "--agent", "payer", "--scopes", "a"}, {"key", "create", "name", "--agent", "payer"}, {"key", "create", "name", "--chain", "ethereum"}, {"key", "rotate"}} {
		if r := owner.run("", args...); r.code != cli.ExitUsage {
			t.Errorf("%v: exit %d: %s", args, r.code, r.err)
		}
	}
	owner.tty, owner.person.hidden = "ioe", "0x"+key
	if out := owner.ok("", "key", "import", "--agent", "payer"); !strings.Contains(out, account) || strings.Contains(out, key) {
		t.Errorf("from a prompt: %q", out)
	}
	owner.tty = ""
	if out := owner.ok("", "key", "address", "--agent", "payer"); out != account+"\n" {
		t.Errorf("address: %q", out)
	}
	owner.ok("", "key", "rotate", "--agent", "payer")
	if out := owner.ok("", "key", "list", "--agent", "payer"); !strings.Contains(out, account+"\t1\tno\t") || strings.Count(out, "\n") != 2 {
		t.Errorf("list: %q", out)
	}
	owner.ok("", "key", "rotate", "--agent", "payer", "--to-version", "1")
	if out := owner.ok("", "key", "address", "--agent", "payer"); out != account+"\n" {
		t.Errorf("the key of before: %q", out)
	}
	owner.ok("", "agent", "create", "second")
	const file = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
	if out := owner.ok("", "key", "import", "--agent", "second", "--from-file", owner.file("key.hex", file+"\n")); !strings.Contains(out, payee) {
		t.Errorf("from a file: %q", out)
	}
	if out := owner.ok("", "key", "list"); strings.Contains(out, "0x") {
		t.Errorf("API keys: %q", out)
	}
}

// pendingID is the id of the one request that waits.
func pendingID(s *shell) string {
	id, _, _ := strings.Cut(s.ok("", "approval", "list", "--status", "pending"), "\t")
	return id
}
