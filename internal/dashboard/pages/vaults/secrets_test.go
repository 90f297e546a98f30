package vaults_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/pages"
)

// canary is a value, which no page has that was not asked for it.
const canary = "canary-4Yx9Qz"

// vaultOf makes a vault with a secret for a person.
func vaultOf(t *testing.T, p *pages.Person) *client.Vault {
	t.Helper()
	one, err := p.Client().CreateVault(t.Context(), "atlas of "+p.Name, "maps")
	if err != nil {
		t.Fatal(err)
	}
	put(t, p, one.ID, "api-keys/stripe", client.PutOptions{Type: "api_key", Metadata: []byte(`{"owner":"ops"}`)})
	return one
}

func put(t *testing.T, p *pages.Person, vault, path string, o client.PutOptions) {
	t.Helper()
	if _, err := p.Client().PutSecret(t.Context(), vault, path, client.ValueOf(canary), o); err != nil {
		t.Fatal(err)
	}
}

// done sends a form that does something, and returns the page that it leads to, which has
// to say so.
func done(t *testing.T, p *pages.Person, path string, form url.Values, want ...string) string {
	t.Helper()
	status, to, body := p.Post(path, form)
	if status != http.StatusSeeOther {
		t.Fatalf("POST %s: %d\n%s", path, status, body)
	}
	return p.Shows(to, append(want, `class="notice" role="status"`)...)
}

// refused sends a form that is shown again.
func refused(t *testing.T, p *pages.Person, path string, form url.Values, want ...string) {
	t.Helper()
	status, _, body := p.Post(path, form)
	if status < 400 || status >= 500 {
		t.Fatalf("POST %s: %d\n%s", path, status, body)
	}
	for _, w := range want {
		if !strings.Contains(body, w) {
			t.Errorf("POST %s lacks %q\n%s", path, w, body)
		}
	}
}

// pagesOf are all that are about a vault and a secret in it.
func pagesOf(vault, path string) []string {
	base := "/vaults/" + vault
	return []string{
		base, base + "?q=stripe", base + "/settings", base + "/delete", base + "/secrets/new", base + "/policies", base + "/policies/new",
		base + "/who-can", base + "/who-can?path=" + path, base + "/environment",
		base + "/secret/" + path, base + "/secret/" + path + "?tab=use", base + "/secret/" + path + "?tab=reach", base + "/secret/" + path + "?tab=events",
		base + "/version/" + path, base + "/bindings/" + path, base + "/bindings/" + path + "?preset=github", base + "/share/" + path,
		base + "/remove/" + path, base + "/purge/" + path, base + "/disable/" + path + "?version=1",
	}
}

func TestAValueIsInNoPageButTheAnswerToWhoAsksForIt(t *testing.T) {
	p := pages.Open(t).Person("ann")
	v := vaultOf(t, p)
	for _, path := range append(pagesOf(v.ID, "api-keys/stripe"), "/vaults", "/search?q=stripe", "/shares", "/shares?tab=out", "/") {
		if body := p.Shows(path); strings.Contains(body, canary) {
			t.Errorf("%s has the value", path)
		}
	}
	reveal := "/vaults/" + v.ID + "/reveal/api-keys/stripe"
	status, h, body := p.Do(http.MethodPost, reveal, url.Values{"as": {"text"}}, nil)
	if status != http.StatusOK || body != canary || h.Get("Content-Type") != "text/plain; charset=utf-8" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("as a text: %d %q %v", status, body, h)
	}
	status, _, body = p.Do(http.MethodPost, reveal, url.Values{}, map[string]string{"HX-Request": "true"})
	if status != http.StatusOK || !strings.Contains(body, ">"+canary+"<") || strings.Contains(body, "<html") || !strings.Contains(body, `data-seconds="30"`) {
		t.Errorf("as a part of the page: %d %s", status, body)
	}
	status, _, body = p.Post(reveal, url.Values{"version": {"1"}})
	if status != http.StatusOK || !strings.Contains(body, ">"+canary+"<") || !strings.Contains(body, "<html") {
		t.Errorf("as a page: %d %s", status, body)
	}
	if status, _ := p.Get(reveal); status != http.StatusMethodNotAllowed && status != http.StatusNotFound {
		t.Errorf("a link to the value: %d", status)
	}
	events, err := p.Client().AuditEvents(t.Context(), client.AuditFilter{VaultID: v.ID, Path: "api-keys/stripe", Action: "secret.read"})
	if err != nil || events.Count != 2 { // the other is of a version
		t.Errorf("reads in the log: %+v %v", events, err)
	}
}

