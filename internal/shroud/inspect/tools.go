package inspect

import (
	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/finding"
)

// offered decides over the tools that a model is offered.
func (s *Session) offered(tools []convo.Names) error {
	for _, t := range tools {
		if err := s.tool("tools", t...); err != nil {
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
		if err := s.tool("response", p.Text); err != nil {
			return err
		}
	}
	for _, t := range v.Calls {
		if err := s.tool("response", t...); err != nil {
			return err
		}
	}
	return nil
}

// tool decides over one tool, by all names that mean it. Nothing is left of a tool whose name is cut
// out, so the mode surgical stops it too.
func (s *Session) tool(location string, names ...string) error {
	list := s.settings.Tools.Refuses(names...)
	if list == "" {
		return nil
	}
	return s.ruled(Finding{Threat: string(finding.Tool), Pattern: list, Severity: "high", Location: location, Action: s.settings.Tools.Action})
}

// keeps decides over what a request names of what the provider keeps. It can't be cut out of the
// model's sight and leave the request what it was, so the mode surgical stops it too.
func (s *Session) keeps(names []string) error {
	for _, name := range names {
		if !s.settings.Kept.Enabled {
			continue
		}
		if err := s.ruled(Finding{Threat: string(finding.Kept), Pattern: name, Severity: "medium", Location: "request", Action: s.settings.Kept.Action}); err != nil {
			return err
		}
	}
	return nil
}

// ruled notes a finding that nothing can be cut for, and returns the error of one that stops the call.
func (s *Session) ruled(f Finding) error {
	if f.Action == "block" && s.settings.Mode == "log_only" {
		f.Action = "warn"
	}
	s.note(f)
	if f.Action != "block" {
		return nil
	}
	s.stopped, s.filtered = f.Threat, s.filtered || f.Location == "response"
	return stop(f.Threat, f.Pattern)
}
