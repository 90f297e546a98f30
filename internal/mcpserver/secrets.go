package mcpserver

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
)

// maxLines bounds what one listing puts into a conversation. Clients that need all
// read the resource.
const maxLines = 1000

func listSecrets(ctx context.Context, s *session, in input) (string, error) {
	vault, err := s.inVault(ctx)
	if err != nil {
		return "", err
	}
	var lines strings.Builder
	n, prefix := 0, in.text("prefix")
	for m, err := range s.api.Secrets(ctx, vault, prefix) {
		if err != nil {
			return "", err
		}
		if !strings.HasPrefix(m.Path, prefix) { // a server that does not know the query
			continue
		}
		if n++; n <= maxLines {
			fmt.Fprintf(&lines, "\n- %s  (type: %s, version: %d, expires: %s)", oneLine(m.Path), oneLine(m.Type), m.Version, expiry(m.ExpiresAt))
		}
	}
	if n == 0 {
		return "No secrets found in this vault.", nil
	}
	if n > maxLines {
		fmt.Fprintf(&lines, "\n... and %d more: narrow the list with prefix.", n-maxLines)
	}
	return fmt.Sprintf("Found %d secret(s):", n) + lines.String(), nil
}

func getSecret(ctx context.Context, s *session, in input) ([]byte, error) {
	vault, err := s.inVault(ctx)
	if err != nil {
		return nil, err
	}
	got, err := s.api.GetSecret(ctx, vault, in.text("path"))
	if err != nil {
		return nil, s.onSecret(in.text("path"), err)
	}
	defer got.Value.Wipe()
	if err := fits(in.text("path"), got.Value); err != nil {
		return nil, err
	}
	head, err := asJSON("", struct {
		Path    string `json:"path"`
		Type    string `json:"type"`
		Version int64  `json:"version"`
	}{got.Path, got.Type, got.Version})
	if err != nil {
		return nil, err
	}
	const before, after = `,"value":"`, `"}`
	value := got.Value.Reveal()
	text := make([]byte, 0, len(head)+len(before)+asText.length(value)+len(after)) // one that grows would leave copies
	text = append(append(text, head[:len(head)-1]...), before...)
	return append(asText.append(text, value), after...), nil
}

func putSecret(ctx context.Context, s *session, in input) (string, error) {
	vault, err := s.inVault(ctx)
	if err != nil {
		return "", err
	}
	m, err := s.api.PutSecret(ctx, vault, in.text("path"), in.value("value"), client.PutOptions{
		Type: in.text("type"), Metadata: in.object("metadata"),
		ExpiresAt: in.moment("expires_at"), MaxAccessCount: in.integer("max_access_count"),
	})
	if err != nil {
		return "", err
	}
	return warned(fmt.Sprintf("Secret stored at '%s' (version %d, type: %s).", in.text("path"), m.Version, m.Type), m), nil
}

// rotateAndStore writes a new version. The contract always writes type api_key and
// no metadata; here a secret that can be seen keeps both, since an env_bundle or a
// private key that became an api_key would not work any more, and a new value is no
// reason to lose what people noted about the secret.
func rotateAndStore(ctx context.Context, s *session, in input) (string, error) {
	vault, err := s.inVault(ctx)
	if err != nil {
		return "", err
	}
	path, o := in.text("path"), client.PutOptions{Type: "api_key"}
	// An agent that may write and not list gets here too: not seeing is no failure.
	if m, found, err := s.api.FindSecret(ctx, vault, path); err == nil && found {
		o.Type = "" // the API keeps it
		if string(m.Metadata) != "{}" {
			o.Metadata = m.Metadata
		}
	}
	m, err := s.api.PutSecret(ctx, vault, path, in.value("value"), o)
	if err != nil {
		return "", err
	}
	return warned(fmt.Sprintf("Rotated secret at '%s'. New version: %d.", path, m.Version), m), nil
}

// warned adds what the value is not good for.
func warned(text string, m *client.SecretMeta) string {
	if m.Warning == "" {
		return text
	}
	return text + " Warning: " + m.Warning
}

func deleteSecret(ctx context.Context, s *session, in input) (string, error) {
	vault, err := s.inVault(ctx)
	if err != nil {
		return "", err
	}
	if err := s.api.DeleteSecret(ctx, vault, in.text("path")); err != nil {
		return "", s.onSecret(in.text("path"), err)
	}
	return "Secret at '" + in.text("path") + "' has been soft-deleted.", nil
}

// describeSecret answers from the listing alone. The contract's server reads the
// secret when the listing lacks it; that would spend one of its accesses and open
// a value for nothing, so here it is not found.
func describeSecret(ctx context.Context, s *session, in input) (string, error) {
	vault, err := s.inVault(ctx)
	if err != nil {
		return "", err
	}
	m, found, err := s.api.FindSecret(ctx, vault, in.text("path"))
	if err != nil {
		return "", s.onSecret(in.text("path"), err)
	}
	if !found {
		return "", noSecret(in.text("path"))
	}
	if len(m.Metadata) == 0 {
		m.Metadata = json.RawMessage("{}")
	}
	return asJSON("  ", struct {
		Path      string          `json:"path"`
		Type      string          `json:"type"`
		Version   int64           `json:"version"`
		Metadata  json.RawMessage `json:"metadata"`
		CreatedAt time.Time       `json:"created_at"`
		ExpiresAt *time.Time      `json:"expires_at"`
	}{m.Path, m.Type, m.Version, m.Metadata, m.CreatedAt, m.ExpiresAt})
}

func expiry(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return stamp(*t)
}

func stamp(t time.Time) string { return t.Format(time.RFC3339Nano) }

// asJSON writes v as JavaScript would: without escaping < > & for HTML.
func asJSON(indent string, v any) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return "", err // explain drops the text
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// oneLine keeps a name from starting a line of its own in a listing.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}
