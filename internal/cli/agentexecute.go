package cli

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

func (c *cli) agentExecute() *cobra.Command {
	var method, data, query, variables, sql string
	var headers, params, values []string
	var how shownAnswer
	cmd := &cobra.Command{
		Use:   "execute BINDING [PATH]",
		Short: "As an agent, have a request sent with the credential of a binding, which is not shown",
		Long: `As an agent, have a request sent with the credential of a binding: see ` + "`oneclaw agent bindings`" + `.
PATH is below the binding's URL, or a whole address at a host of the binding. What is printed is the answer, with the credential taken
out. --json prints status, headers and body. With --graphql the binding is one of GraphQL,
with --sql one of a PostgreSQL database: one statement, with $1, $2 for the values of --param.
Its rows are printed.`,
		Example: `  oneclaw agent execute stripe /charges --query limit=3
  oneclaw agent execute linear --graphql '{ viewer { name } }'
  oneclaw agent execute shop --sql 'SELECT id, total FROM orders WHERE customer = $1' --param ada`,
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			if sql != "" || len(values) > 0 {
				if sql == "" || len(a) > 1 || method+data+query+variables != "" || len(headers)+len(params) > 0 {
					return console.Usage("--sql goes with --param alone.")
				}
				return c.execute(ctx, cl, statementOf(a[0], sql, values), how)
			}
			r, err := c.executionOf(a, method, data, query, variables, headers, params)
			if err != nil {
				return err
			}
			return c.execute(ctx, cl, r, how)
		}),
	}
	cmd.Args = func(_ *cobra.Command, given []string) error {
		if len(given) < 1 || len(given) > 2 {
			return console.Usage("This takes BINDING and perhaps PATH.")
		}
		return nil
	}
	f := cmd.Flags()
	f.StringVarP(&method, "method", "X", "", "GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS (GET; POST with --data)")
	f.StringArrayVarP(&headers, "header", "H", nil, "a header, as 'NAME: VALUE'")
	f.StringArrayVar(&params, "query", nil, "a query parameter, as NAME=VALUE")
	f.StringVarP(&data, "data", "d", "", dataUsage)
	how.flags(f)
	f.StringVar(&query, "graphql", "", "a document of GraphQL")
	f.StringVar(&variables, "variables", "", "its variables: a JSON object")
	f.StringVar(&sql, "sql", "", "one statement for a PostgreSQL database")
	f.StringArrayVar(&values, "param", nil, "a value of the statement, in the order of $1, $2")
	return cmd
}

func (c *cli) execute(ctx context.Context, cl *client.Client, r client.ExecutionRequest, how shownAnswer) error {
	me, err := cl.AgentMe(ctx)
	if err != nil {
		return err
	}
	got, err := cl.Execute(ctx, me.ID, r)
	if e, ok := errors.AsType[*client.Error](err); ok && e.Code == "intent_type_not_supported" {
		return console.Usage(ofAnotherType(ctx, cl, me.ID, r.Binding))
	}
	if err != nil {
		return err
	}
	return c.printExecuted(got, how)
}

// ofAnotherType says which flag a binding takes that was used with another.
func ofAnotherType(ctx context.Context, cl *client.Client, agent, binding string) string {
	const all = "--sql is for a binding of a database, --graphql for one of GraphQL, and PATH, or nothing, for one of HTTP."
	list, err := cl.AgentBindings(ctx, agent)
	i := slices.IndexFunc(list, func(b client.AgentBinding) bool { return b.Name == binding || b.ID == binding })
	if err != nil || i < 0 {
		return "The binding is of another type: " + all
	}
	switch list[i].BindingType {
	case "postgres":
		return "The binding is one of a PostgreSQL database: give the statement with --sql."
	case "graphql":
		return "The binding is one of GraphQL: give the document with --graphql."
	case "http":
		return "The binding is one of HTTP: give the path below its URL as PATH, without --sql and --graphql."
	}
	return "The binding is of another type: " + all
}

func statementOf(binding, sql string, values []string) client.ExecutionRequest {
	text, err := json.Marshal(map[string]any{"query": sql, "params": values})
	if err != nil {
		panic("cli: texts do not marshal") // they always do
	}
	return client.ExecutionRequest{Binding: binding, Intent: "postgres", Params: text}
}

