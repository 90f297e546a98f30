package sought_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/broker/sought"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/known"
)

func values(texts ...string) (out []known.Value) {
	for _, t := range texts {
		out = append(out, known.Value{Label: "k", Value: secret.FromString(t)})
	}
	return out
}

const token = "ghp_0123456789abcdefghijABCDEFGHIJ012345"

func of(org, vault, path string, version uint64) []sought.Of {
	return []sought.Of{{Org: org, Vault: vault, Path: path, Version: version}}
}

func TestASetIsMadeOnceForEachUse(t *testing.T) {
	c := sought.New()
	first := c.All(of("o", "v", "p", 1), values(token))
	if again := c.All(of("o", "v", "p", 1), values(token)); again != first || len(again.Find("x "+token)) != 1 {
		t.Error("the set of the same values is another one, or does not find them")
	}
	for name, other := range map[string]*known.Set{
		"another organisation": c.All(of("o2", "v", "p", 1), values(token)),
		"another vault":        c.All(of("o", "v2", "p", 1), values(token)),
		"another path":         c.All(of("o", "v", "p2", 1), values(token)),
		"another version":      c.All(of("o", "v", "p", 2), values(token)),
		"a longer vault":       c.All(of("o", "vp", "", 1), values(token)),
		"nobody's":             c.All(nil, values(token)),
		"another value":        c.All(of("o", "v", "p", 1), values(token+"6")),
		"two values":           c.All(of("o", "v", "p", 1), values(token[:20], token[20:])),
		"names":                c.Names(of("o", "v", "p", 1), values(token)),
		"another label":        c.All(of("o", "v", "p", 1), []known.Value{{Label: "l", Value: secret.FromString(token)}}),
	} {
		if other == first {
			t.Errorf("%s has the same set", name)
		}
	}
	if each := c.Each(of("o", "v", "p", 1), values(token, "another value", token)); len(each) != 2 || each[0] != first {
		t.Errorf("each value by itself: %d sets", len(each))
	}
}

// TestWhatIsNotUsedIsForgotten in two minutes at most.
func TestWhatIsNotUsedIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := sought.New()
		used, left := of("o", "v", "used", 1), of("o", "v", "left", 1)
		first := c.All(used, values(token))
		c.All(left, values(token))
		for range 5 {
			time.Sleep(50 * time.Second)
			if c.All(used, values(token)) != first {
				t.Error("what is used was forgotten")
			}
		}
		if n := c.Kept(); n != 1 {
			t.Errorf("%d sets are kept of which one is used", n)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait() // what is due at this very moment is done
		if n := c.Kept(); n != 0 {
			t.Errorf("%d sets are kept and none is used", n)
		}
		c.All(used, values(token))
		time.Sleep(2 * time.Minute)
		synctest.Wait() // what is due at this very moment is done
		if n := c.Kept(); n != 0 {
			t.Errorf("%d sets are kept that were made after all was forgotten", n)
		}
	})
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	c := sought.New()
	long := make([]byte, 8<<10+1)
	for i := range long {
		long[i] = byte('a' + i%26)
	}
	if c.All(nil, values(string(long))); c.Kept() != 0 {
		t.Error("a long value is kept")
	}
	for i := range 200 {
		c.All(of("o", "v", fmt.Sprint(i), 1), values(string(long[:8<<10])))
		if n := c.Kept(); n > 2*128 {
			t.Fatalf("%d sets of 8 KiB are kept", n)
		}
	}
}

func BenchmarkKept(b *testing.B) {
	c, v := sought.New(), values(token)
	b.ReportAllocs()
	for b.Loop() {
		c.All(of("o", "v", "p", 1), v)
	}
}
