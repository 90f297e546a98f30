package mcpserver

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"
)

// refuse answers a request that does not reach the protocol.
func refuse(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, problemJSON(status, code, detail))
}

func problemJSON(status int, code, detail string) string {
	b, err := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
		Code   string `json:"code"`
	}{"about:blank", http.StatusText(status), status, detail, code})
	if err != nil {
		return "{}"
	}
	return string(b)
}

// seconds rounds up, for Retry-After.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}