func (c *cli) executionOf(a []string, method, data, query, variables string, headers, params []string) (r client.ExecutionRequest, err error) {
	all := map[string]any{}
	r.Binding, r.Intent = a[0], "http"
	if query != "" {
		if method != "" || data != "" || len(headers) > 0 || len(params) > 0 || len(a) > 1 {
			return r, console.Usage("--graphql goes with --variables alone.")
		}
		r.Intent, all["query"] = "graphql", query
		if variables != "" {
			all["variables"] = json.RawMessage(variables)
		}
		if r.Params, err = json.Marshal(all); err != nil {
			err = console.Usage("--variables takes a JSON object.")
		}
		return r, err
	}
	if variables != "" {
		return r, console.Usage("--variables goes with --graphql.")
	}
	if len(a) > 1 {
		at := "path"
		if strings.HasPrefix(a[1], "https://") || strings.HasPrefix(a[1], "http://") {
			at = "url"
		}
		all[at] = a[1]
	}
	given, err := headersOf(headers)
	if err != nil {
		return r, err
	}
	if data, err = c.bodyOf(data, given); err != nil {
		return r, err
	}
	all["headers"] = given
	if all["query"], err = pairs(params, "=", "--query takes NAME=VALUE."); err != nil {
		return r, err
	}
	if data != "" {
		all["body"] = data
		if method == "" {
			method = http.MethodPost
		}
	}
	if method != "" {
		all["method"] = method
	}
	r.Params, err = json.Marshal(all)
	return r, err
}

func (c *cli) printExecuted(got *client.Executed, how shownAnswer) error {
	if got.Result == nil {
		if c.JSON {
			if err := c.PrintJSON(got); err != nil {
				return err
			}
		}
		return fault.New(fault.Unprocessable, "answer_is_failure", got.Error)
	}
	r := got.Result
	if r.Columns != nil {
		if c.JSON {
			return c.PrintJSON(got)
		}
		return c.printRows(r)
	}
	return c.showAnswer(got, &client.HTTPAnswer{Status: r.Status, Headers: r.Headers, Body: r.Body, Truncated: r.Truncated}, how)
}

func (c *cli) printRows(r *client.ExecutionResult) error {
	if len(r.Columns) == 0 {
		if r.Count != nil {
			c.Warn(r.Command + " " + strconv.FormatInt(*r.Count, 10))
		}
		return nil
	}
	head := make([]string, len(r.Columns))
	for i, col := range r.Columns {
		head[i] = console.Clean(col.Name)
	}
	rows := make([][]string, len(r.Rows))
	for i, row := range r.Rows {
		rows[i] = make([]string, len(row))
		for j, v := range row {
			if v != nil {
				rows[i][j] = *v
			}
		}
	}
	if r.Truncated {
		c.Warn("There are more rows than are shown.")
	}
	return c.PrintRows(head, rows, "No rows.")
}

var kindExecution = newKind("execution", "executions", "execution_not_found", "oneclaw agent executions AGENT")

// mostExecutions is how many executions of an agent the server lists.
const mostExecutions = 200

// anyExecutionID finds one of the newest executions of any agent that the caller may see.
func anyExecutionID(ctx context.Context, cl *client.Client, ref string) (string, error) {
	executes := func(a *client.Agent) bool { return a.ExecutionEnabled != nil && *a.ExecutionEnabled }
	return ofAnyAgent(ctx, cl, kindExecution, executes, func(agent string) (string, error) {
		return found(kindExecution, ref, func() ([]client.Execution, error) { return cl.Executions(ctx, agent, mostExecutions) }, func(e client.Execution) candidate {
			return candidate{id: e.ID, note: e.Status + " of " + e.Binding}
		})
	})
}

func (c *cli) agentExecutions() *cobra.Command {
	var limit int
	cmd := c.wideFlag(&cobra.Command{
		Use:   "executions AGENT",
		Short: "List what an agent executed in the last 30 days: when, status, binding, request, answer, duration, id",
		Long: `List what an agent executed in the last 30 days. ` + "`oneclaw audit list --resource ID`" + ` shows an
execution in the log, of the newest 200 of an agent also by the short id that is listed.`,
		Args: args("AGENT"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			id, err := c.theAgent(ctx, cl, a[0])
			if err != nil {
				return err
			}
			all, err := cl.Executions(ctx, id, limit)
			return list(c, "events", all, err, []string{"WHEN", "STATUS", "BINDING", "METHOD", "HOST", "PATH", "ANSWER", "MS", "REDACTED", "ID"}, "No executions.", func(e client.Execution) []string {
				answer := e.Error
				switch {
				case e.Result != nil && e.Result.Rows != nil:
					answer = strconv.FormatInt(*e.Result.Rows, 10) + " rows"
				case e.Result != nil && e.Result.Status != 0:
					answer = strconv.Itoa(e.Result.Status)
				}
				return []string{c.When(e.CreatedAt), e.Status, e.Binding, e.Request.Method, e.Request.Host, e.Request.Path, answer, strconv.FormatInt(e.DurationMS, 10), strconv.FormatInt(e.Redactions, 10), c.Short(e.ID)}
			})
		}),
	})
	cmd.Flags().IntVar(&limit, "limit", 50, "how many, 200 at most")
	return cmd
}
