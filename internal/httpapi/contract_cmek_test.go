package httpapi_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

var (
	cmekJobFields = []string{"id", "vault_id", "old_fingerprint", "new_fingerprint", "status", "total_secrets", "processed", "error", "started_at", "completed_at", "created_at"}
	rekeyFields   = []string{"id", "vault_id", "status", "total_versions", "processed", "error", "started_at", "completed_at", "created_at"}
)

// clientKey is a key as a client holds it.
type clientKey []byte

func newClientKey(fill byte) clientKey { return []byte(strings.Repeat(string([]byte{fill}), 32)) }

func (k clientKey) fingerprint() string {
	sum := sha256.Sum256(k)
	return hex.EncodeToString(sum[:])
}

func (k clientKey) base64() string { return base64.StdEncoding.EncodeToString(k) }

func (k clientKey) aead() cipher.AEAD {
	block, err := aes.NewCipher(k)
	if err != nil {
		panic(err)
	}
	a, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return a
}

// typescript and golang are the two published forms.
func (k clientKey) typescript(text string) string {
	return base64.StdEncoding.EncodeToString(append([]byte{1}, k.aead().Seal(nil, nil, []byte(text), nil)...))
}

func (k clientKey) golang(text string) string {
	return hex.EncodeToString(k.aead().Seal(nil, nil, []byte(text), nil))
}

// open decrypts either form, once.
func (k clientKey) open(t testing.TB, blob string) string {
	t.Helper()
	b, err := hex.DecodeString(blob)
	if err != nil {
		if b, err = base64.StdEncoding.DecodeString(blob); err != nil || b[0] != 1 {
			t.Errorf("%.20s... has no known form", blob)
			return ""
		}
		b = b[1:]
	}
	plain, err := k.aead().Open(nil, nil, b, nil)
	if err != nil {
		t.Errorf("a value does not open: %v", err)
	}
	return string(plain)
}

// work does all jobs that wait.
func (w *world) work() {
	w.t.Helper()
	worker := vault.NewWorker(w.Vault, w.Clock.Now)
	for worker.Turn(w.t.Context()) {
	}
}

func (w *world) rotate(id, token string, old, next clientKey) reply {
	w.t.Helper()
	return w.do("POST", "/v1/vaults/"+id+"/cmek-rotate", token, object{"new_fingerprint": next.fingerprint()},
		header("x-cmek-old-key", old.base64()), header("X-CMEK-New-Key", next.base64()))
}

func (w *world) value(id, path, token string) object {
	w.t.Helper()
	return w.do("GET", secretAt(id, path), token, nil).want(200).json()
}

func TestCMEKIsEnabledAndDisabled(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	id := ada.vaultNamed("main")
	own := "/v1/vaults/" + id + "/cmek"
	key := newClientKey('a')
	ada.put(id, "before", "plain")
	w.do("DELETE", own, ada.token, nil).want(400, "cmek_not_enabled")
	for _, bad := range []any{"", "x", strings.Repeat("a", 63), strings.Repeat("a", 65), strings.Repeat("g", 64), nil, 7} {
		w.do("POST", own, ada.token, object{"fingerprint": bad}).want(400)
	}
	w.do("POST", own, ada.token, object{}).want(400)
	o := fields(t, "Vault", w.do("POST", own, ada.token, object{"fingerprint": strings.ToUpper(key.fingerprint())}).want(200).json(), vaultFields...)
	if o["cmek_enabled"] != true || o["cmek_fingerprint"] != key.fingerprint() {
		t.Errorf("enabled: %v", o)
	}
	w.do("POST", own, ada.token, object{"fingerprint": key.fingerprint()}).want(200) // once more is no fault
	w.do("POST", own, ada.token, object{"fingerprint": newClientKey('b').fingerprint()}).want(400, "cmek_already_enabled")
	ada.put(id, "during", key.typescript("sealed"))
	ada.put(id, "odd", "no known form")
	o = fields(t, "Vault", w.do("DELETE", own, ada.token, nil).want(200).json(), vaultFields...)
	if o["cmek_enabled"] != false || o["cmek_fingerprint"] != nil {
		t.Errorf("disabled: %v", o)
	}
	ada.put(id, "after", "plain again")
	for path, marked := range map[string]bool{"before": false, "during": true, "odd": true, "after": false} {
		o := fields(t, "Secret", w.value(id, path, ada.token), secretFields...)
		if o["cmek_encrypted"] != marked {
			t.Errorf("%s: cmek_encrypted %v", path, o["cmek_encrypted"])
		}
	}
	if got := key.open(t, w.value(id, "during", ada.token)["value"].(string)); got != "sealed" {
		t.Errorf("read %q", got)
	}
}

