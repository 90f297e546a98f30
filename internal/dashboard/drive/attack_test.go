package drive_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
)

// canary is in every secret, and in no page that nobody asked for it.
const canary = "canary-5f0e1d9a77"

// house is a server with an organisation of ann that has some of everything.
type house struct {
	*pages.Server
	*pages.House
}

func furnished(t *testing.T) *house {
	t.Helper()
	s := pages.Open(t)
	return &house{s, s.Person("ann").Furnish("", canary)}
}

// follow are the pages that a walk must have come to, so that a test of all pages is one.
func walked(t *testing.T, all []pages.Page) {
	t.Helper()
	seen := map[string]bool{}
	for _, p := range all {
		seen[pages.Shape(p.Path)] = true
		if p.Status != http.StatusOK {
			t.Errorf("%s: status %d", p.Path, p.Status)
		}
	}
	for _, must := range mustWalk {
		if !seen[must] {
			t.Errorf("the links do not lead to %s", must)
		}
	}
	t.Logf("%d pages of %d kinds", len(all), len(seen))
}

// mustWalk are pages that the links of a furnished organisation lead to.
var mustWalk = []string{"/", "/vaults", "/vaults/new", "/audit", "/settings", "/settings/mfa", "/settings/sessions", "/settings/keys", "/organisation", "/organisation/networks", "/vaults/id", "/vaults/id/secret/path", "/vaults/id/policies", "/agents", "/agents/id", "/inbox", "/inbox/approvals/id", "/shares", "/transactions", "/shroud", "/usage"}

// What somebody named, described or gave as a reason is text on every page.
func TestNoNameOrReasonBecomesAnElement(t *testing.T) {
	s := pages.Open(t)
	all := s.Person("ann").Furnish(pages.Hostile, canary).Owner.Walk()
	walked(t, all)
	shown := 0
	for _, p := range all {
		shown += strings.Count(p.Body, "data-planted")
		for n := range p.Root.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			for _, a := range n.Attr {
				if a.Key == "data-planted" || strings.HasPrefix(a.Key, "on") || strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") {
					t.Errorf("%s: <%s %s=%q>", p.Path, n.Data, a.Key, a.Val)
				}
			}
			if n.Data == "style" || n.Data == "script" && pages.Attr(n, "src") == "" {
				t.Errorf("%s: <%s> in the page", p.Path, n.Data)
			}
		}
	}
	if shown == 0 {
		t.Error("no page shows the texts: the test is of nothing")
	}
}

// No page, header or script has a secret's value that nobody asked for, nor the key of an
// agent, nor the cookie.
func TestNoPageHoldsAValueThatNobodyAskedFor(t *testing.T) {
	h := furnished(t)
	all := h.Owner.Walk()
	walked(t, all)
	for _, name := range scripts(all) {
		all = append(all, h.Owner.Open(name))
	}
	secrets := map[string]string{
		"a value": canary, "an agent's key": string(h.Agent.APIKey.Reveal()), "an API key": string(h.Key.Secret.Reveal()),
		"the cookie": h.Owner.Cookie().Value, "a token": "eyJ",
	}
	for _, p := range all {
		for what, secret := range secrets {
			if strings.Contains(p.Body, secret) {
				t.Errorf("%s holds %s", p.Path, what)
			}
			for name, values := range p.Header {
				if name != "Set-Cookie" && strings.Contains(strings.Join(values, " "), secret) {
					t.Errorf("%s: the header %s holds %s", p.Path, name, what)
				}
			}
		}
	}
}

// scripts are the files that pages load.
func scripts(all []pages.Page) (out []string) {
	for _, p := range all {
		for n := range p.Root.Descendants() {
			for _, name := range []string{"src", "href"} {
				if v := pages.Attr(n, name); strings.HasPrefix(v, "/static/") && !slices.Contains(out, v) {
					out = append(out, v)
				}
			}
		}
	}
	return out
}

