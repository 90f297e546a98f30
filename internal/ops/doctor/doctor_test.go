package doctor

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/files"
	"github.com/oneclaw-dev/oneclaw/internal/ops/operator"
)

func TestTheDoctorWarnsOfADiskThatIsNearlyFull(t *testing.T) {
	for free, want := range map[uint64]string{10 << 20: "warn  disk space   10 MiB are free", 5 << 30: "ok    disk space   5120 MiB are free"} {
		var out strings.Builder
		e := &examination{Operator: operator.Operator{Stdout: &out, Now: time.Now}}
		e.free("data folder", free, nil, "Then")
		if !strings.HasPrefix(out.String(), want) || e.bad > 0 {
			t.Errorf("%d bytes: %q", free, out.String())
		}
	}
	if free, err := files.Free(t.TempDir()); err != nil || free == 0 {
		t.Errorf("free: %d, %v", free, err)
	}
}

// The server is asked where the command line would ask it, and else where the settings say.
func TestTheDoctorAsksTheServerThatIsNamed(t *testing.T) {
	well := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/health" {
			_, _ = io.WriteString(w, `{"status":"ok"}`)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(well.Close)
	gone := httptest.NewServer(nil)
	gone.Close()
	dev := t.TempDir()
	if err := os.WriteFile(filepath.Join(dev, "dev-credentials.json"), []byte(`{"api_url":"`+well.URL+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	healthy := "ok    server       " + well.URL + " is healthy"
	for name, tc := range map[string]struct {
		named   string
		environ []string
		cfg     config.Config
		want    string
	}{
		"by the flag":              {well.URL, []string{"ONECLAW_BASE_URL=" + gone.URL}, config.Config{}, healthy},
		"by the environment":       {"", []string{"ONECLAW_BASE_URL=" + well.URL + "/v1", "ONECLAW_API_URL=" + gone.URL}, config.Config{PublicURL: gone.URL}, healthy},
		"by the other variable":    {"", []string{"ONECLAW_API_URL=" + well.URL + "/"}, config.Config{PublicURL: gone.URL}, healthy},
		"by the settings":          {"", nil, config.Config{PublicURL: well.URL}, healthy},
		"by the last oneclaw dev":  {"", nil, config.Config{Data: dev, Listen: "127.0.0.1:1"}, healthy},
		"one that is gone":         {gone.URL, nil, config.Config{}, "warn  server       None answers at " + gone.URL},
		"one that nobody named":    {"", nil, config.Config{PublicURL: gone.URL}, "ok    server       none answers at " + gone.URL},
		"what is no address":       {"oneclaw", nil, config.Config{}, "FAIL  server       The address that was given is none"},
		"one across the network":   {"http://192.0.2.1:8210", nil, config.Config{}, "FAIL  server       The address that was given is none"},
		"where it listens, by TLS": {"", nil, config.Config{Listen: "127.0.0.1:1", TLSCertFile: "cert.pem"}, ""},
	} {
		var out strings.Builder
		e := &examination{Operator: operator.Operator{Stdout: &out, Environ: tc.environ, Now: time.Now}, cfg: tc.cfg, named: tc.named}
		e.server(t.Context())
		if !strings.HasPrefix(out.String(), tc.want) || tc.want == "" && out.Len() > 0 {
			t.Errorf("%s: %q, want %q", name, out.String(), tc.want)
		}
	}
}
