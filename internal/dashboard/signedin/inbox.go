package signedin

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
)

var inboxPages = map[string]page{
	"GET /inbox":                          inbox,
	"GET /inbox/{$}":                      func(v *visit) error { return v.redirect("/inbox") },
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
	Leaf        leaf
}

// Waiting is how many wait.
func (d inboxView) Waiting() int { return len(d.Approvals) + len(d.Requests) + len(d.Enrollments) }

// inbox lists what waits for the person, and in its other parts what was decided.
func inbox(v *visit) error {
	d := inboxView{Tab: v.query("tab")}
	approvals, requests := "pending", "waiting"
	switch d.Tab {
	case "approvals", "requests":
		approvals, requests = "", ""
	default:
		d.Tab = "waiting"
	}
	var vaults []client.Vault
	g, ctx := errgroup.WithContext(v.r.Context())
	if d.Tab != "requests" {
		g.Go(func() (err error) { d.Approvals, err = v.api.Approvals(ctx, approvals); return seen(err) })
	}
	if d.Tab != "approvals" {
		g.Go(func() (err error) { d.Requests, err = v.api.SecretRequests(ctx, requests); return seen(err) })
	}
	if d.Tab == "waiting" {
		g.Go(func() (err error) { d.Enrollments, err = v.api.Enrollments(ctx); return seen(err) })
	}
	g.Go(func() (err error) { vaults, err = v.api.Vaults(ctx); return seen(err) })
	g.Go(func() (err error) { d.Names, _, err = v.agentNames(); return err })
	if err := g.Wait(); err != nil {
		return err
	}
	d.Vaults = vaultNames(vaults)
	switch d.Tab {
	case "approvals":
		d.Approvals = slices.DeleteFunc(d.Approvals, func(a client.Approval) bool { return a.Status == "pending" })
		d.Leaf = leafOf(v, len(d.Approvals))
		d.Approvals = d.Approvals[d.Leaf.From:d.Leaf.To]
	case "requests":
		d.Requests = slices.DeleteFunc(d.Requests, func(r client.SecretRequest) bool { return r.Status == "waiting" })
		d.Leaf = leafOf(v, len(d.Requests))
		d.Requests = d.Requests[d.Leaf.From:d.Leaf.To]
	}
	return v.show(http.StatusOK, "inbox", v.t("Inbox"), d)
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

func oneApproval(v *visit) error {
	d, err := v.approval()
	if err != nil {
		return err
	}
	return v.showApproval(http.StatusOK, d)
}

func (v *visit) showApproval(status int, d *approvalView) error {
	return v.show(status, "inbox-approval", v.t("Approval"), d)
}

func (v *visit) approval() (*approvalView, error) {
	a, err := v.api.Approval(v.r.Context(), v.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	d := &approvalView{Approval: a, Transaction: ofTransaction(a), Answer: v.form("reason")}
	names, _, err := v.agentNames()
	if err != nil {
		return nil, err
	}
	d.Agent = cmp.Or(names[a.AgentID], names[a.RequesterID])
	if one, err := v.api.Vault(v.r.Context(), a.VaultID); err == nil { // it may be one of the server's own
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

func approve(v *visit) error { return v.decideApproval(v.api.Approve, "It is approved.") }
func deny(v *visit) error    { return v.decideApproval(v.api.Deny, "It is denied.") }
func withdraw(v *visit) error {
	return v.decideApproval(func(ctx context.Context, id, _ string) (*client.Approval, error) { return v.api.Withdraw(ctx, id) }, "The request is withdrawn.")
}

// decideApproval decides about a request, which takes a person who is there.
func (v *visit) decideApproval(decide func(ctx context.Context, id, reason string) (*client.Approval, error), done string) error {
	_, err := decide(v.r.Context(), v.r.PathValue("id"), v.form("reason"))
	if retry(err) {
		d, gone := v.approval()
		if gone != nil {
			return gone
		}
		var status int
		status, d.Problem = describe(v, err)
		return v.showApproval(status, d)
	}
	if err != nil {
		return err
	}
	return v.back("/inbox", done)
}
