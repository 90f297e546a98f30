package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/child"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/cli/session"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// The exit codes.
const (
	ExitOK              = 0
	ExitFailure         = 1
	ExitUsage           = 2
	ExitUnauthenticated = 3
	ExitDenied          = 4
	ExitNotFound        = 5
	// As shells have them, of a program that was to be run.
	ExitNotRun    = 126
	ExitNoProgram = 127
)

// Execute runs a root command made by New with the arguments, reports an error on
// stderr, in one line but where a terminal is narrower, and returns the exit code.
func Execute(ctx context.Context, root *cobra.Command, arguments []string) int {
	c, _ := root.Context().Value(stateKey{}).(*cli)
	root.SetArgs(arguments)
	var err error
	if asksForHelp(arguments) {
		_, err = askedFor(root, arguments)
	}
	if err == nil {
		err = root.ExecuteContext(ctx)
	}
	if err == nil {
		return ExitOK
	}
	if code, ok := errors.AsType[exited](err); ok {
		return int(code)
	}
	r := c.explain(ctx, err)
	if one, ok := errors.AsType[*ofOne](err); ok && r.code != "interrupted" {
		r.message = one.which + ": " + r.message
	}
	asJSON := c.JSON
	for _, a := range arguments { // a wrong flag before --json ends parsing early
		asJSON = asJSON || a == "--json"
	}
	r.write(c.Console, asJSON)
	return r.exit
}

// asksForHelp reports whether a flag asks for help: then no argument would be looked at.
func asksForHelp(arguments []string) bool {
	for _, a := range arguments {
		switch a {
		case "--":
			return false
		case "-h", "--help":
			return true
		}
	}
	return false
}

// report is an error as the user sees it.
type report struct {
	exit      int
	code      string
	message   string
	status    int
	requestID string
}

func (r report) write(c *console.Console, asJSON bool) {
	if !asJSON {
		fmt.Fprintln(c.Stderr, c.WrapFor(c.Stderr, "oneclaw: "+console.Clean(r.message), ""))
		return
	}
	type body struct {
		Code      string `json:"code"`
		Message   string `json:"message"`
		Status    int    `json:"status,omitempty"`
		RequestID string `json:"request_id,omitempty"`
		ExitCode  int    `json:"exit_code"`
	}
	_ = json.NewEncoder(c.Stderr).Encode(map[string]body{"error": {r.code, r.message, r.status, r.requestID, r.exit}})
}

// explain turns an error into what happened, what to do about it and an exit code.
func (c *cli) explain(ctx context.Context, err error) report {
	if ctx.Err() != nil {
		return report{exit: ExitFailure, code: "interrupted", message: "Interrupted."}
	}
	if e, ok := errors.AsType[*client.Error](err); ok {
		return c.explainReply(e)
	}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		r := report{exit: ExitFailure, code: e.Code, message: e.Detail}
		if e.Err != nil {
			r.message = console.Sentence(e.Detail) + " (" + e.Err.Error() + ")"
		}
		switch e.Code {
		case child.CodeNone:
			r.exit = ExitNoProgram
			return r
		case child.CodeNotStarted:
			r.exit = ExitNotRun
			return r
		}
		switch e.Kind {
		case fault.Invalid:
			r.exit = ExitUsage
		case fault.Unauthenticated:
			r.exit = ExitUnauthenticated
		case fault.Denied:
			r.exit = ExitDenied
		case fault.NotFound, fault.Gone:
			r.exit = ExitNotFound
		default: // ExitFailure stands
		}
		return r
	}
	if !c.running {
		return report{exit: ExitUsage, code: "usage", message: console.Capital(console.Sentence(err.Error()))}
	}
	return report{exit: ExitFailure, code: "failure", message: err.Error()}
}

func (c *cli) explainReply(e *client.Error) report {
	r := report{exit: ExitFailure, code: e.Code, status: e.Status, requestID: e.RequestID}
	text := inCommandWords(e)
	hint := ""
	switch e.Status {
	case 0:
		if e.Code == client.CodeUnreachable {
			hint = "Is the server running, and is the address right?"
		}
	case http.StatusBadRequest:
		if ofUsage(e) {
			r.exit = ExitUsage
		}
		if e.Code == client.CodeInvalidPath && e.RequestID == "" || e.Code == client.CodeInvalidValue {
			r.status = 0 // it was never sent
		}
	case http.StatusUnauthorized:
		r.exit, hint = ExitUnauthenticated, c.loginHint()
	case http.StatusForbidden:
		r.exit = ExitDenied
	case http.StatusNotFound, http.StatusGone:
		r.exit = ExitNotFound
		switch e.Code {
		case codeNoSecret:
			hint = console.Quote("oneclaw secret list") + " shows those that you may see."
		case "chain_not_found":
			hint = "See " + console.Quote("oneclaw chain list") + "."
		}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if e.RetryAfter > 0 {
			hint = "Try again in " + inWords(e.RetryAfter) + "."
		}
	}
	r.message = console.Sentence(text)
	if hint != "" {
		r.message += " " + hint
	}
	return r
}

// ofUsage tells a request that could never do from one that does not fit what is there.
func ofUsage(e *client.Error) bool {
	for _, beginning := range []string{"invalid_", "missing_", "unknown_"} {
		if strings.HasPrefix(e.Code, beginning) {
			return true
		}
	}
	return len(e.Fields()) > 0
}

// loginHint says how to get a good credential in place of the one in use.
func (c *cli) loginHint() string {
	for _, name := range session.CredentialVars {
		if c.Getenv(name) != "" {
			return "Check " + name + "."
		}
	}
	return "Run " + console.Quote("oneclaw login") + "."
}