func TestCMEKRotation(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	id := ada.vaultNamed("main")
	old, next, third := newClientKey('a'), newClientKey('b'), newClientKey('c')
	ada.put(id, "plain", "untouched")
	w.rotate(id, ada.token, old, next).want(400, "cmek_not_enabled")
	w.do("POST", "/v1/vaults/"+id+"/cmek", ada.token, object{"fingerprint": old.fingerprint()}).want(200)
	ada.put(id, "ts", old.typescript("first"))
	ada.put(id, "ts", old.typescript("second"))
	ada.put(id, "go", old.golang("third"))

	post := func(body object, headers ...func(*http.Request)) reply {
		return w.do("POST", "/v1/vaults/"+id+"/cmek-rotate", ada.token, body, headers...)
	}
	good := object{"new_fingerprint": next.fingerprint()}
	oldKey, newKey := header("x-cmek-old-key", old.base64()), header("x-cmek-new-key", next.base64())
	for name, r := range map[string]reply{
		"no keys":              post(good),
		"no new key":           post(good, oldKey),
		"no old key":           post(good, newKey),
		"another old key":      post(good, header("x-cmek-old-key", third.base64()), newKey),
		"another new key":      post(good, oldKey, header("x-cmek-new-key", third.base64())),
		"a short key":          post(good, oldKey, header("x-cmek-new-key", next.base64()[:40])),
		"a long key":           post(good, oldKey, header("x-cmek-new-key", base64.StdEncoding.EncodeToString(make([]byte, 33)))),
		"no base64":            post(good, oldKey, header("x-cmek-new-key", canary)),
		"an endless key":       post(good, oldKey, header("x-cmek-new-key", strings.Repeat("A", 5000))),
		"no fingerprint":       post(object{}, oldKey, newKey),
		"another fingerprint":  post(object{"new_fingerprint": third.fingerprint()}, oldKey, newKey),
		"half a fingerprint":   post(object{"new_fingerprint": next.fingerprint()[:32]}, oldKey, newKey),
		"the old key as a new": post(object{"new_fingerprint": old.fingerprint()}, oldKey, header("x-cmek-new-key", old.base64())),
	} {
		w.run(name, func(t *testing.T) {
			if r.t = t; strings.Contains(string(r.want(400).body), canary) {
				t.Errorf("repeated: %s", r.body)
			}
		})
	}

	url := header("x-cmek-new-key", base64.RawURLEncoding.EncodeToString(next))
	o := fields(t, "CmekJob", post(good, oldKey, url).want(202).json(), cmekJobFields...)
	if o["status"] != "pending" || o["vault_id"] != id || o["old_fingerprint"] != old.fingerprint() || o["new_fingerprint"] != next.fingerprint() ||
		o["total_secrets"] != json.Number("3") || o["processed"] != json.Number("0") || o["error"] != nil || o["started_at"] != nil || o["completed_at"] != nil {
		t.Errorf("begun: %v", o)
	}
	job := "/v1/vaults/" + id + "/cmek-rotate/" + o["id"].(string)
	fields(t, "CmekJob", w.do("GET", job, ada.token, nil).want(200).json(), cmekJobFields...)
	w.run("while it runs", func(t *testing.T) {
		w.rotate(id, ada.token, next, third).want(409, "job_running")
		w.do("DELETE", "/v1/vaults/"+id+"/cmek", ada.token, nil).want(409, "job_running")
		w.do("POST", "/v1/vaults/"+id+"/rekey", ada.token, nil).want(409, "job_running")
		w.do("GET", "/v1/vaults/"+id+"/rekey/"+o["id"].(string), ada.token, nil).want(404, "job_not_found")
		for _, bad := range []string{nobodysID, "x", strings.ToUpper(o["id"].(string))} {
			w.do("GET", "/v1/vaults/"+id+"/cmek-rotate/"+bad, ada.token, nil).want(404)
		}
		w.do("GET", "/v1/vaults/"+ada.vaultNamed("other")+"/cmek-rotate/"+o["id"].(string), ada.token, nil).want(404)
		if v := w.do("GET", "/v1/vaults/"+id, ada.token, nil).want(200).json(); v["cmek_fingerprint"] != next.fingerprint() {
			t.Errorf("the vault names %v", v["cmek_fingerprint"])
		}
	})
	// Clients go on with either key.
	ada.put(id, "late-old", old.golang("fourth"))
	ada.put(id, "late-new", next.typescript("fifth"))

	w.work()
	o = fields(t, "CmekJob", w.do("GET", job, ada.token, nil).want(200).json(), cmekJobFields...)
	if o["status"] != "completed" || o["total_secrets"] != json.Number("5") || o["processed"] != json.Number("5") || o["error"] != nil || o["started_at"] == nil || o["completed_at"] == nil {
		t.Errorf("ended: %v", o)
	}
	w.run("every value has the new key", func(t *testing.T) {
		for path, want := range map[string]string{"ts": "second", "go": "third", "late-old": "fourth", "late-new": "fifth"} {
			if got := next.open(t, w.value(id, path, ada.token)["value"].(string)); got != want {
				t.Errorf("%s holds %q", path, got)
			}
		}
		first := w.do("GET", "/v1/vaults/"+id+"/secret-versions/ts?version=1", ada.token, nil).want(200)
		if got := next.open(t, first.str("value")); got != "first" {
			t.Errorf("an old version holds %q", got)
		}
		if v := w.value(id, "plain", ada.token); v["value"] != "untouched" || v["cmek_encrypted"] != false {
			t.Errorf("what was there before: %v", v)
		}
	})
	w.run("no key is left", func(t *testing.T) {
		for _, secret := range []string{old.base64(), next.base64(), string(old), string(next), hex.EncodeToString(old)} {
			if strings.Contains(w.Log.String(), secret) || strings.Contains(w.dump("vault_jobs", "audit_events"), secret) {
				t.Error("a key is in the log or in the database")
			}
		}
		if left := w.dump("doomed_keys"); left != "" {
			t.Errorf("keys are left: %s", left)
		}
	})
	w.rotate(id, ada.token, old, next).want(400, "cmek_key_mismatch") // it is done
	w.rotate(id, ada.token, next, third).want(202)
}

