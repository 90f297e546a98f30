package httpapi_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/oneclaw-dev/oneclaw/internal/testkit/rest"
)

// A stored key signs for an agent that is shown nothing, where a human bound it to, and each
// signature is one use in the log.
func TestASSHKeySignsWhereItIsBound(t *testing.T) {
	for _, database := range databases {
		t.Run(database.name, func(t *testing.T) {
			s := openSession(t, rest.OneByOne, database.on)
			agent := s.ada.agent(object{"name": "unseeing", "reveal": "never"})
			s.ada.grant(s.vault, agent, "ssh/**", nil, "use")
			s.ada.grant(s.vault, agent, "asked/*", object{"conditions": object{"require_approval": true}}, "use")
			public, private, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			block, err := ssh.MarshalPrivateKey(private, "")
			if err != nil {
				t.Fatal(err)
			}
			value := string(pem.EncodeToMemory(block))
			for path, kind := range map[string]string{"ssh/key": "ssh_key", "ssh/note": "note", "asked/key": "ssh_key", "other/key": "ssh_key"} {
				s.do("PUT", secretAt(s.vault, path), s.ada.token, object{"value": value, "type": kind}).want(201)
			}
			bind := func(path string, list ...object) {
				t.Helper()
				s.do("PUT", "/v1/vaults/"+s.vault+"/secret-bindings/"+path, s.ada.token, object{"bindings": append([]object{}, list...)}).want(200)
			}
			git := base64.StdEncoding.EncodeToString(append([]byte("SSHSIG"), ssh.Marshal(struct{ A, B, C, D string }{"git", "", "sha512", strings.Repeat("d", 64)})...))
			sign := func(path string, body object) reply {
				t.Helper()
				return s.do("POST", "/v1/vaults/"+s.vault+"/ssh-sign/"+path, agent.token, body)
			}
			sign("ssh/key", object{"data": git}).want(403, "no_ssh_binding")
			for _, path := range []string{"ssh/key", "ssh/note", "asked/key", "other/key"} {
				bind(path, object{"in": "sshsig", "namespaces": []string{"git"}})
			}
			key, err := ssh.NewPublicKey(public)
			if err != nil {
				t.Fatal(err)
			}
			got := s.do("GET", "/v1/vaults/"+s.vault+"/ssh-keys/ssh/key", agent.token, nil).want(200)
			if got.str("public_key") != base64.StdEncoding.EncodeToString(key.Marshal()) {
				t.Errorf("got %s", got.body)
			}
			before := len(s.Events(s.ada.org))
			raw, err := base64.StdEncoding.DecodeString(sign("ssh/key", object{"data": git}).want(200).str("signature"))
			data, _ := base64.StdEncoding.DecodeString(git)
			var sig ssh.Signature
			if err != nil || ssh.Unmarshal(raw, &sig) != nil || key.Verify(data, &sig) != nil {
				t.Errorf("the signature is %x, %v", raw, err)
			}
			events := s.Events(s.ada.org)[before:]
			if len(events) != 1 || events[0].Action != "secret.use" || !strings.Contains(string(events[0].DetailsJSON), `"how":"sshsig","namespace":"git"`) {
				t.Errorf("the log has %+v", events)
			}
			sign("ssh/key", object{"data": git, "algorithm": "rsa-sha2-512"}).want(400, "invalid_ssh_algorithm")
			sign("ssh/key", object{"data": "no base64"}).want(400, "invalid_base64")
			sign("ssh/key", object{"data": base64.StdEncoding.EncodeToString([]byte("sign this"))}).want(403, "ssh_request_refused")
			sign("ssh/note", object{"data": git}).want(403, "no_ssh_key")
			asked := sign("asked/key", object{"data": git}).want(403, "approval_required").str("approval_request_id")
			s.do("POST", "/v1/approvals/"+asked+"/approve", s.ada.token, nil).want(200)
			sign("asked/key", object{"data": git}).want(200)
			sign("asked/key", object{"data": git}).want(403, "approval_required")
			s.do("GET", "/v1/vaults/"+s.vault+"/ssh-keys/asked/key", agent.token, nil).want(200) // nothing is signed
			sign("other/key", object{"data": git}).want(403)
			sign("ssh/none", object{"data": git}).want(404)
			bind("ssh/key")
			sign("ssh/key", object{"data": git}).want(403, "no_ssh_binding")

			for name, b := range map[string]object{
				"no host key": {"in": "ssh", "hosts": []string{"a.example"}}, "no host": {"in": "ssh", "host_keys": []string{"SHA256:" + strings.Repeat("A", 43)}},
				"no fingerprint": {"in": "ssh", "hosts": []string{"a.example"}, "host_keys": []string{"MD5:00"}}, "no namespace": {"in": "sshsig"},
				"a host of a signature": {"in": "sshsig", "hosts": []string{"a.example"}, "namespaces": []string{"git"}}, "a path": {"in": "sshsig", "namespaces": []string{"git"}, "paths": []string{"/a"}},
				"host keys of a request": {"in": "bearer", "hosts": []string{"a.example"}, "host_keys": []string{"SHA256:" + strings.Repeat("A", 43)}},
			} {
				r := s.do("PUT", "/v1/vaults/"+s.vault+"/secret-bindings/ssh/key", s.ada.token, object{"bindings": []object{b}})
				if r.status != 400 {
					t.Errorf("%s: %d %s", name, r.status, r.body)
				}
			}
		})
	}
}
