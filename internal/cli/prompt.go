package cli

import (
	"context"
	"errors"
	"io"

	"charm.land/huh/v2"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Prompter asks the person at the terminal.
type Prompter interface {
	Line(ctx context.Context, title string) (string, error)
	Hidden(ctx context.Context, title string) (secret.Bytes, error)
	Confirm(ctx context.Context, title string) (bool, error)
}

// forms asks with huh. It writes to out, which is not stdout, so that a command's
// result can still be redirected.
type forms struct {
	in     io.Reader
	out    io.Writer
	plain  bool // no colours
	simple bool // a terminal that can not move its cursor
}

func (f *forms) Line(ctx context.Context, title string) (string, error) {
	var s string
	err := f.run(ctx, huh.NewInput().Title(title).Value(&s))
	return s, err
}

func (f *forms) Hidden(ctx context.Context, title string) (secret.Bytes, error) {
	var s string
	if err := f.run(ctx, huh.NewInput().Title(title).EchoMode(huh.EchoModePassword).Value(&s)); err != nil {
		return secret.Bytes{}, err
	}
	return secret.FromString(s), nil
}

func (f *forms) Confirm(ctx context.Context, title string) (bool, error) {
	yes := false
	err := f.run(ctx, huh.NewConfirm().Title(title).Affirmative("Yes").Negative("No").Value(&yes))
	return yes, err
}

func (f *forms) run(ctx context.Context, field huh.Field) error {
	form := huh.NewForm(huh.NewGroup(field)).WithInput(f.in).WithOutput(f.out).
		WithShowHelp(false).WithAccessible(f.simple)
	if f.plain {
		form = form.WithTheme(huh.ThemeFunc(huh.ThemeBase))
	}
	err := form.RunWithContext(ctx)
	if errors.Is(err, huh.ErrUserAborted) {
		return cancelled()
	}
	return err
}

func cancelled() error {
	return fault.New(fault.Internal, "cancelled", "Cancelled; nothing was changed.")
}

// confirm lets a destructive command go on: with --yes, or with a person's answer.
func (c *cli) confirm(ctx context.Context, yes bool, question string) error {
	if yes {
		return nil
	}
	if !c.interactive() {
		return usage("This can not be asked here: " + question + " Pass --yes to do it.")
	}
	ok, err := c.Prompt.Confirm(ctx, clean(question))
	if err != nil {
		return err
	}
	if !ok {
		return cancelled()
	}
	return nil
}