// Every page forbids frames, other origins, scripts of its own and copies in a cache.
func TestEveryPageHasTheHeadersThatKeepOthersOut(t *testing.T) {
	h := furnished(t)
	all := h.Owner.Walk()
	walked(t, all)
	stranger := h.OtherBrowser(h.Owner)
	all = append(all, stranger.Open("/login"), stranger.Open("/vaults"), h.Owner.Open("/vaults/none/at/all"))
	for _, p := range all {
		if strings.HasPrefix(p.Path, "/status") || strings.HasPrefix(p.Path, "/reset-password") {
			continue // of internal/dashboard, which has tests of its own
		}
		for name, want := range map[string][]string{
			"Content-Security-Policy": {"default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'", "require-trusted-types-for 'script'"},
			"X-Frame-Options":         {"DENY"}, "X-Content-Type-Options": {"nosniff"}, "Cache-Control": {"no-store"},
			"Referrer-Policy": {"same-origin"}, "Cross-Origin-Opener-Policy": {"same-origin"},
		} {
			for _, part := range want {
				if !strings.Contains(p.Header.Get(name), part) {
					t.Errorf("%s: %s is %q, want %s in it", p.Path, name, p.Header.Get(name), part)
				}
			}
			if strings.Contains(p.Header.Get(name), "unsafe") {
				t.Errorf("%s: %s is %q", p.Path, name, p.Header.Get(name))
			}
		}
	}
}

// A form that another site submits does nothing, whatever it says of itself.
func TestNoFormOfAnotherSiteIsAnswered(t *testing.T) {
	h := furnished(t)
	all := h.Owner.Walk()
	walked(t, all)
	before := h.state(t)
	tried := 0
	for _, f := range forms(all) {
		for name, headers := range map[string]map[string]string{
			"another site":          {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
			"a site beside":         {"Sec-Fetch-Site": "same-site", "Origin": h.URL},
			"a forged origin":       {"Origin": "https://evil.example"},
			"no origin":             {"Origin": "null"},
			"another port":          {"Origin": "http://127.0.0.1:1"},
			"the origin over https": {"Origin": strings.Replace(h.URL, "http:", "https:", 1) + ".evil.example"},
		} {
			tried++
			if status, _, body := h.Owner.Do(http.MethodPost, f.Action, f.Fields, headers); status != http.StatusForbidden {
				t.Errorf("%s from %s: %d\n%.300s", f.Action, name, status, body)
			}
		}
	}
	if status, _, _ := h.OtherBrowser(h.Owner).Do(http.MethodPost, "/login", url.Values{"email": {"ann@example.com"}, "password": {"Tr0ub4dor-and-horses"}}, map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}); status != http.StatusForbidden {
		t.Errorf("a login of another site: %d", status)
	}
	if after := h.state(t); after != before {
		t.Errorf("the organisation changed:\n%s\nwas\n%s", after, before)
	}
	if status, _ := h.Owner.Get("/vaults"); status != http.StatusOK {
		t.Errorf("the login ended: %d", status)
	}
	t.Logf("%d forms", tried)
}

// forms are those of pages that change something, each address once.
func forms(all []pages.Page) (out []pages.Form) {
	seen := map[string]bool{}
	for _, p := range all {
		for _, f := range p.Forms {
			if f.Method == http.MethodPost && !seen[f.Action] {
				seen[f.Action] = true
				out = append(out, f)
			}
		}
	}
	return out
}

// state is what the owner's organisation consists of, as the API says.
func (h *house) state(t *testing.T) string {
	t.Helper()
	api, ctx := h.Owner.Client(), t.Context()
	var b strings.Builder
	add := func(v any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(asJSON(t, v) + "\n")
	}
	vaults, err := api.Vaults(ctx)
	add(vaults, err)
	for _, v := range vaults {
		list, err := api.ListSecrets(ctx, v.ID, "")
		add(list, err)
		policies, err := api.Policies(ctx, v.ID)
		add(policies, err)
		env, err := api.EnvVars(ctx, v.ID)
		add(env, err)
	}
	agents, err := api.Agents(ctx)
	for i := range agents {
		agents[i].LastActiveAt = nil
	}
	add(agents, err)
	for _, ask := range []func() (any, error){
		func() (any, error) { return api.Approvals(ctx, "") }, func() (any, error) { return api.SecretRequests(ctx, "") },
		func() (any, error) { return api.Enrollments(ctx) }, func() (any, error) { return api.OutboundShares(ctx) },
		func() (any, error) { return api.Members(ctx) }, func() (any, error) { return api.Invitations(ctx) },
		func() (any, error) { return api.IPRules(ctx) }, func() (any, error) { return api.Webhooks(ctx) },
		func() (any, error) { return api.FreezeState(ctx) }, func() (any, error) { return api.MFAEnabled(ctx) },
	} {
		v, err := ask()
		add(v, err)
	}
	return b.String()
}
