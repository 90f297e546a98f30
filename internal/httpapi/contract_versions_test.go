package httpapi_test

import (
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// A disabled version opens through no surface, and nothing brings it back.
func TestADisabledVersionNeverOpens(t *testing.T) {
	s := openSession(t)
	ada, v := s.ada, "/v1/vaults/"+s.vault
	ada.put(s.vault, "a/b", "leaked")
	link := s.do("POST", "/v1/secrets/"+s.secret+"/share", ada.token, object{"recipient_type": "anyone_with_link", "expires_at": "2027-01-01T00:00:00Z"}).want(201)
	_, token, _ := strings.Cut(link.str("share_url"), "/v1/share/")
	s.do("GET", "/v1/share/"+token, "", nil).want(200)
	s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil).want(200) // and is cached
	s.do("POST", v+"/secret-version-disable/a/b/2", s.worker.token, nil).want(403)
	s.do("POST", v+"/secret-version-disable/a/b/9", ada.token, nil).want(404, "version_not_found")
	s.do("POST", v+"/secret-version-disable/no/such/1", ada.token, nil).want(404)
	s.do("POST", v+"/secret-version-disable/a/b/0", ada.token, nil).want(400)
	s.do("POST", v+"/secret-version-disable/a/b/02", ada.token, nil).want(400)
	s.do("GET", v+"/secret-version/a/b/01", ada.token, nil).want(400)
	s.do("GET", v+"/secret-version-disable/a/b/2", ada.token, nil).want(405)
	s.do("POST", v+"/secret-version-disable/a%2Fb/2", ada.token, nil).want(204)
	s.do("POST", v+"/secret-version-disable/a/b/2", ada.token, nil).want(204) // again

	closed := func(when string) {
		t.Helper()
		for _, target := range []string{secretAt(s.vault, "a/b"), v + "/secret-versions/a/b?version=2", v + "/secret-version/a/b/2", "/v1/share/" + token} {
			if r := s.do("GET", target, ada.token, nil).want(410); strings.Contains(string(r.body), "leaked") {
				t.Errorf("%s shows the value: %s", target, r.body)
			}
		}
		s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil).want(410)
		owner := policy.Principal{Kind: policy.KindUser, ID: ada.id, Org: ada.org, Role: policy.RoleOwner}
		p, _ := secretpath.Parse("a/b")
		err := s.Vault.Use(t.Context(), s.Call(owner, policy.UseSecret), vault.Ref{Vault: s.vault, Path: p}, policy.UseSecret, func(*vault.Secret) error {
			t.Errorf("%s: a disabled version was used", when)
			return nil
		})
		if !fault.Is(err, fault.Gone) {
			t.Errorf("%s: a use says %v", when, err)
		}
	}
	closed("disabled")
	list := s.do("GET", v+"/secret-versions/a/b", ada.token, nil).want(200).list("versions")
	if list[0]["is_disabled"] != true || list[0]["is_current"] != false || list[0]["is_deleted"] != false || list[1]["is_disabled"] != false || list[0]["path"] != "a/b" {
		t.Errorf("the versions are %v", list)
	}
	if old := s.do("GET", v+"/secret-version/a/b/1", ada.token, nil).want(200); old.str("value") != "value" {
		t.Errorf("version 1 is %s", old.body)
	}

	s.do("DELETE", secretAt(s.vault, "a/b"), ada.token, nil).want(204)
	s.do("POST", v+"/secret-restore/a/b", ada.token, nil).want(200)
	closed("deleted and restored")
	ada.put(s.vault, "a/b", "new")
	if got := s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil).want(200).str("value"); got != "new" {
		t.Errorf("after a new version the value is %q", got)
	}
	s.do("GET", v+"/secret-version/a/b/2", ada.token, nil).want(410)
}

