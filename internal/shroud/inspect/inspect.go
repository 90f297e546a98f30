// Package inspect decides what becomes of a call of a model: it asks the detectors about
// each text, and does what the agent's settings say of what they find.
package inspect

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/shroud"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/proxy"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/stream"
)

// Maker makes the inspector of a call.
type Maker struct{}

// For implements proxy.Inspectors.
func (Maker) For(_ context.Context, _ *call.Call, s *shroud.Settings) (proxy.Inspector, error) {
	return &Session{settings: s}, nil
}

// Session inspects one call.
type Session struct{ settings *shroud.Settings }

func (s *Session) Request(*convo.Request) ([]convo.Edit, error) { return nil, nil }
func (s *Session) View(*convo.View) ([]convo.Edit, error)       { return nil, nil }
func (s *Session) Rules(convo.Kind) stream.Rules                { return nothing{} }
func (s *Session) Summary() string                              { return "" }
func (s *Session) Fields() []audit.Field                        { return nil }

type nothing struct{}

func (nothing) Scrubber() stream.Scrubber                   { return nil }
func (nothing) Look(string, int, int) ([]stream.Cut, error) { return nil, nil }
func (nothing) Windowed() bool                              { return false }
