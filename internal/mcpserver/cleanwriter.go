package mcpserver

import (
	"bytes"
	"net/http"
	"strings"
)

// cleanWriter holds the library's reply back until it is whole, then sends it on
// without what the library repeats of the request, and never to be cached: it may
// hold a value.
type cleanWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *cleanWriter) Header() http.Header { return w.header }

func (w *cleanWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

func (w *cleanWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// reason is why the reply is a refusal, as a code of the log; "" when it is none.
func (w *cleanWriter) reason() string {
	body := w.body.Bytes()
	if bytes.Contains(body, []byte(`"error":`)) {
		if from, to := locate(body, "error", "code"); to > from {
			return reasonFor(string(body[from:to]))
		}
	}
	if bytes.Contains(body, []byte(`"isError":true`)) {
		if from, to := locate(body, "result", "isError"); string(body[from:to]) == "true" {
			return "tool_not_run"
		}
	}
	if w.status >= http.StatusBadRequest {
		return "bad_request"
	}
	return ""
}

// reasonFor is the reason for an error code of JSON-RPC.
func reasonFor(code string) string {
	switch code {
	case "-32602":
		return "invalid_params" // an unknown tool or resource too
	case "-32601":
		return "unknown_method"
	}
	return "bad_request"
}

// send gives the reply to out, with the text that was kept aside. room takes room for its
// length.
func (w *cleanWriter) send(out http.ResponseWriter, text *aside, room func(int) error, write func([]byte)) error {
	w.WriteHeader(http.StatusOK)
	kind := w.header.Get("Content-Type")
	if w.status >= 400 && !strings.HasPrefix(kind, "application/json") {
		refuse(out, w.status, "bad_request", transportProblem(w.status))
		return nil
	}
	body := text.whole(sentID(mendBody(w.body.Bytes())))
	defer clear(body)
	if err := room(len(body)); err != nil {
		return err
	}
	if kind != "" && len(body) > 0 {
		out.Header().Set("Content-Type", kind)
	}
	out.WriteHeader(w.status)
	write(body)
	return nil
}

func transportProblem(status int) string {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return "The message is too long."
	case http.StatusUnsupportedMediaType:
		return "Send messages as Content-Type application/json."
	}
	return "That is not a message of this protocol. Send JSON, accept application/json, and name a supported MCP-Protocol-Version."
}
