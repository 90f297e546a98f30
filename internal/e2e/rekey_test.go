package e2e_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The server is killed again and again while it moves a vault from one key of a
// client to the next, and from one key of its own to the next, while clients
// write. At the end every value opens once, with the newest key.
func TestAKilledServerGoesOnWithItsRotations(t *testing.T) {
	const paths, rounds = 220, 15
	p := newPlace(t)
	s := p.start()
	owner := s.login()
	id := text(t, owner.want(t, http.StatusCreated, "POST", "/v1/vaults", map[string]string{"name": "opaque"}), "id")
	at := "/v1/vaults/" + id
	key := clientKey(0)
	owner.want(t, http.StatusOK, "POST", at+"/cmek", map[string]string{"fingerprint": key.fingerprint()})
	value := func(i int) string { return fmt.Sprintf("value of p%d", i) }
	for i := range paths {
		owner.want(t, http.StatusCreated, "PUT", fmt.Sprintf("%s/secrets/p%d", at, i), map[string]string{"value": key.seal(value(i), i%2 == 0)})
	}
	job, interrupted := "", 0
	for round := range rounds {
		next := key
		if job == "" || owner.want(t, http.StatusOK, "GET", job, nil)["completed_at"] != nil {
			if job != "" {
				ended(t, owner.want(t, http.StatusOK, "GET", job, nil))
			}
			if round%3 == 2 {
				job = at + "/rekey/" + text(t, owner.want(t, http.StatusAccepted, "POST", at+"/rekey", nil), "id")
			} else {
				next = clientKey(byte(round + 1))
				job = at + "/cmek-rotate/" + owner.rotate(t, at, key, next)
			}
		}
		// A client goes on to write, with the key that the vault names by now.
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := 0; ; i++ {
				n := (round*31 + i) % paths
				if _, err := owner.try(context.Background(), "PUT", fmt.Sprintf("%s/secrets/p%d", at, n), map[string]string{"value": next.seal(value(n), i%2 == 0)}); err != nil {
					return
				}
			}
		}()
		time.Sleep(time.Duration(rand.IntN(120)) * time.Millisecond) // when it strikes is up to chance
		s.kill9()
		died := time.Now()
		<-done
		key = next
		s = p.start()
		owner = owner.at(s)
		eventually(t, "the job's start", func() bool { return owner.want(t, http.StatusOK, "GET", job, nil)["status"] != "pending" })
		end, err := time.Parse(time.RFC3339, fmt.Sprint(owner.want(t, http.StatusOK, "GET", job, nil)["completed_at"]))
		if err != nil || end.After(died) {
			interrupted++
		}
	}
	eventually(t, "the end of the last job", func() bool { return owner.want(t, http.StatusOK, "GET", job, nil)["completed_at"] != nil })
	ended(t, owner.want(t, http.StatusOK, "GET", job, nil))
	versions := 0
	for i := range paths {
		latest := owner.want(t, http.StatusOK, "GET", fmt.Sprintf("%s/secrets/p%d", at, i), nil)
		for n := 1; n <= int(latest["version"].(float64)); n++ {
			m := owner.want(t, http.StatusOK, "GET", fmt.Sprintf("%s/secret-versions/p%d?version=%d", at, i, n), nil)
			if got := key.open(text(t, m, "value")); got != value(i) {
				t.Errorf("version %d of p%d: %s", n, i, got)
			}
			versions++
		}
	}
	owner.verified(t)
	t.Logf("%d kills, %d of them in the middle of a job, %d versions", rounds, interrupted, versions)
	if interrupted == 0 {
		t.Error("no job was interrupted: nothing was tested")
	}
	if strings.Contains(s.output(), key.base64()) {
		t.Error("a client's key is in the server's output")
	}
}

// ended wants a job to have done all that it had to do.
func ended(t *testing.T, job map[string]any) {
	t.Helper()
	total := job["total_secrets"]
	if total == nil {
		total = job["total_versions"]
	}
	if job["status"] != "completed" || job["error"] != nil || job["processed"] != total {
		t.Errorf("a job ended as %v", job)
	}
}

// opaqueKey is a client's own key.
type opaqueKey []byte

func clientKey(n byte) opaqueKey { return bytes.Repeat([]byte{n + 1}, 32) }

func (k opaqueKey) fingerprint() string {
	sum := sha256.Sum256(k)
	return hex.EncodeToString(sum[:])
}

func (k opaqueKey) base64() string { return base64.StdEncoding.EncodeToString(k) }

func (k opaqueKey) cipher() cipher.AEAD {
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

func (k opaqueKey) seal(text string, asHex bool) string {
	body := k.cipher().Seal(nil, nil, []byte(text), nil)
	if asHex {
		return hex.EncodeToString(body)
	}
	return base64.StdEncoding.EncodeToString(append([]byte{1}, body...))
}

// open decrypts once.
func (k opaqueKey) open(blob string) string {
	b, err := hex.DecodeString(blob)
	if err != nil {
		if b, err = base64.StdEncoding.DecodeString(blob); err != nil || len(b) == 0 {
			return "no known form"
		}
		b = b[1:]
	}
	plain, err := k.cipher().Open(nil, nil, b, nil)
	if err != nil {
		return "does not open"
	}
	return string(plain)
}

// rotate asks for a rotation and returns the job's id.
func (c caller) rotate(t *testing.T, at string, from, to opaqueKey) string {
	t.Helper()
	b, err := json.Marshal(map[string]string{"new_fingerprint": to.fingerprint()})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), "POST", c.base+at+"/cmek-rotate", bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("x-cmek-old-key", from.base64())
	r.Header.Set("x-cmek-new-key", to.base64())
	got, err := c.send(r)
	if err != nil || got.status != http.StatusAccepted {
		t.Fatalf("rotate: %v %v", got, err)
	}
	return text(t, got.fields(t), "id")
}
