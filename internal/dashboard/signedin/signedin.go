// Package signedin is the pages of a person who is signed in, all together: the dashboard.
//
// What it promises is the frame's; here the frame gets its pages.
package signedin

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/pages/agents"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/pages/entry"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/pages/home"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/pages/inbox"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/pages/organisation"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/pages/own"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/pages/records"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/pages/setup"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/pages/vaults"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
)

// Config is what the pages are made of.
type Config struct {
	API http.Handler
	// Logins are the logins that browsers keep.
	Logins  *identity.Service
	Log     *slog.Logger
	Now     func() time.Time
	Version string
	// PublicURL is where people open the pages; with https cookies are for https alone.
	PublicURL string
	// ShroudURL is the address of the proxy for models, for the texts that configure agents.
	ShroudURL string
	// Providers are the identity providers that people may log in with.
	Providers []Provider
	// Unowned reports whether the server has no users, so that one page makes the first; nil is no.
	Unowned func(context.Context) bool
	Dev     bool
}

// Provider is an identity provider that people may log in with.
type Provider = entry.Provider

// New returns the pages. It panics when a file of theirs can't be read.
func New(c Config) *frame.Frame {
	door := entry.New(c.Providers)
	if c.Unowned == nil {
		c.Unowned = func(context.Context) bool { return false }
	}
	return frame.New(frame.Config{
		Server: c.API, Logins: c.Logins, Log: c.Log, Now: c.Now, Version: c.Version, PublicURL: c.PublicURL, ShroudURL: c.ShroudURL, Dev: c.Dev,
		Confirm: door.Confirm, Unowned: c.Unowned,
	},
		door.Set(), home.Set(), vaults.Set(), agents.Set(), inbox.Set(), records.Set(), organisation.Set(), own.Set(), setup.Set(c.Unowned),
	)
}
