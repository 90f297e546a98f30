package inspect

import (
	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/finding"
)

// offered decides over the tools that a model is offered.
func (s *Session) offered(names []string) error {
	for _, name := range names {
		if err := s.tool(name, "tools"); err != nil {
			return err
		}
	}
	return nil
}

// called decides over the tools that an answer calls. It holds whether answers are filtered
// or not: it is a rule on what is run.
func (s *Session) called(v *convo.View) error {
	for _, p := range v.Parts {
		if p.Kind != convo.ToolName || p.Role != convo.Assistant || p.Text == "" {
			continue
		}
		if err := s.tool(p.Text, "response"); err != nil {
			return err
		}
	}
	return nil
}

// tool decides over one name. Nothing is left of a tool whose name is cut out, so the mode
// surgical stops it too.
func (s *Session) tool(name, location string) error {
	list := s.settings.Tools.Refuses(name)
	if list == "" {
		return nil
	}
	f := Finding{Threat: string(finding.Tool), Pattern: list, Severity: "high", Location: location, Action: s.settings.Tools.Action}
	if f.Action == "block" && s.settings.Mode == "log_only" {
		f.Action = "warn"
	}
	s.note(f)
	if f.Action != "block" {
		return nil
	}
	s.stopped, s.filtered = f.Threat, s.filtered || location == "response"
	return stop(f.Threat, f.Pattern)
}
