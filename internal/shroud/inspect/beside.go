package inspect

import (
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/finding"
)

// Beside decides over what goes to the provider beside the body: its headers, or its query. Nobody can
// tell what is left of one that is cut, so a known value in it stops the call in every mode.
func (s *Session) Beside(what string, texts []string) error {
	all := strings.Join(texts, "\x00")
	if s.known == nil || len(s.known.Find(all)) == 0 && len(disguised(reading(all), s.known)) == 0 {
		return nil
	}
	f := Finding{Threat: string(finding.Leak), Pattern: what, Severity: "critical", Location: "request", Action: "block"}
	s.note(f)
	s.secrets, s.stopped = true, f.Threat
	return stop(f.Threat, what)
}
