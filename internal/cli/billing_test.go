package cli_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

func TestBillingOnTheRealServer(t *testing.T) {
	s := serveDev(t)
	s.ok("", "login", "--dev")
	if out := s.ok("", "billing", "status"); !strings.HasPrefix(out, "tier\tenterprise\n") || column(t, out, "requests", 1) == "" || strings.Contains(out, " of ") {
		t.Errorf("status of an unlimited organisation: %q", out)
	}
	if out := s.ok("", "billing", "ledger"); out != "" {
		t.Errorf("a new ledger: %q", out)
	}
	org := column(t, s.ok("", "admin", "users"), "owner@oneclaw.localhost", 3)

	t.Run("a tier and limits", func(t *testing.T) {
		if out := s.ok("", "admin", "tier", org, "pro", "--days", "30"); column(t, out, "tier", 1) != "pro" {
			t.Errorf("tier: %q", out)
		}
		if out := s.ok("", "billing", "status"); column(t, out, "vaults", 1) != "0 of 25" || column(t, out, "until", 1) == "" {
			t.Errorf("status: %q", out)
		}
		if out := s.ok("", "admin", "limits", org); column(t, out, "requests", 1) != "as the tier says" || column(t, out, "sponsored", 1) != "no" {
			t.Errorf("limits: %q", out)
		}
		s.ok("", "admin", "limits", org, "--requests", "5000")
		// What is not named stays.
		if out := s.ok("", "admin", "limits", org, "--sponsored", "true"); column(t, out, "requests", 1) != "5000" || column(t, out, "sponsored", 1) != "yes" {
			t.Errorf("limits: %q", out)
		}
		if out := s.ok("", "billing", "usage"); column(t, out, "tier", 1) != "pro" || !strings.HasSuffix(column(t, out, "requests", 1), " of 5000") {
			t.Errorf("usage: %q", out)
		}
		if out := s.ok("", "admin", "limits", org, "--requests", "tier"); column(t, out, "requests", 1) != "as the tier says" || column(t, out, "sponsored", 1) != "yes" {
			t.Errorf("limits: %q", out)
		}
		s.fails(cli.ExitUsage, "admin", "tier", org, "golden")
		s.fails(cli.ExitUsage, "admin", "limits", org, "--requests", "-1")
		s.fails(cli.ExitUsage, "admin", "limits", org, "--sponsored", "perhaps")
		s.fails(cli.ExitNotFound, "admin", "tier", "018f2c5e-0000-7000-8000-000000000000", "pro")
	})

	t.Run("credits", func(t *testing.T) {
		if out := s.ok("", "admin", "credits", org, "25.5", "--days", "20", "--description", "a gift"); column(t, out, "amount", 1) != "25.50 USD" {
			t.Errorf("granted: %q", out)
		}
		s.ok("", "admin", "credits", org, "1")
		if out := s.ok("", "billing", "credits"); column(t, out, "credit", 1) != "26.50 USD" || column(t, out, "ends_within_30", 1) != "25.50 USD" {
			t.Errorf("credits: %q", out)
		}
		if out := s.ok("", "billing", "ledger", "--limit", "1", "--page", "2"); !strings.HasSuffix(out, "\tgrant\t25.50 USD\t25.50 USD\ta gift\n") || strings.Count(out, "\n") != 1 {
			t.Errorf("ledger: %q", out)
		}
		for _, amount := range []string{"0", "-1", "1.234", "1.", "x", "", "1e3"} {
			s.fails(cli.ExitUsage, "admin", "credits", org, "--", amount)
		}
		s.ok("", "billing", "overage", "x402")
		if out := s.ok("", "billing", "status"); column(t, out, "overage", 1) != "x402" {
			t.Errorf("status: %q", out)
		}
		s.fails(cli.ExitUsage, "billing", "overage", "cash")
	})

	t.Run("the history", func(t *testing.T) {
		s.fails(cli.ExitNotFound, "secret", "versions", "gone", "--vault", "018f2c5e-0000-7000-8000-000000000000")
		out := s.ok("", "billing", "history", "--limit", "200")
		if column(t, out, "GET /v1/vaults/{vault_id}/secret-versions/{path}", 3) != "404" {
			t.Errorf("history: %q", out)
		}
		if strings.Contains(out, "gone") {
			t.Errorf("the history names a path: %q", out)
		}
	})

	t.Run("settings", func(t *testing.T) {
		s.ok("", "admin", "settings", "set", "billing.default_tier", "free")
		if out := s.ok("", "admin", "settings", "list"); column(t, out, "billing.default_tier", 1) != "free" {
			t.Errorf("settings: %q", out)
		}
		s.fails(cli.ExitUsage, "admin", "settings", "set", "billing.default_tier", "golden")
		s.ok("", "admin", "settings", "unset", "billing.default_tier")
		s.fails(cli.ExitNotFound, "admin", "settings", "unset", "billing.default_tier")
	})

	t.Run("others may not", func(t *testing.T) {
		guest := newShell(t, apiURL(t, s))
		cl, err := client.New(guest.env["ONECLAW_BASE_URL"])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cl.Signup(t.Context(), "zoe@example.com", client.ValueOf(zoePass), "zoe"); err != nil {
			t.Fatal(err)
		}
		guest.ok(zoePass, "login", "--email", "zoe@example.com")
		guest.ok("", "billing", "status")
		for _, command := range [][]string{
			{"admin", "users"}, {"admin", "settings", "list"}, {"admin", "settings", "set", "a", "b"}, {"admin", "settings", "unset", "a"},
			{"admin", "tier", org, "free"}, {"admin", "limits", org}, {"admin", "credits", org, "5"}, {"admin", "chain", "list"},
			{"admin", "chain", "add", "mine", "7"}, {"admin", "chain", "delete", "base", "--yes"},
		} {
			guest.fails(cli.ExitDenied, command...)
		}
	})
}

