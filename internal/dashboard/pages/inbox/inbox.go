package inbox

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

var inboxPages = map[string]frame.Page{
	"GET /inbox":                          inbox,
	"GET /inbox/{$}":                      func(v *frame.Visit) error { return v.Redirect("/inbox") },
	"GET /inbox/approvals/{id}":           oneApproval,
	"POST /inbox/approvals/{id}/approve":  approve,
	"POST /inbox/approvals/{id}/deny":     deny,
	"POST /inbox/approvals/{id}/withdraw": withdraw,
	"GET /inbox/requests/{id}":            oneRequest,
	"POST /inbox/requests/{id}/fill":      fillRequest,
	"POST /inbox/requests/{id}/decline":   declineRequest,
	"GET /inbox/enrolments/{id}":          oneEnrolment,
	"POST /inbox/enrolments/{id}/accept":  acceptEnrolment,
	"POST /inbox/enrolments/{id}/reject":  rejectEnrolment,
}

// inboxView is what waits for the person, or what was decided.
type inboxView struct {
	Tab         string // waiting, approvals or requests
	Approvals   []client.Approval
	Requests    []client.SecretRequest
	Enrollments []client.Enrollment
	Names       map[string]string // of agents
	Vaults      map[string]string
	Leaf        frame.Leaf
}

// Waiting is how many wait.
func (d inboxView) Waiting() int { return len(d.Approvals) + len(d.Requests) + len(d.Enrollments) }

// inbox lists what waits for the person, and in its other parts what was decided.
func inbox(v *frame.Visit) error {
	d := inboxView{Tab: v.Query("tab")}
	approvals, requests := "pending", "waiting"
	switch d.Tab {
	case "approvals", "requests":
		approvals, requests = "", ""
	default:
		d.Tab = "waiting"
	}
	var vaults []client.Vault
	g, ctx := errgroup.WithContext(v.R.Context())
	if d.Tab != "requests" {
		g.Go(func() (err error) { d.Approvals, err = v.API.Approvals(ctx, approvals); return frame.Seen(err) })
	}
	if d.Tab != "approvals" {
		g.Go(func() (err error) { d.Requests, err = v.API.SecretRequests(ctx, requests); return frame.Seen(err) })
	}
	if d.Tab == "waiting" {
		g.Go(func() (err error) { d.Enrollments, err = v.API.Enrollments(ctx); return frame.Seen(err) })
	}
	g.Go(func() (err error) { vaults, err = v.API.Vaults(ctx); return frame.Seen(err) })
	g.Go(func() (err error) { d.Names, _, err = v.AgentNames(); return err })
	if err := g.Wait(); err != nil {
		return err
	}
	d.Vaults = frame.VaultNames(vaults)
	switch d.Tab {
	case "approvals":
		d.Approvals = slices.DeleteFunc(d.Approvals, func(a client.Approval) bool { return a.Status == "pending" })
		d.Leaf = v.Leaf(len(d.Approvals))
		d.Approvals = d.Approvals[d.Leaf.From:d.Leaf.To]
	case "requests":
		d.Requests = slices.DeleteFunc(d.Requests, func(r client.SecretRequest) bool { return r.Status == "waiting" })
		d.Leaf = v.Leaf(len(d.Requests))
		d.Requests = d.Requests[d.Leaf.From:d.Leaf.To]
	}
	return v.Show(http.StatusOK, "inbox", v.T("Inbox"), d)
}

// ofTransaction reports whether an approval is asked for by the rules of transactions; then its
// reason is the server's own, and says what would be signed.
func ofTransaction(a *client.Approval) bool {
	return a.Operation == "sign" && strings.Contains(a.SecretPath, "/transactions/")
}

// approvalView is one request for an approval.
type approvalView struct {
	*client.Approval
	Agent, Vault string
	Transaction  bool
	Does         []string // what would be signed, in the server's words
	Because      string   // why a human is asked
	Answer       string
	Problem      string
}

// askedBecause stands in the server's words between what would be signed and why a human is asked.
const askedBecause = " Asked because: "

func oneApproval(v *frame.Visit) error {
	d, err := approvalOf(v)
	if err != nil {
		return err
	}
	return showApproval(v, http.StatusOK, d)
}

func showApproval(v *frame.Visit, status int, d *approvalView) error {
	return v.Show(status, "inbox-approval", v.T("Approval"), d)
}

func approvalOf(v *frame.Visit) (*approvalView, error) {
	a, err := v.API.Approval(v.R.Context(), v.R.PathValue("id"))
	if err != nil {
		return nil, err
	}
	d := &approvalView{Approval: a, Transaction: ofTransaction(a), Answer: v.Form("reason")}
	names, _, err := v.AgentNames()
	if err != nil {
		return nil, err
	}
	d.Agent = cmp.Or(names[a.AgentID], names[a.RequesterID])
	if one, err := v.API.Vault(v.R.Context(), a.VaultID); err == nil { // it may be one of the server's own
		d.Vault = one.Name
	}
	if d.Transaction {
		does := a.Reason
		if at := strings.LastIndex(a.Reason, askedBecause); at >= 0 { // the last: a text to sign may hold the same words
			does, d.Because = a.Reason[:at], a.Reason[at+len(askedBecause):]
		}
		d.Does = []string{does}
		// Words on a transaction begin with its amount. What is quoted of a message is the agent's,
		// and could look like lines of ours.
		if does != "" && does[0] >= '0' && does[0] <= '9' {
			d.Does = strings.Split(does, "; ")
		}
	}
	return d, nil
}

func approve(v *frame.Visit) error { return decideApproval(v, v.API.Approve, "It is approved.") }
func deny(v *frame.Visit) error    { return decideApproval(v, v.API.Deny, "It is denied.") }
func withdraw(v *frame.Visit) error {
	return decideApproval(v, func(ctx context.Context, id, _ string) (*client.Approval, error) { return v.API.Withdraw(ctx, id) }, "The request is withdrawn.")
}

// decideApproval decides about a request, which takes a person who is there.
func decideApproval(v *frame.Visit, decide func(ctx context.Context, id, reason string) (*client.Approval, error), done string) error {
	_, err := decide(v.R.Context(), v.R.PathValue("id"), v.Form("reason"))
	if frame.Retry(err) {
		d, gone := approvalOf(v)
		if gone != nil {
			return gone
		}
		var status int
		status, d.Problem = v.Describe(err)
		return showApproval(v, status, d)
	}
	if err != nil {
		return err
	}
	return v.Back("/inbox", done)
}
