package mcpserver

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/inject"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/verdict"
)

// inspecting is the run of inspect_content. It asks nobody: of a text that is looked at nothing
// leaves this process. The inspector is made with the first call.
func inspecting(inspector func() (*verdict.Inspector, error)) func(context.Context, *session, input) (string, error) {
	return func(_ context.Context, _ *session, in input) (string, error) {
		i, err := inspector()
		if err != nil {
			return "", err
		}
		from := inject.Context
		if in.text("context") == "input" {
			from = inject.User
		}
		return asJSON("", i.Of(in.text("content"), from))
	}
}