func TestASecretGoesThroughItsLifeOnPages(t *testing.T) {
	p := pages.Open(t).Person("ann")
	v := vaultOf(t, p)
	api, base, secret := p.Client(), "/vaults/"+v.ID, "/vaults/"+v.ID+"/secret/db/main"
	value := func() string {
		t.Helper()
		got, err := api.GetSecret(t.Context(), v.ID, "db/main")
		if err != nil {
			t.Fatal(err)
		}
		return string(got.Value.Reveal())
	}
	done(t, p, base+"/secrets/new", url.Values{"path": {"db/main"}, "type": {"password"}, "value": {" a\r\nb "}, "metadata": {`{"env":"prod"}`}, "expires": {"2095-01-31T18:00"}},
		"db/main", "2095-01-31 18:00", "<dt>env</dt>", "ann@")
	if got := value(); got != " a\nb " {
		t.Errorf("the value became %q", got)
	}
	p.Shows(base+"/version/db/main", "&#34;env&#34;: &#34;prod&#34;", `value="2095-01-31T18:00"`)
	done(t, p, base+"/version/db/main", url.Values{"type": {"password"}, "make": {"yes"}, "length": {"40"}, "metadata": {`{"env":"test","team":1}`}},
		"<code>env</code> <code>&#34;prod&#34;</code> → <code>&#34;test&#34;</code>", "<code>team</code> is new: <code>1</code>")
	if got := value(); len(got) != 40 {
		t.Errorf("a value of %d characters was made", len(got))
	}
	done(t, p, base+"/generate/db/main", url.Values{"length": {"20"}, "charset": {"hex"}})
	if got := value(); len(got) != 20 || strings.Trim(got, "0123456789abcdef") != "" {
		t.Errorf("the server made a value of %d characters", len(got))
	}
	refused(t, p, base+"/disable/db/main", url.Values{"version": {"1"}, "name": {"db"}}, `name="version" value="1"`, "another one")
	done(t, p, base+"/disable/db/main", url.Values{"version": {"1"}, "name": {"db/main"}}, ">disabled<")
	if _, err := api.GetSecretVersion(t.Context(), v.ID, "db/main", 1); err == nil {
		t.Error("the disabled version opens")
	}
	p.Shows(base+"/remove/db/main", "Who has access now", "ann@")
	done(t, p, base+"/remove/db/main", url.Values{"name": {"db/main"}}, "It is deleted", base+"/restore/db/main")
	if _, err := api.GetSecret(t.Context(), v.ID, "db/main"); err == nil {
		t.Error("the deleted secret is read")
	}
	done(t, p, base+"/restore/db/main", url.Values{}, "Show the value")
	refused(t, p, base+"/purge/db/main", url.Values{"name": {""}})
	done(t, p, base+"/purge/db/main", url.Values{"name": {"db/main"}}, "api-keys/stripe")
	if status, body := p.Get(secret); status != http.StatusNotFound {
		t.Errorf("the destroyed secret: %d\n%s", status, body)
	}
}