// A value that opens with neither key stays as it is, and the job says so.
func TestCMEKRotationTellsOfValuesThatDoNotOpen(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	id := ada.vaultNamed("main")
	old, next, third := newClientKey('a'), newClientKey('b'), newClientKey('c')
	w.do("POST", "/v1/vaults/"+id+"/cmek", ada.token, object{"fingerprint": old.fingerprint()}).want(200)
	odd := map[string]string{"other": third.typescript("x"), "text": "not encrypted", "empty": "", "hex": strings.Repeat("0", 80), "a": "AQ=="}
	for path, v := range odd {
		ada.put(id, path, v)
	}
	ada.put(id, "good", old.typescript("y"))
	r := w.rotate(id, ada.token, old, next).want(202)
	w.work()
	o := w.do("GET", "/v1/vaults/"+id+"/cmek-rotate/"+r.str("id"), ada.token, nil).want(200).json()
	if o["status"] != "failed" || o["processed"] != json.Number("6") || o["total_secrets"] != json.Number("6") || o["error"] != "5 of 6 values open with neither key and were left as they were." {
		t.Errorf("ended: %v", o)
	}
	for path, want := range odd {
		if got := w.value(id, path, ada.token)["value"]; got != want {
			t.Errorf("%s became %q", path, got)
		}
	}
	if got := next.open(t, w.value(id, "good", ada.token)["value"].(string)); got != "y" {
		t.Errorf("good holds %q", got)
	}
	// Asked again with the same keys it goes on, which is no more here.
	w.rotate(id, ada.token, old, next).want(202)
	w.work()
}

