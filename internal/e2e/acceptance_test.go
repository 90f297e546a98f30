package e2e_test

import (
	"bytes"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAnAgentFetchesTheSecretItWasGrantedAndNothingElse(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	s := p.start()
	for name, url := range map[string]string{"dashboard": s.DashboardURL + "login", "status page": s.DashboardURL + "status", "health": s.APIURL + "/v1/health", "Shroud": s.ShroudURL + "/healthz"} {
		if r := (caller{http: over(t, &net.Dialer{})}).do(t, "GET", url, nil); r.status != http.StatusOK {
			t.Errorf("%s: %d", name, r.status)
		}
	}
	info, err := os.Stat(filepath.Join(p.data, "dev-credentials.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("dev-credentials.json: %v, %v", info.Mode(), err)
	}

	owner := s.login()
	vault, key := grant(t, owner, "api-keys/*", "read")
	for path, value := range map[string]string{"api-keys/stripe": "sk_live_1", "private/key": "nobody's"} {
		m := owner.want(t, http.StatusCreated, "PUT", vault+"/secrets/"+path, map[string]string{"value": value, "type": "api_key"})
		if _, has := m["value"]; has {
			t.Error("the answer to a write holds the value")
		}
	}
	if !strings.HasPrefix(key, "ocv_") {
		t.Errorf("the agent's key is %.4s...", key)
	}
	jwt := owner.exchange(t, key)
	credentials := map[string]caller{"a JWT": jwt, "the bare key": owner.as(key)}

	read := func(t *testing.T) {
		for name, agent := range credentials {
			for _, path := range []string{"api-keys/stripe", "api-keys%2Fstripe"} {
				m := agent.want(t, http.StatusOK, "GET", vault+"/secrets/"+path, nil)
				if m["value"] != "sk_live_1" || m["version"] != 1.0 || m["path"] != "api-keys/stripe" {
					t.Errorf("%s, %s: %v", name, path, m)
				}
			}
			there := agent.do(t, "GET", vault+"/secrets/private/key", nil)
			nowhere := agent.do(t, "GET", vault+"/secrets/private/none", nil)
			if there.status != http.StatusForbidden {
				t.Errorf("%s: %d", name, there.status)
			}
			same(t, there, nowhere)
			// Nor does a write or a delete tell the two apart.
			for method, body := range map[string]any{"PUT": map[string]string{"value": "x"}, "DELETE": nil} {
				there, nowhere := agent.do(t, method, vault+"/secrets/private/key", body), agent.do(t, method, vault+"/secrets/private/none", body)
				if there.status != http.StatusForbidden {
					t.Errorf("%s, %s: %d", name, method, there.status)
				}
				same(t, there, nowhere)
			}
		}
	}
	read(t)
	owner.verified(t)

	t.Run("after a restart", func(t *testing.T) {
		before := s.credentials
		s.stop()
		s = p.start()
		if s.Email != before.Email || s.Password != before.Password || s.AgentAPIKey != before.AgentAPIKey {
			t.Error("the credentials changed")
		}
		for name, c := range credentials {
			credentials[name] = c.at(s)
		}
		read(t)
		owner = owner.at(s)
		owner.want(t, http.StatusOK, "GET", "/v1/auth/me", nil)
		owner = s.login()
		if m := owner.want(t, http.StatusOK, "GET", vault+"/secrets/private/key", nil); m["value"] != "nobody's" {
			t.Errorf("got %v", m)
		}
		owner.exchange(t, key)
		owner.verified(t)
	})
}

// same wants two answers that a caller can't tell apart. The time of day may differ.
func same(t testing.TB, a, b *reply) {
	t.Helper()
	ha, hb := a.header.Clone(), b.header.Clone()
	ha.Del("Date")
	hb.Del("Date")
	if a.status != b.status || !bytes.Equal(a.body, b.body) || !maps.EqualFunc(ha, hb, slices.Equal) {
		t.Errorf("answers differ:\n%d %v\n%s\n%d %v\n%s", a.status, ha, a.body, b.status, hb, b.body)
	}
}

func TestTwoServersDoNotShareADataFolder(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	first := p.start()
	for _, command := range []string{"dev", "serve"} {
		p.command = command
		p.refused(1, "Another oneclaw process uses this data directory. Stop it, or give this one another --data.")
	}
	if _, err := os.Stat(filepath.Join(p.data, "dev-credentials.json")); err != nil {
		t.Errorf("the first server's credentials are gone: %v", err)
	}
	first.login()
}

func TestAPortInUseIsNamed(t *testing.T) {
	t.Parallel()
	s := newPlace(t).start()
	p := newPlace(t)
	p.listen = strings.TrimPrefix(s.APIURL, "http://")
	p.refused(1, "Can't listen on "+p.listen+". Is another server there? Choose another with --listen, --shroud-listen or ONECLAW_METRICS_LISTEN.")
	if _, err := os.Stat(p.data); err == nil {
		t.Error("a server that can't listen made a data folder")
	}
}

// refused starts a server that must end at once with the code and the text.
func (p *place) refused(code int, text string) {
	p.t.Helper()
	s := p.launch()
	s.wait()
	if got := s.cmd.ProcessState.ExitCode(); got != code || !strings.Contains(s.output(), text) {
		p.t.Errorf("exit code %d, want %d; want %q in:\n%s", got, code, text, s.output())
	}
	if n := strings.Count(s.output(), "\n"); n != 1 {
		p.t.Errorf("%d lines, want one:\n%s", n, s.output())
	}
}
