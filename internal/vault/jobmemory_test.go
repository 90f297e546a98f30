//go:build linux && (amd64 || arm64) && goexperiment.runtimesecret && !race

package vault_test

import (
	"encoding/base64"
	"fmt"
	"testing"
	"unsafe"

	"github.com/oneclaw-dev/oneclaw/internal/cmek"
	"github.com/oneclaw-dev/oneclaw/internal/erase"
	"github.com/oneclaw-dev/oneclaw/internal/erase/erasetest"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// Neither of a client's keys is in memory once the job is over, in bytes or in the
// base64 that it came in.
func TestTheClientsKeysLeaveMemory(t *testing.T) {
	f := newFixture(t)
	v := f.vault("v")
	old, next := erasetest.New(cmek.KeySize), erasetest.New(cmek.KeySize)
	var key [cmek.KeySize]byte
	var texts [2][]byte
	var names [2]string
	var values []string
	var hidden [2]erasetest.Canary
	for i, c := range []erasetest.Canary{old, next} {
		texts[i] = make([]byte, base64.StdEncoding.EncodedLen(cmek.KeySize))
		erase.Do(func() {
			c.Fill(key[:])
			base64.StdEncoding.Encode(texts[i], key[:])
			names[i] = cmek.Fingerprint(key[:])
			for n := range 120 {
				if i == 0 {
					values = append(values, clientSeal(key[:], fmt.Sprint(n), n%2 == 0))
				}
			}
			clear(key[:])
		})
		hidden[i] = erasetest.Hide(texts[i])
	}
	_, err := f.EnableCMEK(t.Context(), f.call(f.owner), v.ID, names[0])
	must(t, err)
	for i, value := range values {
		f.put(v, fmt.Sprint("p", i), value)
	}
	if hidden[0].Copies(t) == 0 {
		t.Fatal("the search does not find a key that is there, so it proves nothing")
	}
	j, err := f.RotateCMEK(t.Context(), f.call(f.owner), v.ID, vault.Rotation{
		OldKey: unsafe.String(&texts[0][0], len(texts[0])), NewKey: unsafe.String(&texts[1][0], len(texts[1])), NewFingerprint: names[1],
	})
	must(t, err)
	clear(texts[0])
	clear(texts[1])
	drain(t.Context(), vault.NewWorker(f.Service, f.now))
	if j, err = f.db.Job(t.Context(), v.ID, vault.JobCMEK, j.ID); err != nil || j.Status != vault.JobCompleted || j.Processed != 120 {
		t.Fatalf("%+v, %v", j, err)
	}
	for name, c := range map[string]erasetest.Canary{"the old key": old, "the new key": next, "the old key's base64": hidden[0], "the new key's base64": hidden[1]} {
		if n := c.Copies(t); n != 0 {
			t.Errorf("%d pieces of %s are in memory", n, name)
		}
	}
}
