package store

import (
	"context"
	"database/sql"
	"math"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/activity"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
)

// thousandths is a score between 0 and 1 as it is stored.
func thousandths(score float64) int64 { return int64(math.Round(min(max(score, 0), 1) * 1000)) }

func (tx Tx) addRequest(r *activity.Request) error {
	err := tx.Last(commit.Stmt{Query: `INSERT INTO shroud_activity (id, org_id, agent_id, provider, model, action, request_tokens, response_tokens, cache_read, cache_write,
		latency_ms, secrets_redacted, pii_detected, content_filtered, injection, answer_injection, violations, hosts, cost, basis, cut, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)`, Args: []any{
		r.ID, r.Org, r.Agent, r.Provider, r.Model, string(r.Action), r.RequestTokens, r.ResponseTokens, r.CacheRead, r.CacheWrite,
		r.Latency.Milliseconds(), number(r.SecretsRedacted), number(r.PII), number(r.Filtered), thousandths(r.Injection), thousandths(r.AnswerInjection),
		listText(r.Violations), listText(r.Hosts), int64(r.Cost), string(r.Basis), r.Cut, micros(r.At),
	}})
	for _, f := range r.Findings {
		if err == nil {
			err = tx.Last(commit.Stmt{Query: `INSERT INTO shroud_findings (activity_id, detector, effect, org_id, agent_id, found, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
				ON CONFLICT (activity_id, detector, effect) DO UPDATE SET found = shroud_findings.found + excluded.found`,
				Args: []any{r.ID, f.Detector, string(f.Effect), r.Org, r.Agent, f.Count, micros(r.At)}})
		}
	}
	if err == nil && r.Text != nil {
		err = tx.addFlagged(r.Text)
	}
	return err
}

// picked is a condition for rows of shroud_activity and shroud_findings that q picks. Its arguments
// are pickedArgs, $1 to $3.
const picked = `org_id = $1 AND ($2 = '' OR agent_id = $2) AND ($3 = '' OR agent_id IN (SELECT id FROM agents WHERE org_id = $1 AND created_by = $3))`

func pickedArgs(q *activity.Query, more ...any) []any {
	return append([]any{q.Org, q.Agent, q.OfCreator}, more...)
}

const requestColumns = `id, org_id, agent_id, COALESCE((SELECT name FROM agents WHERE agents.id = shroud_activity.agent_id), ''), provider, model, action,
	request_tokens, response_tokens, cache_read, cache_write, latency_ms, secrets_redacted, pii_detected, content_filtered, injection, answer_injection,
	violations, hosts, cost, basis, cut, at`

func scanRequest(rows *sql.Rows) (activity.Request, error) {
	var r activity.Request
	var latency, secrets, pii, filtered, injection, answer, at int64
	var violations, hosts string
	err := rows.Scan(&r.ID, &r.Org, &r.Agent, &r.AgentName, &r.Provider, &r.Model, &r.Action, &r.RequestTokens, &r.ResponseTokens, &r.CacheRead, &r.CacheWrite,
		&latency, &secrets, &pii, &filtered, &injection, &answer, &violations, &hosts, &r.Cost, &r.Basis, &r.Cut, &at)
	if err == nil {
		err = readList(violations, &r.Violations)
	}
	if err == nil {
		err = readList(hosts, &r.Hosts)
	}
	r.Latency, r.At = time.Duration(latency)*time.Millisecond, fromMicros(at)
	r.SecretsRedacted, r.PII, r.Filtered = secrets != 0, pii != 0, filtered != 0
	r.Injection, r.AnswerInjection = float64(injection)/1000, float64(answer)/1000
	return r, err
}

// filtered is the rows of shroud_activity that q picks with all that it has. Its arguments are
// filteredArgs, $1 to $7.
const filtered = ` FROM shroud_activity WHERE ` + picked + ` AND ($4 = '' OR action = $4) AND ($5 = '' OR provider = $5)
	AND ($6 = '' OR EXISTS (SELECT 1 FROM shroud_findings WHERE activity_id = shroud_activity.id AND detector = $6)) AND at >= $7`

func filteredArgs(q *activity.Query, more ...any) []any {
	var from int64
	if !q.From.IsZero() {
		from = micros(q.From)
	}
	return append(pickedArgs(q, string(q.Action), q.Provider, q.Detector, from), more...)
}

