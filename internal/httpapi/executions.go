package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/broker"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/executor"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

type executeRequest struct {
	agentPath
	Body struct {
		Binding string     `json:"binding" maxLength:"128" doc:"Its name or id."`
		Intent  string     `json:"intent_type" maxLength:"64" doc:"http, graphql or postgres; http_request, graphql_query and postgres_query mean the same."`
		Params  jsonObject `json:"params" doc:"Of http: method, path (below base_url) or url, query, headers, body. Of graphql: query, variables, operation_name. Of postgres: query, one statement with $1, $2, and params, a list of their values."`
		Mode    *string    `json:"execution_mode,omitempty" nullable:"true" maxLength:"64" doc:"vault."`
	}
}

// executedBody is what became of an execution, without any credential.
type executedBody struct {
	ID         string      `json:"execution_id" format:"uuid"`
	Status     string      `json:"status" enum:"success,error" doc:"success: the other server answered, whatever it said."`
	Result     *resultBody `json:"result,omitempty" doc:"Of http and graphql status, headers and body; of postgres columns and rows."`
	Error      *string     `json:"error,omitempty"`
	Duration   int64       `json:"duration_ms"`
	Redactions int64       `json:"redactions_applied" doc:"How many times the credential stood in the answer."`
	Surface    string      `json:"execution_surface" enum:"vault"`
}

type resultBody struct {
	Status    int                `json:"status,omitzero" doc:"The other server's HTTP status."`
	Headers   *map[string]string `json:"headers,omitzero"`
	Body      *string            `json:"body,omitzero"`
	Encoding  string             `json:"body_encoding,omitempty" doc:"base64 where the body is no text."`
	Truncated bool               `json:"truncated,omitzero" doc:"The answer is longer than the 1 MiB, or has more rows than the max_rows, that are handed back."`
	Columns   *[]columnBody      `json:"columns,omitzero" doc:"Of a statement without columns an empty list."`
	Rows      *[][]*string       `json:"rows,omitzero" doc:"Values as PostgreSQL writes them; null is NULL."`
	Command   string             `json:"command,omitempty" doc:"What the database did: SELECT, UPDATE."`
	Count     *int64             `json:"row_count,omitzero" doc:"How many rows the statement had or changed. Of a cut answer it is left out."`
}

type columnBody struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty" doc:"As PostgreSQL names it; left out where it is a type of that database."`
}

func executedOf(e *executor.Execution, a *executor.Result) executedBody {
	out := executedBody{ID: e.ID, Status: e.Status, Error: present(e.Detail), Duration: e.Took.Milliseconds(), Redactions: e.Redactions, Surface: "vault"}
	switch {
	case e.Status != executor.Success:
	case a.Table != nil:
		out.Result = tableOf(a.Table)
	default:
		got := answeredOf(&a.Answer)
		out.Result = &resultBody{Status: got.Status, Headers: &got.Headers, Body: &got.Body, Encoding: got.Encoding, Truncated: got.Truncated}
	}
	return out
}

func tableOf(t *broker.Table) *resultBody {
	columns, rows := make([]columnBody, len(t.Columns)), t.Rows
	for i, c := range t.Columns {
		columns[i] = columnBody(c)
	}
	if rows == nil {
		rows = [][]*string{}
	}
	out := &resultBody{Columns: &columns, Rows: &rows, Command: t.Command, Truncated: t.Truncated}
	if t.Command != "" {
		out.Count = &t.Count
	}
	return out
}

type requestSummary struct {
	Method string `json:"method" doc:"Of postgres the first word of the statement."`
	Host   string `json:"host"`
	Path   string `json:"path_template,omitempty" doc:"The pattern of allowed_paths that the path was within."`
}

type resultSummary struct {
	Status int    `json:"status,omitzero" doc:"The other server's HTTP status."`
	Bytes  int64  `json:"bytes"`
	Rows   *int64 `json:"rows,omitzero" doc:"Of postgres how many rows the statement had or changed."`
}

// executionBody is an execution in a list: no query, no body, no value.
type executionBody struct {
	ID         string         `json:"id" format:"uuid"`
	AgentID    string         `json:"agent_id" format:"uuid"`
	BindingID  string         `json:"binding_id" format:"uuid"`
	Binding    *string        `json:"binding_name" nullable:"true" doc:"As it is called now; null once it is gone."`
	Intent     string         `json:"intent_type"`
	Mode       string         `json:"execution_mode" enum:"vault"`
	Status     string         `json:"status" enum:"running,success,error"`
	Request    requestSummary `json:"request_summary"`
	Result     *resultSummary `json:"result_summary,omitempty"`
	Error      *string        `json:"error_message,omitempty" doc:"The code of the error; interrupted: the server stopped while the other one answered."`
	Duration   int64          `json:"duration_ms"`
	Redactions int64          `json:"redactions_applied"`
	CreatedAt  time.Time      `json:"created_at"`
}

func executionOf(e *executor.Execution) executionBody {
	out := executionBody{
		ID: e.ID, AgentID: e.Agent, BindingID: e.Binding, Binding: present(e.Named), Intent: e.Intent, Mode: "vault", Status: e.Status, Error: present(e.Error),
		Request: requestSummary{Method: e.Method, Host: e.Host, Path: e.Template}, Duration: e.Took.Milliseconds(), Redactions: e.Redactions, CreatedAt: e.At,
	}
	if e.Answered != 0 || e.Status == executor.Success {
		out.Result = &resultSummary{Status: e.Answered, Bytes: e.Bytes}
		if e.Rows >= 0 {
			out.Result.Rows = &e.Rows
		}
	}
	return out
}

type executionList struct {
	Events []executionBody `json:"events"`
}

type listExecutions struct {
	agentPath
	Limit  int `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Offset int `query:"offset" minimum:"0" maximum:"10000" default:"0"`
}

func (a *API) registerExecutions() {
	const tag = "Use without seeing"
	handle(a, op{
		method: http.MethodPost, path: "/v1/agents/{agent_id}/execute", id: "execute", tag: tag,
		summary: "Have a request sent with the credential of a binding; the answer shows none of it", action: policy.Execute,
		errors: []int{http.StatusConflict, http.StatusUnprocessableEntity},
	}, func(ctx context.Context, c *call.Call, in *executeRequest) (*body[executedBody], error) {
		b := &in.Body
		e, got, err := a.executor.Execute(ctx, c, in.AgentID, executor.Asked{Binding: b.Binding, Intent: b.Intent, Mode: deref(b.Mode), Params: b.Params})
		return answer(executedOf(&e, &got), err)
	})
	handle(a, op{
		method: http.MethodGet, path: "/v1/agents/{agent_id}/executions", id: "list-executions", tag: tag,
		summary: "What an agent executed in the last 30 days, the newest first", action: policy.ListExecutions,
	}, func(ctx context.Context, c *call.Call, in *listExecutions) (*body[executionList], error) {
		all, err := a.executor.Executions(ctx, c, in.AgentID, in.Limit, in.Offset)
		out := executionList{Events: []executionBody{}}
		for i := range all {
			out.Events = append(out.Events, executionOf(&all[i]))
		}
		return answer(out, err)
	})
}
