package signedin

import (
	"net/http"
	"net/url"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/loopback"
)

var auditPages = map[string]page{
	"GET /audit":         auditLog,
	"GET " + tailPath:    auditTail,
	"GET /audit/export":  auditExport,
	"POST /audit/verify": auditVerify,
}

// tailPath is the log as it grows, which a browser asks for by itself.
const tailPath = "/audit/tail"

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

func auditLog(v *visit) error { return v.showAudit(nil) }

func (v *visit) showAudit(report *client.AuditReport) error {
	q := v.r.URL.Query()
	d := auditView{Filter: url.Values{}, First: q.Get("cursor") == "", Report: report, URL: v.PublicURL}
	for _, name := range append(auditFilters, "from", "to") {
		if text := v.query(name); text != "" {
			d.Filter.Set(name, text)
		}
	}
	f := client.AuditFilter{
		ActorID: d.Filter.Get("actor_id"), Action: d.Filter.Get("action"), Outcome: d.Filter.Get("outcome"), VaultID: d.Filter.Get("vault_id"),
		Path: d.Filter.Get("path"), ResourceID: d.Filter.Get("resource_id"), Limit: eventsPage, Cursor: q.Get("cursor"),
		From: day(d.Filter.Get("from")), To: dayAfter(d.Filter.Get("to")),
	}
	page, err := v.api.AuditEvents(v.r.Context(), f)
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
	return v.show(http.StatusOK, "audit", v.t("Audit log"), d)
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

func auditVerify(v *visit) error {
	report, err := v.api.AuditVerifyFull(v.r.Context())
	if err != nil {
		return err
	}
	return v.showAudit(report)
}

// auditTail is the log as it grows: the API's own stream.
func auditTail(v *visit) error { return v.stream("/v1/audit/tail?"+v.r.URL.Query().Encode(), "") }

// auditExport is the whole log as a file, for who checks it elsewhere.
func auditExport(v *visit) error {
	return v.stream("/v1/audit/export", "oneclaw-audit-"+v.Now().UTC().Format(time.DateOnly)+".jsonl")
}

// stream passes an answer of the API on as it comes, as a file where it has a name.
func (v *visit) stream(path, file string) error {
	_, token, err := v.Logins.Browse(v.r.Context(), v.cookie, false, v.Now())
	if err != nil {
		return err
	}
	defer token.Wipe()
	r, err := http.NewRequestWithContext(v.r.Context(), http.MethodGet, path, http.NoBody)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+string(token.Reveal()))
	r.Header.Set("User-Agent", v.r.UserAgent())
	if file != "" {
		v.w.Header().Set("Content-Disposition", `attachment; filename="`+file+`"`)
	}
	loopback.New(v.API, v.r, v.Log).Serve(v.w, r)
	return nil
}
