package totp_test

import (
	"encoding/base32"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/totp"
)

// The codes of RFC 6238, appendix B: its keys are the digits, as long as the hash.
func TestCodesOfTheRFC(t *testing.T) {
	for _, c := range []struct {
		at               int64
		sha1, s256, s512 string
	}{
		{59, "94287082", "46119246", "90693936"}, {1111111109, "07081804", "68084774", "25091201"}, {1111111111, "14050471", "67062674", "99943326"},
		{1234567890, "89005924", "91819424", "93441116"}, {2000000000, "69279037", "90698825", "38618901"}, {20000000000, "65353130", "77737706", "47863826"},
	} {
		for hash, of := range map[string]struct {
			size int
			want string
		}{"SHA1": {20, c.sha1}, "SHA256": {32, c.s256}, "SHA512": {64, c.s512}} {
			key := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(strings.Repeat("1234567890", 7)[:of.size]))
			for digits := 6; digits <= 8; digits++ {
				uri := fmt.Sprintf("otpauth://totp/Service:me?secret=%s&algorithm=%s&digits=%d", key, hash, digits)
				got, err := totp.Of([]byte(uri), "generic", time.Unix(c.at, 0))
				if err != nil || got.Code != of.want[8-digits:] || got.Period != 30*time.Second || got.Until.Unix() != (c.at/30+1)*30 {
					t.Errorf("%s with %d digits at %d: %+v, %v; want %s", hash, digits, c.at, got, err, of.want[8-digits:])
				}
			}
		}
	}
}

func TestSpellingsOfASeed(t *testing.T) {
	at := time.Unix(59, 0)
	for name, c := range map[string]struct{ value, kind, want string }{
		"base32":             {"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", totp.Type, "287082"},
		"in groups":          {" gezd gnbv-gy3t qojq gezd gnbv gy3t qojq\n", totp.Type, "287082"},
		"with its padding":   {"GEZDGNBVGY3TQOJQGEZA====", totp.Type, "282791"},
		"an address":         {"otpauth://totp/x?secret=gezdgnbvgy3tqojqgezdgnbvgy3tqojq\n", "password", "287082"},
		"another period":     {"otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&period=59", "note", "287082"},
		"base32 of no seed":  {"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "password", ""},
		"nothing":            {"", totp.Type, ""},
		"no base32":          {"correct horse battery staple 1890", totp.Type, ""},
		"a key that is weak": {"GEZDGNBVGY3TQ", totp.Type, ""},
		"a counter":          {"otpauth://hotp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&counter=1", totp.Type, ""},
		"five digits":        {"otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&digits=5", totp.Type, ""},
		"nine digits":        {"otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&digits=9", totp.Type, ""},
		"no period":          {"otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&period=0", totp.Type, ""},
		"another hash":       {"otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&algorithm=MD5", totp.Type, ""},
		"two seeds":          {"otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&secret=GEZDGNBVGY3TQOJQ", totp.Type, ""},
	} {
		got, err := totp.Of([]byte(c.value), c.kind, at)
		if got.Code != c.want || (c.want == "") != (fault.CodeOf(err) == "no_totp_seed") {
			t.Errorf("%s: %+v, %v; want %q", name, got, err, c.want)
		}
	}
}
