package store

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// TestAPackedVersionComesBackWhole sets every field that a cached version can
// have, so that a field added later and forgotten by pack shows.
func TestAPackedVersionComesBackWhole(t *testing.T) {
	at := time.UnixMicro(1_800_000_000_123_456).UTC()
	whole := vault.Version{
		Meta: vault.Meta{
			ID: "01a20936-4d37-7c89-8268-4c17d13ed196", Path: "a/b", Type: "api_key", Version: 1 << 40,
			Metadata: []byte(`{"k":"v"}`), CreatedAt: at, ExpiresAt: at.Add(time.Hour), DeletedAt: at.Add(time.Minute),
		},
		Vault: "v", Box: seal.Box{WrappedDEK: bytes.Repeat([]byte{0xff}, 61), Ciphertext: bytes.Repeat([]byte{7}, 300)},
		RotationPolicy: []byte("{}"), CMEK: true, KEKGen: 300, CreatedBy: "agent:x",
	}
	// Not packed: what a cached version never has.
	never := map[string]bool{"MaxAccess": true, "AccessCount": true, "Encoded": true, "DisabledAt": true, "Doubt": true}
	v := reflect.ValueOf(whole)
	for _, part := range []reflect.Value{v, v.FieldByName("Meta")} {
		for i := range part.NumField() {
			if name := part.Type().Field(i).Name; part.Field(i).IsZero() && !never[name] {
				t.Errorf("the test leaves %s out", name)
			}
		}
	}
	for name, want := range map[string]vault.Version{
		"every field set": whole,
		"no end, live, empty": {
			Meta:  vault.Meta{ID: "i", Path: "a/b", Metadata: []byte{}, CreatedAt: at},
			Vault: "v", Box: seal.Box{WrappedDEK: []byte{}, Ciphertext: []byte{}}, RotationPolicy: []byte{},
		},
	} {
		if got := pack(&want).unpack(secretKey{"v", "a/b"}); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, want)
		}
	}
}

func TestTheCacheForgetsWhatWasReadBeforeAWrite(t *testing.T) {
	c, k := newLatestCache(), secretKey{"v", "p"}
	old := &vault.Version{Meta: vault.Meta{ID: "1", Path: "p", Version: 1}, Vault: "v"}
	_, _, gen := c.get(k)
	c.forget(k, nil) // a write is committed between the query and put
	c.put(k, old, gen)
	if _, found, _ := c.get(k); found {
		t.Fatal("a version from before the write is served")
	}
	next := &vault.Version{Meta: vault.Meta{ID: "2", Path: "p", Version: 2}, Vault: "v"}
	c.forget(k, next)
	if v, found, _ := c.get(k); !found || v.Meta.Version != 2 {
		t.Fatalf("after a write: %v, %v", v.Meta.Version, found)
	}
	c.forget(k, &vault.Version{Meta: vault.Meta{ID: "3", Path: "p", Version: 3}, Vault: "v", MaxAccess: 1})
	if _, found, _ := c.get(k); found {
		t.Fatal("a version with counted reads is cached")
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	c := newLatestCache()
	for i := range 3 * 48 << 10 {
		k := secretKey{"v", string(rune('a'+i%26)) + time.Duration(i).String()}
		c.forget(k, &vault.Version{Meta: vault.Meta{Path: k.path}, Vault: "v", Box: seal.Box{Ciphertext: make([]byte, 1<<10)}})
	}
	total := 0
	for i := range c.shards {
		for _, p := range c.shards[i].by {
			total += len(p) + rowOverhead
		}
	}
	if total > 48<<20 {
		t.Fatalf("%d bytes are cached", total)
	}
}