func TestAFormThatIsNotUnderstoodIsShownAgainWithoutTheValue(t *testing.T) {
	p := pages.Open(t).Person("ann")
	v := vaultOf(t, p)
	for name, form := range map[string]url.Values{
		"path":     {"path": {"db//<b>"}, "value": {canary}},
		"type":     {"path": {"db/x"}, "type": {"<b>"}, "value": {canary}},
		"metadata": {"path": {"db/x"}, "metadata": {"[1"}, "value": {canary}},
		"list":     {"path": {"db/x"}, "metadata": {"[1]"}, "value": {canary}},
		"expires":  {"path": {"db/x"}, "expires": {"<b>soon"}, "value": {canary}},
		"no value": {"path": {"db/x"}},
		"both":     {"path": {"db/x"}, "value": {canary}, "make": {"yes"}, "length": {"32"}},
		"length":   {"path": {"db/x"}, "make": {"yes"}, "length": {"5"}},
	} {
		t.Run(name, func(t *testing.T) {
			status, _, body := p.Post("/vaults/"+v.ID+"/secrets/new", form)
			if status != http.StatusUnprocessableEntity && status != http.StatusBadRequest {
				t.Errorf("%d\n%s", status, body)
			}
			if strings.Contains(body, canary) || strings.Contains(body, "<b>") || !strings.Contains(body, `role="alert"`) || !strings.Contains(body, `value="db/`) {
				t.Errorf("the form is\n%s", body)
			}
		})
	}
}

func TestPagesOfAnotherOrganisationTellNothing(t *testing.T) {
	p := pages.Open(t).Person("ann")
	v := vaultOf(t, p)
	eve := p.Server.Person("eve")
	const nobodys = "00000000-0000-4000-8000-000000000000"
	own, none := pagesOf(v.ID, "api-keys/stripe"), pagesOf(nobodys, "api-keys/stripe")
	for i, path := range own {
		status, body := eve.Get(path)
		other, otherBody := eve.Get(none[i])
		if status != http.StatusNotFound && status != http.StatusForbidden || status != other {
			t.Errorf("GET %s: %d, of a vault that is not there %d", path, status, other)
		}
		if strings.Contains(body, v.Name) || plain(body, v.ID) != plain(otherBody, nobodys) {
			t.Errorf("GET %s tells\n%s\nand of a vault that is not there\n%s", path, body, otherBody)
		}
	}
	base := "/vaults/" + v.ID
	for path, form := range map[string]url.Values{
		"/secrets/new": {"path": {"a"}, "value": {"b"}}, "/version/api-keys/stripe": {"value": {"b"}}, "/reveal/api-keys/stripe": {}, "/generate/api-keys/stripe": {},
		"/restore/api-keys/stripe": {}, "/remove/api-keys/stripe": {"name": {"api-keys/stripe"}}, "/purge/api-keys/stripe": {"name": {"api-keys/stripe"}},
		"/disable/api-keys/stripe": {"name": {"api-keys/stripe"}, "version": {"1"}}, "/bindings/api-keys/stripe": {"hosts.0": {"a.example"}},
		"/share/api-keys/stripe": {"kind": {"anyone_with_link"}}, "/policies/new": {"who": {"user:" + eve.User.ID}, "pattern": {"**"}, "read": {"yes"}, "seen": {"yes"}},
		"/environment": {"key_name": {"A"}, "value": {"b"}}, "/environment/A/reveal": {}, "/environment/A/delete": {"name": {"A"}}, "/rekey": {}, "/delete": {"name": {v.Name}},
	} {
		status, _, body := eve.Post(base+path, form)
		if status < 400 || status >= 500 || strings.Contains(body, canary) || strings.Contains(body, v.Name) && form.Get("name") == "" {
			t.Errorf("POST %s: %d\n%s", path, status, body)
		}
	}
	if got, err := p.Client().GetSecret(t.Context(), v.ID, "api-keys/stripe"); err != nil || got.Version != 1 {
		t.Errorf("afterwards: %+v %v", got, err)
	}
}

