package e2e_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestAPersonGivesAnAgentsSecretInABrowser: what the agent says is text, the value shows when it is
// asked for, and the agent then uses what it never saw.
func TestAPersonGivesAnAgentsSecretInABrowser(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	owner := s.login()
	vault := text(t, owner.want(t, http.StatusCreated, "POST", "/v1/vaults", map[string]string{"name": "main"}), "id")
	made := owner.want(t, http.StatusCreated, "POST", "/v1/agents", map[string]any{"name": "bot", "reveal": "never"})
	id := text(t, made["agent"].(map[string]any), "id")
	owner.want(t, http.StatusCreated, "POST", "/v1/vaults/"+vault+"/policies", map[string]any{
		"secret_path_pattern": "api-keys/**", "principal_type": "agent", "principal_id": id, "permissions": []string{"use"},
	})
	agent := plain(t, s.APIURL).as(text(t, made, "api_key"))
	const words = `<img src=x onerror="document.title='owned'"> see https://evil.example`
	asked := agent.want(t, http.StatusCreated, "POST", "/v1/secret-requests", map[string]any{"vault_id": vault, "path": "api-keys/pay", "reason": words, "service": "stripe", "host": "pay.example.com"})

	b := openBrowser(t)
	b.visit(text(t, asked, "url"))
	if got := b.text(); !strings.Contains(got, words) || !strings.Contains(got, "api-keys/pay") || !strings.Contains(got, "api.stripe.com") {
		t.Errorf("the page says %s", got)
	}
	for what, script := range map[string]string{
		"a link or an image": "String(document.querySelectorAll('a, img').length)",
		"a checked box":      "String(document.querySelectorAll('input:checked').length)",
	} {
		if got := b.eval(script); got != "0" {
			t.Errorf("the page has %s: %s", what, got)
		}
	}
	if got := b.eval("document.title"); got != "oneclaw: a secret that an agent lacks" {
		t.Errorf("the title is %q", got)
	}
	shown := func() string { return b.eval("document.getElementById('value').type") }
	b.eval("document.getElementById('value').value = 'sk_live_browser'")
	if got := shown(); got != "password" {
		t.Errorf("the value is entered into a field of type %s", got)
	}
	b.eval("document.getElementById('show').click()")
	if got := shown(); got != "text" {
		t.Errorf("the button leaves the type %s", got)
	}
	b.eval("document.getElementById('show').click()")
	if got := shown(); got != "password" {
		t.Errorf("pressed again it leaves the type %s", got)
	}
	// No other script runs.
	b.eval("(function () { var x = document.createElement('script'); x.textContent = 'document.title = \"owned\"'; document.body.append(x) })()")
	if got := b.eval("document.title"); got == "owned" {
		t.Error("a script of another text ran")
	}
	enter := func(password string) {
		b.eval("document.getElementById('value').value = 'sk_live_browser'")
		b.eval("document.querySelector('[name=email]').value = '" + s.Email + "'")
		b.eval("document.querySelector('[name=password]').value = '" + password + "'")
	}
	enter("Not-9-The-Password")
	b.press("button.yes")
	if got := b.text(); !strings.Contains(got, "That did not work") || b.eval("document.getElementById('value').value") != "" {
		t.Errorf("with a wrong password: %s", got)
	}
	enter(s.Password)
	b.eval("document.querySelector('[name=bind_service]').checked = true")
	b.press("button.yes")
	if got := b.text(); !strings.Contains(got, "The value is stored") {
		t.Fatalf("filled: %s", got)
	}
	if got := owner.want(t, http.StatusOK, "GET", "/v1/vaults/"+vault+"/secrets/api-keys/pay", nil); text(t, got, "value") != "sk_live_browser" {
		t.Errorf("stored is %v", got["value"])
	}
	if bound := owner.want(t, http.StatusOK, "GET", "/v1/vaults/"+vault+"/secret-bindings/api-keys/pay", nil); len(bound["bindings"].([]any)) != 2 {
		t.Errorf("bindings: %v", bound)
	}
	if got := text(t, agent.want(t, http.StatusOK, "GET", "/v1/secret-requests/"+text(t, asked, "id"), nil), "status"); got != "filled" {
		t.Errorf("the agent reads %s", got)
	}
	b.visit(text(t, asked, "url"))
	if got := b.text(); !strings.Contains(got, "given already") {
		t.Errorf("the link again: %s", got)
	}
}
