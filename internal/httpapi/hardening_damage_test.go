package httpapi_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWhatIsDamagedSaysSo: a stored value that does not authenticate, and a key that
// the keystore has not got, have codes of their own wherever they are met.
func TestWhatIsDamagedSaysSo(t *testing.T) {
	s := openSharer(t)
	link := s.link(object{})
	secret := "/v1/vaults/" + s.vault + "/secrets/a/b"
	s.ada.put(s.vault, "a/c", "another value")

	flip := `UPDATE secret_versions SET ciphertext = CAST(substr(ciphertext, 1, 8) || CASE substr(ciphertext, 9, 1) WHEN x'00' THEN x'01' ELSE x'00' END || substr(ciphertext, 10) AS BLOB) WHERE path = 'a/b'`
	s.Exec(flip)
	s.do("DELETE", secret, s.ada.token, nil) // and back: what is cached is forgotten
	s.do("POST", "/v1/vaults/"+s.vault+"/secret-restore/a/b", s.ada.token, nil).want(200)
	s.do("GET", secret, s.ada.token, nil).want(500, "value_damaged")
	s.do("GET", "/v1/vaults/"+s.vault+"/secret-versions/a/b?version=1", s.ada.token, nil).want(500, "value_damaged")
	s.read(link, "").want(500, "value_damaged")
	s.do("GET", "/v1/vaults/"+s.vault+"/secrets/a/c", s.ada.token, nil).want(200)

	s.Exec(`UPDATE shares SET link_sealed = CAST(substr(link_sealed, 1, 8) || CASE substr(link_sealed, 9, 1) WHEN x'00' THEN x'01' ELSE x'00' END || substr(link_sealed, 10) AS BLOB)`)
	other := s.link(object{})
	listed := s.do("GET", "/v1/shares/outbound", s.ada.token, nil).want(200)
	s.do("GET", "/v1/shares", s.ada.token, nil).want(200)
	if all := string(listed.body); !strings.Contains(all, other) || strings.Contains(all, link) || strings.Count(all, `"recipient_type"`) != 2 {
		t.Errorf("with a damaged link the list is %s", all)
	}

	if err := s.Keys.DestroyKEK(t.Context(), "shares"); err != nil {
		t.Fatal(err)
	}
	s.do("GET", "/v1/shares/outbound", s.ada.token, nil).want(200)
	if err := s.Keys.DestroyKEK(t.Context(), "vault:"+s.vault); err != nil {
		t.Fatal(err)
	}
	s.do("GET", "/v1/vaults/"+s.vault+"/secrets/a/c", s.ada.token, nil).want(500, "vault_key_lost")
	s.do("PUT", "/v1/vaults/"+s.vault+"/secrets/a/d", s.ada.token, object{"value": "x", "type": "generic"}).want(500, "vault_key_lost")
	s.read(link, "").want(500, "vault_key_lost")
}

// TestADamagedKeyIsNamedWhereverItIsNeeded: also by what seals, not only by what opens.
func TestADamagedKeyIsNamedWhereverItIsNeeded(t *testing.T) {
	s := openSharer(t)
	link := s.link(object{})
	identity := "/v1/agents/" + s.robot.id + "/rotate-identity-keys"
	s.do("POST", identity, s.ada.token, nil).want(200)
	s.do("POST", "/v1/auth/mfa/setup", s.ada.token, nil).want(200)
	webhook := object{"url": "https://example.com/hook"}
	s.do("PUT", "/v1/org/approval-webhook", s.ada.token, webhook).want(200)
	files, err := filepath.Glob(filepath.Join(filepath.Join(s.Dir, "keys"), "kek-*.key"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%v %v", files, err)
	}
	for _, file := range files {
		id, err := hex.DecodeString(strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "kek-"), ".key"))
		if err != nil {
			t.Fatal(err)
		}
		key, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Keys.DestroyKEK(t.Context(), string(id)); err != nil { // forgets it
			t.Fatal(err)
		}
		key[len(key)/2] ^= 1
		if err := os.WriteFile(file, key, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := "/v1/vaults/" + s.vault + "/secrets/a/"
	s.do("GET", at+"b", s.ada.token, nil).want(500, "vault_key_lost")
	s.do("PUT", at+"b", s.ada.token, object{"value": "x", "type": "generic"}).want(500, "vault_key_lost")
	s.do("PUT", at+"new", s.ada.token, object{"value": "x", "type": "generic"}).want(500, "vault_key_lost")
	s.read(link, "").want(500, "vault_key_lost")
	s.do("POST", "/v1/secrets/"+s.secret+"/share", s.ada.token, object{"recipient_type": "anyone_with_link"}).want(500, "vault_key_lost")
	s.do("POST", identity, s.ada.token, nil).want(500, "vault_key_lost")
	s.do("POST", "/v1/auth/mfa/setup", s.ada.token, nil).want(500, "vault_key_lost")
	s.do("PUT", "/v1/org/approval-webhook", s.ada.token, webhook).want(500, "vault_key_lost")
}

// TestASecretThatLostRowsSaysSo: no write to it can succeed, and none is tried for ever.
func TestASecretThatLostRowsSaysSo(t *testing.T) {
	s := openSharer(t)
	s.ada.put(s.vault, "a/c", "a value")
	s.Exec(`DELETE FROM secrets WHERE path IN ('a/b', 'a/c')`)
	for _, path := range []string{"a/b", "a/c"} {
		secret := "/v1/vaults/" + s.vault + "/secrets/" + path
		s.do("PUT", secret, s.ada.token, object{"value": "x", "type": "generic"}).want(500, "storage_damaged")
		s.do("DELETE", secret, s.ada.token, nil).want(500, "storage_damaged")
		s.do("PUT", secret, s.ada.token, object{"value": "x", "type": "generic"}).want(500, "storage_damaged")
	}
	s.do("DELETE", "/v1/vaults/"+s.vault+"/secrets/a/none", s.ada.token, nil).want(404, "secret_not_found")
}
