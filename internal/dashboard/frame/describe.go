package frame

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/client"
)

// Describe is what went wrong, in words for people, with the status to show it with.
func (v *Visit) Describe(err error) (status int, problem string) {
	var e *client.Error
	if !errors.As(err, &e) {
		return http.StatusInternalServerError, v.T("Something went wrong here.")
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

// Wrong is a refusal of what somebody filled in.
func (v *Visit) Wrong(text string, args ...any) error {
	return &client.Error{Status: http.StatusBadRequest, Code: "invalid_form", Detail: v.T(text, args...)}
}

// CodeOf is the code of a refusal; other errors have an empty one.
func CodeOf(err error) string {
	var e *client.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// Seen drops the refusal of what somebody may not see.
func Seen(err error) error {
	if client.IsStatus(err, http.StatusForbidden) && CodeOf(err) != client.CodePersonRequired {
		return nil
	}
	return err
}

// Retry reports whether an error is of what somebody filled in, so that the form is shown
// again with it. The others go to the page of errors, or to the form of a login.
func Retry(err error) bool {
	var e *client.Error
	return errors.As(err, &e) && e.Code != client.CodePersonRequired &&
		(e.Status == http.StatusBadRequest || e.Status == http.StatusConflict || e.Status == http.StatusUnprocessableEntity || e.Status == http.StatusForbidden || e.Status == http.StatusNotFound)
}

// Text is what a template shows of a value that has no form of its own.
func Text(v any) string {
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