// plain is a page without what it says of its own address and request.
func plain(body, vault string) string {
	body, _, _ = strings.Cut(body, "</main>")
	at := strings.Index(body, "<main")
	body = strings.ReplaceAll(body[max(at, 0):], vault, "")
	before, after, ok := strings.Cut(body, "<code>")
	if !ok {
		return body
	}
	_, after, _ = strings.Cut(after, "</code>")
	return before + after
}

func TestTextsOfOthersAreEscapedOnPagesOfAVault(t *testing.T) {
	p := pages.Open(t).Person("ann")
	const bad = `<script>alert(1)</script>"'&<img src=x onerror=alert(1)>`
	v, err := p.Client().CreateVault(t.Context(), bad, bad)
	if err != nil {
		t.Fatal(err)
	}
	put(t, p, v.ID, "api-keys/stripe", client.PutOptions{})
	put(t, p, v.ID, "api-keys/stripe", client.PutOptions{Metadata: []byte(`{"\u003cscript>":"<script>alert(1)</script>\"'&"}`)})
	if _, err := p.Client().SetEnvVar(t.Context(), v.ID, client.EnvVarSet{Key: "A", Comment: bad}, client.ValueOf(canary)); err != nil {
		t.Fatal(err)
	}
	for _, path := range append(pagesOf(v.ID, "api-keys/stripe"), "/vaults", "/search?q="+url.QueryEscape("<script>"), "/vaults/"+v.ID+"?q="+url.QueryEscape(bad), "/vaults/"+v.ID+"/who-can?path="+url.QueryEscape(bad)) {
		_, body := p.Get(path)
		if strings.Contains(body, "<script>") || strings.Contains(body, "<img") {
			t.Errorf("%s is\n%s", path, body)
		}
	}
}

