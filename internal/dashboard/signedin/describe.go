package signedin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/client"
)

// describe is what went wrong, in words for people, with the status to show it with.
func describe(v *visit, err error) (status int, problem string) {
	var e *client.Error
	if !errors.As(err, &e) {
		return http.StatusInternalServerError, v.t("Something went wrong here.")
	}
	status, problem = e.Status, e.Detail
	if status < 400 {
		status = http.StatusBadGateway
	}
	for _, f := range e.Fields() {
		problem += " " + f.Message
	}
	return status, problem
}

// codeOf is the code of a refusal; other errors have an empty one.
func codeOf(err error) string {
	var e *client.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// retry reports whether an error is of what somebody filled in, so that the form is shown
// again with it. The others go to the page of errors, or to the form of a login.
func retry(err error) bool {
	var e *client.Error
	return errors.As(err, &e) && e.Code != client.CodePersonRequired &&
		(e.Status == http.StatusBadRequest || e.Status == http.StatusConflict || e.Status == http.StatusUnprocessableEntity || e.Status == http.StatusForbidden || e.Status == http.StatusNotFound)
}

// textOf is what a template shows of a value that has no form of its own.
func textOf(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case string:
		return x
	case json.RawMessage:
		return string(x)
	}
	return fmt.Sprint(v)
}

// eventDetails is what a page shows of the details of an event.
type eventDetails struct {
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
	Path    string `json:"path"`
}

// detailsOf reads what a page shows of the details of an event; what it can't read is empty.
func detailsOf(e client.AuditEvent) (d eventDetails) {
	_ = json.Unmarshal(e.Details, &d)
	return d
}
