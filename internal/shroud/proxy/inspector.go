package proxy

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/shroud"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/convo"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/stream"
)

// Inspectors make inspectors of what an agent's settings say.
type Inspectors interface {
	For(ctx context.Context, c *call.Call, s *shroud.Settings) (Inspector, error)
}

// Inspector looks at one call, first at the request and then at the answer.
type Inspector interface {
	stream.Inspector
	// Request decides over a request. An error stops it.
	Request(r *convo.Request) ([]convo.Edit, error)
	// Summary is the value of X-Shroud-Inspection, or "" when nothing was found.
	Summary() string
	// Fields are what the log says of what was found: kinds and numbers.
	Fields() []audit.Field
}