// A generated value is made by the recipe and shown neither in the answer nor in the log.
func TestARotationGeneratesAValueThatIsNotShown(t *testing.T) {
	s := openSession(t)
	ada, v := s.ada, "/v1/vaults/"+s.vault
	at := s.do("PUT", secretAt(s.vault, "a/b"), ada.token, object{"value": "x", "type": "password", "metadata": object{"team": "a"}, "max_access_count": 50, "expires_at": "2090-01-01T00:00:00Z"}).want(201)
	s.do("POST", v+"/secret-rotate/a/b", s.worker.token, object{}).want(403)
	for _, c := range []struct {
		body   any
		length int
		chars  string
	}{
		{nil, 32, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"},
		{object{"length": 64, "charset": "hex"}, 64, "0123456789abcdef"},
		{object{"length": 16, "charset": "base64"}, 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"},
		{object{"length": 4096, "charset": "ascii", "type": "token"}, 4096, "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"},
	} {
		var made reply
		log := s.during(func() { made = s.do("POST", v+"/secret-rotate/a/b", ada.token, c.body).want(201) })
		fields(t, "a rotated secret", made.json(), "id", "path", "type", "version", "metadata", "created_at", "expires_at")
		got := s.do("GET", secretAt(s.vault, "a/b"), s.worker.token, nil).want(200)
		value := got.str("value")
		if len(value) != c.length || strings.Trim(value, c.chars) != "" {
			t.Errorf("%v made %d characters: %q", c.body, len(value), value)
		}
		if strings.Contains(string(made.body), value) || len(log) != 1 || strings.Contains(log[0].details, value) || log[0].action != "secret.rotate" {
			t.Errorf("the answer is %s, the log %v", made.body, log)
		}
		if made.str("metadata", "team") != "a" || made.str("expires_at") != at.str("expires_at") {
			t.Errorf("metadata or expiry were not kept: %s", made.body)
		}
	}
	if typ := s.do("GET", secretAt(s.vault, "a/b"), ada.token, nil).want(200).str("type"); typ != "token" {
		t.Errorf("the type is %s", typ)
	}
	for _, bad := range []object{{"length": 15}, {"length": 4097}, {"charset": "emoji"}, {"type": "private_key"}} {
		s.do("POST", v+"/secret-rotate/a/b", ada.token, bad).want(400)
	}
	s.do("POST", v+"/secret-rotate/a/b", ada.token, object{"value": "mine"}).want(400, "value_not_taken")
	s.do("POST", v+"/secret-rotate/no/such", ada.token, nil).want(404, "secret_not_found")
	s.do("PUT", secretAt(s.vault, "key"), ada.token, object{"value": "x", "type": "ssh_key"}).want(201)
	s.do("POST", v+"/secret-rotate/key", ada.token, nil).want(400, "type_not_generated")
	s.do("POST", v+"/secret-rotate/key", ada.token, object{"type": "generic"}).want(400, "type_not_generated")
	s.do("DELETE", secretAt(s.vault, "a/b"), ada.token, nil).want(204)
	s.do("POST", v+"/secret-rotate/a/b", ada.token, nil).want(410)

	sealed := ada.vaultNamed("sealed") // the other one waits for a rekey
	v = "/v1/vaults/" + sealed
	ada.put(sealed, "plain", "x")
	own := newClientKey('a').fingerprint()
	s.do("POST", v+"/cmek", ada.token, object{"fingerprint": own}).want(200)
	s.do("POST", v+"/secret-rotate/plain", ada.token, nil).want(400, "cmek_not_generated")
	s.do("DELETE", v+"/cmek", ada.token, nil).want(200)
	enable := func() { s.do("POST", v+"/cmek", ada.token, object{"fingerprint": own}).want(200) }
	s.between.Store(&enable)
	s.do("POST", v+"/secret-rotate/plain", ada.token, nil).want(400, "cmek_not_generated")
}

// A rotation waits for an approval like any other write.
func TestARotationAsksForAnApproval(t *testing.T) {
	s := openSession(t)
	s.ada.put(s.vault, "gated/x", "old")
	s.ada.grant(s.vault, s.worker, "gated/*", asks(true), "write")
	at := "/v1/vaults/" + s.vault + "/secret-rotate/gated/x"
	id := s.do("POST", at, s.worker.token, nil).want(403, "approval_required").str("approval_request_id")
	s.do("POST", "/v1/approvals/"+id+"/approve", s.ada.login(), nil).want(200)
	s.do("POST", at, s.worker.token, nil).want(201)
	s.do("POST", at, s.worker.token, nil).want(403, "approval_required")
}
