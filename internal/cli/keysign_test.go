package cli_test

import (
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli"
)

func TestAnAgentSignsTextsAndItsKeyIsTakenOutOfUse(t *testing.T) {
	_, owner, agent := onChain(t)
	sign := []string{"key", "sign", "--chain", "anvil", "--message", "hello"}
	if r := agent.run("", sign...); r.code != cli.ExitDenied || !strings.Contains(r.err, "message_signing_enabled") {
		t.Errorf("without a rule: exit %d: %s", r.code, r.err)
	}
	owner.ok(owner.devPassword()+"\n", "agent", "update", "payer", "--message-signing", "--tx-max-per-day", "2", "--password-file", "-")
	var got client.Signature
	decoded(t, agent.ok("", append(sign, "--json")...), &got)
	account := strings.TrimSpace(owner.ok("", "key", "address", "--agent", "payer"))
	if got.From != account || len(got.Signature) != 2+2*65 || got.Message == "" {
		t.Errorf("signed: %+v", got)
	}
	if out := owner.ok("", append(sign, "--agent", "payer")...); strings.TrimSpace(out) != got.Signature {
		t.Errorf("the owner gets %q", out)
	}
	if out := owner.ok("", "agent", "guard", "payer"); !strings.Contains(out, "It makes at most 2 transactions in 24 hours.") || !strings.Contains(out, "It may sign texts.") {
		t.Errorf("the guard: %s", out)
	}
	if r := owner.run("", "key", "delete", "--agent", "payer", "--yes"); r.code != cli.ExitDenied || !strings.Contains(r.err, "person") {
		t.Errorf("without a person: exit %d: %s", r.code, r.err)
	}
	owner.ok(owner.devPassword()+"\n", "key", "delete", "--agent", "payer", "--yes", "--password-file", "-")
	if r := agent.run("", sign...); r.code == 0 || !strings.Contains(r.err, "signing key") {
		t.Errorf("out of use: exit %d: %s", r.code, r.err)
	}
	owner.ok("", "key", "create", "--agent", "payer")
	owner.ok(owner.devPassword()+"\n", "key", "rotate", "--agent", "payer", "--to-version", "1", "--password-file", "-")
	decoded(t, agent.ok("", append(sign, "--json")...), &got)
	if got.From != account {
		t.Errorf("it is used again, and %s signs", got.From)
	}
}
