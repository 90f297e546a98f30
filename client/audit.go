package client

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// AuditEvent is one entry of the audit log.
type AuditEvent struct {
	ID            string          `json:"id"`
	Action        string          `json:"action"`
	ActorID       string          `json:"actor_id"`
	ActorType     string          `json:"actor_type"`
	ActorName     string          `json:"actor_name,omitempty"` // as it is now, to who manages the organisation
	ResourceType  string          `json:"resource_type"`
	ResourceID    string          `json:"resource_id"`
	OrgID         string          `json:"org_id"`
	Details       json.RawMessage `json:"details,omitempty"`
	IPAddress     string          `json:"ip_address,omitempty"`
	CreatedAt     time.Time       `json:"created_at"`
	PrevEventID   string          `json:"prev_event_id,omitempty"`
	IntegrityHash string          `json:"integrity_hash,omitempty"`
}

// AuditFilter picks events; zero fields pick all. Limit 0 is the server's default.
type AuditFilter struct {
	ResourceID, ActorID, Action string
	Outcome                     string // success, denied, failed or error
	VaultID, Path               string // what was done in a vault, and to a path
	From, To                    time.Time
	Limit, Offset               int
	Cursor                      string // NextCursor of the page before; then without an offset
}

func (f AuditFilter) query() url.Values {
	q := url.Values{}
	set := func(k, v string) {
		if v != "" {
			q.Set(k, v)
		}
	}
	set("resource_id", f.ResourceID)
	set("actor_id", f.ActorID)
	set("action", f.Action)
	set("outcome", f.Outcome)
	set("vault_id", f.VaultID)
	set("path", f.Path)
	set("cursor", f.Cursor)
	if !f.From.IsZero() {
		set("from", f.From.UTC().Format(time.RFC3339Nano))
	}
	if !f.To.IsZero() {
		set("to", f.To.UTC().Format(time.RFC3339Nano))
	}
	if f.Limit > 0 {
		set("limit", strconv.Itoa(f.Limit))
	}
	if f.Offset > 0 {
		set("offset", strconv.Itoa(f.Offset))
	}
	return q
}

// AuditPage is one part of the log, newest event first. NextCursor is empty in the last.
type AuditPage struct {
	Events     []AuditEvent `json:"events"`
	Count      int64        `json:"count"`
	NextCursor string       `json:"next_cursor,omitempty"`
}

// AuditEvents returns the events that f picks.
func (c *Client) AuditEvents(ctx context.Context, f AuditFilter) (*AuditPage, error) {
	out := new(AuditPage)
	return got(out, c.call(ctx, request{method: http.MethodGet, path: "/v1/audit/events",
		query: f.query(), repeatable: true}, out))
}

// AuditAll goes through all events that f picks, newest first. f.Limit is the size
// of a page. Events that arrive meanwhile are not given: from a server without cursors,
// where they push old ones to later pages, each is given once.
func (c *Client) AuditAll(ctx context.Context, f AuditFilter) iter.Seq2[AuditEvent, error] {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	return func(yield func(AuditEvent, error) bool) {
		before := map[string]bool{}
		for {
			page, err := c.AuditEvents(ctx, f)
			if err != nil {
				yield(AuditEvent{}, err)
				return
			}
			now := make(map[string]bool, len(page.Events))
			for _, e := range page.Events {
				now[e.ID] = true
				if !before[e.ID] && !yield(e, nil) {
					return
				}
			}
			// A server may serve shorter pages than asked for: only an empty one ends.
			if len(page.Events) == 0 {
				return
			}
			switch {
			case page.NextCursor != "":
				f.Cursor, f.Offset = page.NextCursor, 0
			case f.Cursor != "":
				return
			default:
				f.Offset += len(page.Events)
			}
			before = now
		}
	}
}

// AuditReport is the server's own check of the log.
type AuditReport struct {
	OK     bool  `json:"ok"`
	Events int64 `json:"events"`
	// FromSeq is the first event that was checked now. Those before it were found
	// whole earlier, since the server started.
	FromSeq         int64  `json:"from_seq,omitempty"`
	FirstBadEventID string `json:"first_bad_event_id,omitempty"`
	FirstBadSeq     int64  `json:"first_bad_seq,omitempty"`
	UnknownKey      string `json:"unknown_key,omitempty"` // of an export: the key that a checkpoint names, and that was not given
	Problem         string `json:"problem,omitempty"`
	Checkpoints     int64  `json:"checkpoints"`
	// SignedSeq is the last event that a signature confirms. What comes after it
	// could still be cut off by who can write to the database.
	SignedSeq int64 `json:"signed_seq"`
}

// AuditVerify asks the server to check the log, from the last checkpoint up to
// which it found it whole since it started.
func (c *Client) AuditVerify(ctx context.Context) (*AuditReport, error) {
	out := new(AuditReport)
	return got(out, c.call(ctx, request{method: http.MethodGet, path: "/v1/audit/verify", repeatable: true}, out))
}

// AuditVerifyFull asks the server to check the log from the first event on.
func (c *Client) AuditVerifyFull(ctx context.Context) (*AuditReport, error) {
	out := new(AuditReport)
	return got(out, c.call(ctx, request{method: http.MethodGet, path: "/v1/audit/verify?full=true", repeatable: true}, out))
}

// AuditExport streams the log as JSON lines, for an offline check. The caller
// closes it. Only ctx bounds its time, and nothing bounds its length.
func (c *Client) AuditExport(ctx context.Context) (io.ReadCloser, error) {
	r, err := c.send(ctx, request{method: http.MethodGet, path: "/v1/audit/export", stream: true, repeatable: true})
	if err != nil {
		return nil, err
	}
	return r.Body, nil
}

// AuditKeys returns the public keys that confirm the log, by id. Keep them apart
// from the server: an export is checked with them.
func (c *Client) AuditKeys(ctx context.Context) (map[string]string, error) {
	var out map[string]string
	err := c.read(ctx, &out, "audit", "keys")
	return out, err
}
