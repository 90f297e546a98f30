//go:build linux && !race

package mcpserver_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/erase/erasetest"
	"github.com/oneclaw-dev/oneclaw/internal/mcpserver"
)

// keeper is an API, and both ends of a connection, that have a value in buffers of their own
// alone, which they wipe.
type keeper struct {
	t     *testing.T
	value erasetest.Canary // of hex digits
	taken bool             // by PUT
	open  func()           // called while a value is in the API's answer
}

// hexed is a random text of n hex digits, which is in memory only as a Canary.
func hexed(n int) erasetest.Canary {
	b := make([]byte, n)
	defer clear(b)
	erasetest.New(n).Fill(b)
	for i := range b {
		b[i] = "0123456789abcdef"[b[i]&15]
	}
	return erasetest.Hide(b)
}

const (
	memorySize = 960
	around     = `","created_by":"user:x"}`
)

// ServeHTTP is the API.
func (k *keeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	meta := `{"id":"44444444-0000-4000-8000-000000000001","path":"p","type":"env_bundle","version":1,"metadata":{},"created_at":"` + created + `"`
	switch {
	case r.Method == http.MethodPut:
		b := make([]byte, r.ContentLength)
		defer clear(b)
		if _, err := io.ReadFull(r.Body, b); err != nil {
			k.t.Error(err)
		}
		if at := bytes.Index(b, []byte(`"value":"`)); at >= 0 {
			k.taken = k.value.Is(b[at+9:][:memorySize])
		}
		_, _ = io.WriteString(w, meta+`}`)
	case r.URL.Path == "/v1/agents/me":
		_, _ = io.WriteString(w, `{"id":"`+agentID+`"}`)
	case r.URL.Path == "/v1/vaults/"+vaultOne:
		_, _ = io.WriteString(w, `{"id":"`+vaultOne+`","created_at":"`+created+`"}`)
	case r.URL.Path == "/v1/vaults/"+vaultOne+"/secrets":
		_, _ = io.WriteString(w, `{"secrets":[`+meta+`}]}`)
	default:
		b := make([]byte, 0, 4096)
		b = append(b, meta...)
		b = append(b, `,"value":"\nA=`...)
		k.value.Fill(b[len(b) : len(b)+memorySize])
		b = append(b[:len(b)+memorySize], around...)
		_, _ = w.Write(b)
		if k.open != nil {
			k.open()
		}
		clear(b)
	}
}

// receive has the message in one buffer, as the server has.
func (k *keeper) receive(_ http.ResponseWriter, r *http.Request, _ int64) (*mcpserver.Received, error) {
	length, err := strconv.Atoi(r.Header.Get("X-Length"))
	if err != nil {
		return nil, err
	}
	b := make([]byte, length)
	if _, err := io.ReadFull(r.Body, b); err != nil {
		return nil, err
	}
	return &mcpserver.Received{Message: b, Sender: agentID, Context: r.Context(), Room: func(int) error { return nil },
		Write: func(b []byte) {
			k.t.Helper()
			if bytes.Contains(b, []byte(`"isError":true`)) {
				k.t.Error("the tool failed")
			}
			for i := 0; i+memorySize <= len(b); i++ {
				k.taken = k.taken || k.value.Is(b[i:i+memorySize])
			}
		}, Done: func() { clear(b) }}, nil
}

// call sends a call of a tool, whose argument value is the value when value is set.
func (k *keeper) call(h http.Handler, name string, value bool) {
	b := append(make([]byte, 0, 4096), `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"`+name+`","arguments":{"path":"p"`...)
	defer func() { clear(b) }()
	if value {
		b = append(b, `,"value":"`...)
		k.value.Fill(b[len(b) : len(b)+memorySize])
		b = append(b[:len(b)+memorySize], '"')
	}
	b = append(b, `}}}`...)
	r := httptest.NewRequestWithContext(k.t.Context(), http.MethodPost, "/mcp", bytes.NewReader(b))
	for name, v := range map[string]string{"Authorization": "Bearer " + agentKey, "Content-Type": "application/json", "X-Vault-ID": vaultOne,
		"Accept": "application/json, text/event-stream", "X-Length": strconv.Itoa(len(b))} {
		r.Header.Set(name, v)
	}
	h.ServeHTTP(httptest.NewRecorder(), r)
}

// TestValuesLeaveMemoryAfterATool: nothing between the API and the connection keeps what a
// tool read or wrote, neither ours nor the library.
func TestValuesLeaveMemoryAfterATool(t *testing.T) {
	for name, writes := range map[string]bool{"get_secret": false, "get_env_bundle": false, "put_secret": true, "rotate_and_store": true} {
		t.Run(name, func(t *testing.T) {
			k := &keeper{t: t, value: hexed(memorySize)}
			h := mcpserver.Handler(mcpserver.HTTPConfig{NewClient: mcpserver.InProcessClients(k, "1", nil), Receive: k.receive, Version: "1"})
			if !writes {
				k.open = func() {
					if k.value.Copies(t) == 0 {
						t.Error("the search does not find an open value, so it proves nothing")
					}
					k.open = nil
				}
			}
			for range 20 {
				k.taken = false
				if k.call(h, name, writes); !k.taken {
					t.Fatal("the value did not arrive")
				}
			}
			// What vector registers held when the runtime interrupted a copy it saves on a
			// stack: a few pieces of 16 bytes. A copy has 60.
			if n := k.value.Copies(t); n > 20 {
				t.Errorf("%d pieces of the value are in memory", n)
			}
		})
	}
}