// Counts implements activity.Store.
func (db *DB) Counts(ctx context.Context, q activity.Query, step time.Duration) (out []activity.Slot, err error) {
	if err := db.CatchUp(ctx, q.Org); err != nil {
		return nil, err
	}
	err = db.Each(ctx, `SELECT (at - $7) / $8, provider, COUNT(*), CAST(SUM(CASE WHEN EXISTS (SELECT 1 FROM shroud_findings WHERE activity_id = shroud_activity.id)
		THEN 1 ELSE 0 END) AS BIGINT)`+filtered+` GROUP BY 1, 2 ORDER BY 1, 2`, filteredArgs(&q, step.Microseconds()), func(rows *sql.Rows) error {
		var s activity.Slot
		var n int64
		err := rows.Scan(&n, &s.Provider, &s.Requests, &s.Found)
		s.At = q.From.Add(time.Duration(n) * step)
		out = append(out, s)
		return err
	})
	return out, err
}

// Requests implements activity.Store.
func (db *DB) Requests(ctx context.Context, q activity.Query) (out []activity.Request, total int64, err error) {
	if err := db.CatchUp(ctx, q.Org); err != nil { // what this node has served is there
		return nil, 0, err
	}
	if _, err := db.Row(ctx, `SELECT COUNT(*)`+filtered, filteredArgs(&q), &total); err != nil {
		return nil, 0, err
	}
	err = db.Each(ctx, `SELECT `+requestColumns+filtered+` ORDER BY at DESC, id DESC LIMIT $8 OFFSET $9`, filteredArgs(&q, q.Limit, q.Offset),
		func(rows *sql.Rows) error {
			r, err := scanRequest(rows)
			out = append(out, r)
			return err
		})
	at := map[string]int{}
	for i := range out {
		at[out[i].ID] = i
	}
	if err != nil || len(out) == 0 {
		return out, total, err
	}
	err = db.Each(ctx, `SELECT activity_id, detector, effect, found FROM shroud_findings WHERE activity_id IN (SELECT id`+filtered+` ORDER BY at DESC, id DESC LIMIT $8 OFFSET $9)
		ORDER BY detector, effect`, filteredArgs(&q, q.Limit, q.Offset), func(rows *sql.Rows) error {
		var id string
		var f activity.Finding
		err := rows.Scan(&id, &f.Detector, &f.Effect, &f.Count)
		if i, there := at[id]; there { // others may have come meanwhile
			out[i].Findings = append(out[i].Findings, f)
		}
		return err
	})
	return out, total, err
}

// Summary implements activity.Store.
func (db *DB) Summary(ctx context.Context, q activity.Query, before, from time.Time) (s activity.Summary, err error) {
	if err := db.CatchUp(ctx, q.Org); err != nil {
		return s, err
	}
	_, err = db.Row(ctx, `SELECT COUNT(*), COALESCE(SUM(CASE WHEN action = 'blocked' THEN 1 ELSE 0 END), 0), COUNT(DISTINCT agent_id)
		FROM shroud_activity WHERE `+picked+` AND at >= $4`, pickedArgs(&q, micros(from)), &s.Requests, &s.Blocked, &s.Agents)
	if err == nil {
		_, err = db.Row(ctx, `SELECT COUNT(*) FROM shroud_activity WHERE `+picked+` AND at >= $4 AND at < $5`, pickedArgs(&q, micros(before), micros(from)), &s.Before)
	}
	if err == nil {
		err = db.Each(ctx, `SELECT detector, CAST(SUM(CASE WHEN effect = 'blocked' THEN found ELSE 0 END) AS BIGINT), CAST(SUM(CASE WHEN effect = 'redacted' THEN found ELSE 0 END) AS BIGINT),
			CAST(SUM(CASE WHEN effect = 'warned' THEN found ELSE 0 END) AS BIGINT), CAST(SUM(CASE WHEN effect = 'logged' THEN found ELSE 0 END) AS BIGINT) FROM shroud_findings WHERE `+picked+` AND at >= $4 GROUP BY detector ORDER BY detector`,
			pickedArgs(&q, micros(from)), func(rows *sql.Rows) error {
				var d activity.Detected
				err := rows.Scan(&d.Detector, &d.Blocked, &d.Redacted, &d.Warned, &d.Logged)
				s.Detectors = append(s.Detectors, d)
				return err
			})
	}
	if err == nil {
		err = db.Each(ctx, `SELECT `+requestColumns+` FROM shroud_activity WHERE `+picked+` AND at >= $4 AND action IN ('logged', 'warned', 'redacted', 'blocked')
			ORDER BY at DESC, id DESC LIMIT $5`, pickedArgs(&q, micros(from), q.Limit), func(rows *sql.Rows) error {
			r, err := scanRequest(rows)
			s.Flagged = append(s.Flagged, r)
			return err
		})
	}
	return s, err
}