func TestASearchFindsPartsOfPathsAndAPageHasAHundred(t *testing.T) {
	p := pages.Open(t).Person("ann")
	v := vaultOf(t, p)
	api := p.Client()
	for i := range 130 {
		if _, err := api.PutSecret(t.Context(), v.ID, fmt.Sprintf("svc/part-%03d", i), client.ValueOf(canary), client.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	base := "/vaults/" + v.ID
	rows := func(body string) int { return strings.Count(body, `<td><a href="/vaults/`) }
	first := p.Shows(base, "There are more", "svc/part-000")
	if rows(first) != 100 {
		t.Errorf("the first page has %d secrets", rows(first))
	}
	_, next, _ := strings.Cut(first, `class="button" href="`)
	next, _, _ = strings.Cut(next, `"`)
	if body := p.Shows(base+strings.ReplaceAll(next, "&amp;", "&"), "svc/part-129"); rows(body) != 31 {
		t.Errorf("the second page has %d secrets", rows(body))
	}
	if body := p.Shows(base+"?q=PART-01", "Matching secrets: 10", "svc/part-019"); rows(body) != 10 {
		t.Errorf("the search found %d", rows(body))
	}
	if body := p.Shows(base+"?q=svc", "More than 100 match", "page=2"); rows(body) != 100 {
		t.Errorf("the search found %d", rows(body))
	}
	if body := p.Shows(base+"?q=svc&page=2", "svc/part-129"); rows(body) != 30 {
		t.Errorf("the second page of the search has %d", rows(body))
	}
	for _, path := range []string{base + "?q=part-011", "/search?q=part-011"} {
		status, _, body := p.Do(http.MethodGet, path, nil, map[string]string{"HX-Request": "true"})
		if status != http.StatusOK || !strings.HasPrefix(body, `<div id="list">`) || strings.Contains(body, "<script") || !strings.Contains(body, "svc/part-011") {
			t.Errorf("%s as a part: %d\n%s", path, status, body)
		}
	}
	p.Shows(base+"?q=nowhere", "No secret that you may see")
	p.Shows("/search?q=part-129", "Found: 1", base+"/secret/svc/part-129")
	p.Shows("/search?q=ATLAS", "Found: 1", v.Name)
	p.Shows("/search?q=svc", "There is more")
	if body := p.Server.Person("eve").Shows("/search?q=part"); strings.Contains(body, "part-1") {
		t.Errorf("another organisation finds\n%s", body)
	}
}

func TestAVaultWithNothingInItSaysWhatToDo(t *testing.T) {
	p := pages.Open(t).Person("ann")
	v, err := p.Client().CreateVault(t.Context(), "empty", "")
	if err != nil {
		t.Fatal(err)
	}
	base := "/vaults/" + v.ID
	p.Shows(base, "oneclaw secret set --vault "+v.ID)
	p.Shows(base+"/policies", "oneclaw policy create --vault "+v.ID)
	p.Shows(base+"/environment", "oneclaw env set DATABASE_URL --vault "+v.ID)
	p.Shows(base+"/settings", "oneclaw vault cmek enable "+v.ID)
	p.Shows("/shares", "Nobody shares")
	p.Shows("/shares?tab=out", "You share nothing")
	p.Shows("/search?q=nothing", "Nothing that you may see")
	if status, body := p.Get(base + "/secret/not/there"); status != http.StatusNotFound {
		t.Errorf("a secret that is not there: %d\n%s", status, body)
	}
}

func TestAVaultGoesWhenItsNameIsTyped(t *testing.T) {
	p := pages.Open(t).Person("ann")
	v := vaultOf(t, p)
	base := "/vaults/" + v.ID
	done(t, p, base+"/rekey", url.Values{})
	p.Shows(base+"/delete", "api-keys/stripe", v.Name)
	refused(t, p, base+"/delete", url.Values{"name": {"atlas"}}, "another one")
	if _, err := p.Client().Vault(t.Context(), v.ID); err != nil {
		t.Fatal(err)
	}
	done(t, p, base+"/delete", url.Values{"name": {v.Name}})
	if _, err := p.Client().Vault(t.Context(), v.ID); err == nil {
		t.Error("the vault is still there")
	}
}

func TestWhoMayUseASecretAndNotReadItSeesItsPageWithoutVersions(t *testing.T) {
	p := pages.Open(t).Person("ann")
	v := vaultOf(t, p)
	bob := p.Member(p, "bob", policy.RoleMember)
	if status, _ := bob.Get("/vaults/" + v.ID); status != http.StatusForbidden && status != http.StatusNotFound {
		t.Errorf("without a policy: %d", status)
	}
	_, err := p.Client().CreatePolicy(t.Context(), v.ID, client.PolicyGrant{SecretPathPattern: "api-keys/*", PrincipalType: "user", PrincipalID: bob.User.ID, Permissions: []string{"use"}})
	if err != nil {
		t.Fatal(err)
	}
	body := bob.Shows("/vaults/"+v.ID+"/secret/api-keys/stripe", "Who may read the secret", "<dt>owner</dt>")
	if strings.Contains(body, "<h2>Versions</h2>") {
		t.Errorf("it has versions\n%s", body)
	}
	status, _, body := bob.Do(http.MethodPost, "/vaults/"+v.ID+"/reveal/api-keys/stripe", url.Values{}, map[string]string{"HX-Request": "true"})
	if status != http.StatusForbidden || strings.Contains(body, canary) || strings.Contains(body, "<html") || !strings.Contains(body, `role="alert"`) {
		t.Errorf("shown: %d\n%s", status, body)
	}
	status, _, body = bob.Do(http.MethodPost, "/vaults/"+v.ID+"/reveal/api-keys/stripe", url.Values{"as": {"text"}}, nil)
	if status != http.StatusForbidden || strings.Contains(body, canary) {
		t.Errorf("copied: %d\n%s", status, body)
	}
	bob.Shows("/vaults/"+v.ID, "The value was not copied")
}
