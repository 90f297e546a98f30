package records

import (
	"net/http"
	"net/url"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

var auditPages = map[string]frame.Page{
	"GET /audit":         auditLog,
	"GET /audit/export":  auditExport,
	"POST /audit/verify": auditVerify,
}

// auditView is the page of the log.
type auditView struct {
	Filter url.Values // as it was filled in
	Events []client.AuditEvent
	Next   string // the address of the next page
	Tail   string // where its live part comes from
	First  bool   // no page comes before
	Report *client.AuditReport
	URL    string // of the server, for the command that checks the log elsewhere
}

// eventsPage is how many events a page has.
const eventsPage = 50

// auditFilters are the names of the filters of the log, as in its address.
var auditFilters = []string{"actor_id", "action", "outcome", "vault_id", "path", "resource_id"}

func auditLog(v *frame.Visit) error { return showAudit(v, nil) }

func showAudit(v *frame.Visit, report *client.AuditReport) error {
	q := v.R.URL.Query()
	d := auditView{Filter: url.Values{}, First: q.Get("cursor") == "", Report: report, URL: v.PublicURL()}
	for _, name := range append(auditFilters, "from", "to") {
		if text := v.Query(name); text != "" {
			d.Filter.Set(name, text)
		}
	}
	f := client.AuditFilter{
		ActorID: d.Filter.Get("actor_id"), Action: d.Filter.Get("action"), Outcome: d.Filter.Get("outcome"), VaultID: d.Filter.Get("vault_id"),
		Path: d.Filter.Get("path"), ResourceID: d.Filter.Get("resource_id"), Limit: eventsPage, Cursor: q.Get("cursor"),
		From: day(d.Filter.Get("from")), To: dayAfter(d.Filter.Get("to")),
	}
	page, err := v.API.AuditEvents(v.R.Context(), f)
	if err != nil {
		return err
	}
	d.Events = page.Events
	tail := url.Values{}
	for _, name := range auditFilters {
		if text := d.Filter.Get(name); text != "" {
			tail.Set(name, text)
		}
	}
	d.Tail = "/audit/tail?" + tail.Encode()
	if page.NextCursor != "" {
		next := url.Values{"cursor": {page.NextCursor}}
		for name, values := range d.Filter {
			next[name] = values
		}
		d.Next = "/audit?" + next.Encode()
	}
	return v.Show(http.StatusOK, "audit", v.T("Audit log"), d)
}

// day is the beginning of a day in UTC; the zero time is any.
func day(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}
	}
	return t
}

// dayAfter is the end of a day.
func dayAfter(text string) time.Time {
	t := day(text)
	if t.IsZero() {
		return t
	}
	return t.AddDate(0, 0, 1).Add(-time.Microsecond)
}

func auditVerify(v *frame.Visit) error {
	report, err := v.API.AuditVerifyFull(v.R.Context())
	if err != nil {
		return err
	}
	return showAudit(v, report)
}

// auditTail is the log as it grows: the API's own stream.
func auditTail(v *frame.Visit) error { return v.Stream("/v1/audit/tail?"+v.R.URL.Query().Encode(), "") }

// auditExport is the whole log as a file, for who checks it elsewhere.
func auditExport(v *frame.Visit) error {
	return v.Stream("/v1/audit/export", "oneclaw-audit-"+v.Now().UTC().Format(time.DateOnly)+".jsonl")
}
