package cli_test

import (
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

// Who misspells a chain in a limit is told: the limit would hold for nothing.
func TestAChainThatNobodyKnowsIsToldOf(t *testing.T) {
	s := serveDev(t)
	s.ok("", "login", "--dev")
	s.ok("", "agent", "create", "payer", "--intents-api", "--tx-chains", "Base,sepolia")
	for in, args := range map[string][]string{
		"":                                   {"agent", "update", "payer", "--tx-chains", "seplia"},
		`{"require_for_chains": ["seplia"]}`: {"agent", "update", "payer", "--tx-approval-policy", "-"},
		`{"require_above_native": {"seplia": "0.05"}}`:     {"agent", "update", "payer", "--tx-approval-policy", "-"},
		`{"approval": {"require_for_chains": ["seplia"]}}`: {"agent", "guard", "payer", "--set", "-"},
	} {
		if r := s.run(in, args...); r.code != cli.ExitUsage || !strings.Contains(strings.ReplaceAll(r.err, "\n", " "), "does not know") {
			t.Errorf("%v %s: exit %d: %s", args, in, r.code, r.err)
		}
	}
}

// A file of rules replaces all of them, so the command names those that go.
func TestRulesThatAFileTakesAwayAreNamed(t *testing.T) {
	s := serveDev(t)
	s.ok("", "login", "--dev")
	s.ok("", "agent", "create", "payer", "--intents-api")
	r := s.run(`{"gas_counts": true, "max_per_day": 5, "approval": {"require_for_new_recipients": true, "require_for_chains": ["base"]}}`, "agent", "guard", "payer", "--set", "-")
	if r.code != cli.ExitOK || strings.Contains(r.err, "hold no more") {
		t.Errorf("the first rules: exit %d: %s", r.code, r.err)
	}
	password := s.file("password", s.devPassword()+"\n")
	r = s.run(`{"max_per_day": 4, "approval": {"require_for_chains": ["base"]}}`, "agent", "guard", "payer", "--set", "-", "--password-file", password)
	if r.code != cli.ExitOK || !strings.Contains(r.err, "hold no more: approval.require_for_new_recipients, gas_counts.\n") {
		t.Errorf("fewer rules: exit %d: %s", r.code, r.err)
	}
}

// What was set of an agent is shown, and the agent sees its own rules.
func TestLimitsAreShown(t *testing.T) {
	s := serveDev(t)
	s.ok("", "login", "--dev")
	var made struct {
		APIKey string `json:"api_key"`
	}
	decoded(t, s.ok("", "--json", "agent", "create", "payer", "--intents-api", "--tx-max-per-day", "3", "--message-signing"), &made)
	out := s.ok(`{"require_for_new_recipients": true}`, "agent", "update", "payer", "--tx-approval-policy", "-")
	if column(t, out, "message_signing", 1) != "yes" || column(t, out, "tx_max_per_day", 1) != "3" || !strings.Contains(column(t, out, "tx_approval_policy", 1), "require_for_new_recipients") {
		t.Errorf("the agent: %q", out)
	}
	if out := s.ok("", "agent", "update", "payer", "--message-signing=false"); column(t, out, "message_signing", 1) != "no" {
		t.Errorf("the agent: %q", out)
	}
	agent := newShell(t, "")
	agent.env["ONECLAW_DATA"], agent.env["ONECLAW_AGENT_API_KEY"] = s.env["ONECLAW_DATA"], made.APIKey
	if out := agent.ok("", "agent", "guard", "payer"); !strings.Contains(out, "A human approves the first transaction to an address.") {
		t.Errorf("the rules, to the agent: %q", out)
	}
	agent.fails(cli.ExitUsage, "agent", "guard", "other")
	if r := agent.run("{}", "agent", "guard", "payer", "--set", "-"); r.code != cli.ExitDenied {
		t.Errorf("an agent sets its rules: exit %d: %s", r.code, r.err)
	}
}

// What is to be done about an agent names it, and nothing is asked for in vain.
func TestErrorsAboutAnAgentNameIt(t *testing.T) {
	s := serveDev(t)
	s.ok("", "login", "--dev")
	s.ok("", "agent", "create", "payer")
	for want, args := range map[string][]string{
		"`oneclaw agent update payer --intents-api`": {"tx", "submit", payee, "1", "--chain", "base", "--agent", "payer"},
		"key create --agent payer":                   {"key", "address", "--agent", "payer"},
		"The agent payer is not frozen":              {"unfreeze", "--agent", "payer", "--password-file", "-"},
		"No freeze of all agents is on":              {"unfreeze", "--password-file", "-"},
	} {
		if r := s.run("", args...); r.code == cli.ExitOK || !strings.Contains(r.err, want) {
			t.Errorf("%v: exit %d: %s, want %q", args, r.code, r.err, want)
		}
	}
}
