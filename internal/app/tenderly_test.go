package app

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/netguard"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

func TestTenderlyIsAskedWhereAProjectIsNamed(t *testing.T) {
	key := secret.FromString("k")
	for name, tc := range map[string]struct {
		project, url string
		key          secret.Bytes
		asked, well  bool
	}{
		"nothing":             {url: "https://api.tenderly.co", well: true},
		"both":                {"acme/pay", "https://api.tenderly.co", key, true, true},
		"no key":              {"acme/pay", "https://api.tenderly.co", secret.Bytes{}, false, false},
		"no project":          {"", "https://api.tenderly.co", key, false, false},
		"a path":              {"acme/pay/../x", "https://api.tenderly.co", key, false, false},
		"a place without TLS": {"acme/pay", "http://api.tenderly.co", key, false, false},
	} {
		a := &App{cfg: config.Config{TenderlyProject: tc.project, TenderlyURL: tc.url, TenderlyKey: tc.key}, out: netguard.New(netguard.Config{})}
		s, err := a.simulator()
		if (err == nil) != tc.well || err != nil && fault.CodeOf(err) != "bad_configuration" || (s.Tenderly != nil) != tc.asked {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}
