package home

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

// atHome is what the first page shows.
type atHome struct {
	Approvals   []client.Approval
	Requests    []client.SecretRequest
	Enrollments []client.Enrollment
	Waiting     int
	Agent       []client.AuditEvent // what agents did
	Changed     []client.AuditEvent // what people changed
	Agents      []client.Agent
	Vaults      []client.Vault
	Ending      []ending
	Frozen      bool
}

// ending is something that ends within endsSoon.
type ending struct {
	Name, To, Kind string
	At             time.Time
}

// lookedAt is how many events the first page looks through, shownThere how many of a kind it shows.
const (
	lookedAt   = 200
	shownThere = 12
)

// looks are the ends of names of actions that change nothing.
var looks = []string{"read", "list", "verify", "_list", "_read", "export"}

// told picks what the first page tells of: what agents did, and what people changed. What
// people only looked at, such as this page, is in the log.
func told(events []client.AuditEvent) (agents, changed []client.AuditEvent) {
	for _, e := range events {
		switch {
		case e.ActorType == "agent" && len(agents) < shownThere:
			agents = append(agents, e)
		case e.ActorType == "user" && len(changed) < shownThere && !slices.ContainsFunc(looks, func(end string) bool { return strings.HasSuffix(e.Action, end) }):
			changed = append(changed, e)
		}
	}
	return agents, changed
}

// endsSoon is how far ahead the first page looks for what ends.
const endsSoon = 14 * 24 * time.Hour

// home is what agents did, and what waits for the person.
func home(v *frame.Visit) error {
	var d atHome
	var audit *client.AuditPage
	var freeze *client.FreezeState
	ctx := v.R.Context()
	g, ctx := errgroup.WithContext(ctx)
	// What somebody may not see is left out of the page.
	g.Go(func() (err error) { d.Approvals, err = v.API.Approvals(ctx, "pending"); return frame.Seen(err) })
	g.Go(func() (err error) { d.Requests, err = v.API.SecretRequests(ctx, "waiting"); return frame.Seen(err) })
	g.Go(func() (err error) { d.Enrollments, err = v.API.Enrollments(ctx); return frame.Seen(err) })
	g.Go(func() (err error) { d.Agents, err = v.API.Agents(ctx); return frame.Seen(err) })
	g.Go(func() (err error) { d.Vaults, err = v.API.Vaults(ctx); return frame.Seen(err) })
	g.Go(func() (err error) {
		audit, err = v.API.AuditEvents(ctx, client.AuditFilter{Limit: lookedAt})
		return frame.Seen(err)
	})
	g.Go(func() (err error) { freeze, err = v.API.FreezeState(ctx); return frame.Seen(err) })
	if err := g.Wait(); err != nil {
		return err
	}
	d.Vaults = slices.DeleteFunc(d.Vaults, client.Vault.Reserved)
	if audit != nil {
		d.Agent, d.Changed = told(audit.Events)
	}
	d.Frozen = freeze != nil && freeze.Frozen
	d.Waiting = len(d.Approvals) + len(d.Requests) + len(d.Enrollments)
	for _, a := range d.Agents {
		if a.ExpiresAt != nil && a.ExpiresAt.After(v.Now()) && a.ExpiresAt.Before(v.Now().Add(endsSoon)) {
			d.Ending = append(d.Ending, ending{a.Name, "/agents/" + a.ID, v.T("agent"), *a.ExpiresAt})
		}
	}
	slices.SortFunc(d.Ending, func(a, b ending) int { return a.At.Compare(b.At) })
	return v.Show(http.StatusOK, "home", v.T("Home"), d)
}