// apiURL is where the server of a shell is.
func apiURL(t *testing.T, s *shell) string {
	t.Helper()
	var me struct {
		APIURL string `json:"api_url"`
	}
	b := s.ok("", "--json", "whoami")
	if err := json.Unmarshal([]byte(b), &me); err != nil || me.APIURL == "" {
		t.Fatalf("%v: %s", err, b)
	}
	return me.APIURL
}

func TestChainsOnTheRealServer(t *testing.T) {
	s := serveDev(t)
	// Nobody is logged in so far.
	if out := s.ok("", "chain", "list"); column(t, out, "base\t", 1) != "8453" || strings.Count(out, "\n") != 19 {
		t.Errorf("chains: %q", out)
	}
	if out := s.ok("", "chain", "get", "11155111"); column(t, out, "test_net", 1) != "yes" || column(t, out, "chain\t", 1) != "sepolia" {
		t.Errorf("sepolia: %q", out)
	}
	s.fails(cli.ExitNotFound, "chain", "get", "nowhere")
	s.fails(cli.ExitUnauthenticated, "admin", "chain", "list")
	s.ok("", "login", "--dev")
	const rpc = "https://rpc.example.com/v1/key-of-a-provider"
	out := s.ok(rpc+"\n", "admin", "chain", "add", "moonbeam", "1284", "--title", "Moonbeam", "--currency", "GLMR", "--rpc-url-file", "-")
	if column(t, out, "rpc", 1) != "https://rpc.example.com/..." || column(t, out, "node", 1) != "set" || column(t, out, "currency", 1) != "GLMR" || column(t, out, "name", 1) != "Moonbeam" {
		t.Errorf("added: %q", out)
	}
	if out := s.ok("", "chain", "get", "moonbeam"); strings.Contains(out, "key-of") || column(t, out, "node", 1) != "set" {
		t.Errorf("everybody sees the key of a provider, or not that a node is set: %q", out)
	}
	if out := s.ok("", "chain", "list"); column(t, out, "moonbeam\t", 5) != "set" || column(t, out, "base\t", 5) != "not set" {
		t.Errorf("the list does not say which have a node: %q", out)
	}
	s.fails(cli.ExitFailure, "admin", "chain", "add", "moonbeam", "101")
	s.fails(cli.ExitUsage, "admin", "chain", "add", "other", "many")
	s.fails(cli.ExitUsage, "admin", "chain", "update", "moonbeam")
	s.fails(cli.ExitUsage, "admin", "chain", "update", "moonbeam", "--rpc-url-file", "-", "--ws-url-file", "-")
	ws := s.file("ws", "wss://rpc.example.com/\n")
	out = s.ok("", "admin", "chain", "update", "1284", "--name", "moon", "--enabled=false", "--ws-url-file", ws)
	if column(t, out, "websocket", 1) != "wss://rpc.example.com/" || column(t, out, "rpc", 1) != "https://rpc.example.com/..." || column(t, out, "enabled", 1) != "no" {
		t.Errorf("changed: %q", out)
	}
	s.fails(cli.ExitNotFound, "chain", "get", "moon")
	if out := s.ok("", "admin", "chain", "list"); column(t, out, "moon", 3) != "no" || strings.Count(out, "\n") != 20 {
		t.Errorf("all chains: %q", out)
	}
	s.fails(cli.ExitUsage, "admin", "chain", "delete", "moon")
	s.ok("", "admin", "chain", "delete", "moon", "--yes")
	s.fails(cli.ExitNotFound, "admin", "chain", "delete", "moon", "--yes")
}

func TestTheNodesOfAChainOnTheRealServer(t *testing.T) {
	s := serveDev(t)
	s.ok("", "login", "--dev")
	n := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		switch {
		case err != nil:
			t.Error(err)
		case strings.Contains(string(body), "eth_chainId"):
			fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":"0x2105"}`)
		default:
			fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":"0x10"}`)
		}
	}))
	t.Cleanup(n.Close)
	if out := s.fails(cli.ExitFailure, "chain", "check", "base"); !strings.Contains(out.err, "oneclaw chain add base --rpc-url-file FILE") {
		t.Errorf("without a node: %q", out.err)
	}
	file := s.file("rpc", n.URL+"/k3y-of-the-provider\n")
	if out := s.ok("", "chain", "add", "base", "--rpc-url-file", file); column(t, out, "rpc", 1) != n.URL+"/..." {
		t.Errorf("set: %q", out)
	}
	if out := s.ok("", "chain", "check", "8453"); !strings.Contains(out, "16") || strings.Contains(out, "k3y") {
		t.Errorf("checked: %q", out)
	}
	s.fails(cli.ExitUsage, "chain", "add", "base")
	s.fails(cli.ExitUsage, "chain", "add", "base", "1", "--rpc-url-file", file)
	s.fails(cli.ExitUsage, "chain", "add", "base", "many", "--rpc-url-file", file)
	s.fails(cli.ExitUsage, "chain", "add", "mine", "--rpc-url-file", file)
	s.ok("", "chain", "add", "mine", "7", "--testnet", "--rpc-url-file", file)
	if out := s.fails(cli.ExitFailure, "chain", "check", "mine"); strings.Contains(out.err+out.out, "k3y") || !strings.Contains(out.out, "another chain") {
		t.Errorf("a node of another chain: %+v", out)
	}
}