func TestRekey(t *testing.T) {
	w := open(t)
	ada := w.signup("ada")
	bob := w.signup("bob")
	id := ada.vaultNamed("main")
	ada.put(id, "a", "one")
	ada.put(id, "a", "two")
	rekey := "/v1/vaults/" + id + "/rekey"
	w.do("POST", rekey, bob.token, nil).want(404)
	o := fields(t, "rekey", w.do("POST", rekey, ada.token, object{}).want(202).json(), rekeyFields...)
	if o["status"] != "pending" || o["total_versions"] != json.Number("2") || o["processed"] != json.Number("0") {
		t.Errorf("begun: %v", o)
	}
	w.do("POST", rekey, ada.token, nil).want(409, "job_running")
	w.do("GET", "/v1/vaults/"+id+"/cmek-rotate/"+o["id"].(string), ada.token, nil).want(404)
	w.work()
	o = fields(t, "rekey", w.do("GET", rekey+"/"+o["id"].(string), ada.token, nil).want(200).json(), rekeyFields...)
	if o["status"] != "completed" || o["total_versions"] != json.Number("2") || o["processed"] != json.Number("2") || o["error"] != nil || o["completed_at"] == nil {
		t.Errorf("ended: %v", o)
	}
	if _, err := w.Keys.Wrap(t.Context(), "vault:"+id, make([]byte, 32), nil); err == nil {
		t.Error("the old key still works")
	}
	if v := w.value(id, "a", ada.token); v["value"] != "two" {
		t.Errorf("read %v", v)
	}
	if v := w.do("GET", "/v1/vaults/"+id+"/secret-versions/a?version=1", ada.token, nil).want(200).str("value"); v != "one" {
		t.Errorf("read %v", v)
	}
	ada.put(id, "a", "three")
	if v := w.value(id, "a", ada.token); v["value"] != "three" {
		t.Errorf("read %v", v)
	}
}

func TestOnlyWhoManagesAVaultTouchesItsKeys(t *testing.T) {
	w := open(t)
	ada, bob := w.signup("ada"), w.signup("bob")
	id := ada.vaultNamed("main")
	bob.moves(ada, "member")
	bob.token = bob.login()
	robot := ada.agent(nil)
	ada.grant(id, robot, "**", nil, "read", "write", "delete")
	for who, token := range map[string]string{"a member": bob.token, "an agent": robot.token} {
		for _, op := range []struct{ method, path string }{
			{"POST", "/cmek"}, {"DELETE", "/cmek"}, {"POST", "/cmek-rotate"}, {"GET", "/cmek-rotate/" + nobodysID}, {"POST", "/rekey"}, {"GET", "/rekey/" + nobodysID},
		} {
			r := w.do(op.method, "/v1/vaults/"+id+op.path, token, object{"fingerprint": newClientKey('a').fingerprint(), "new_fingerprint": newClientKey('a').fingerprint()})
			r.what += " as " + who
			r.want(403)
		}
	}
}
