package mcpserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/oneclaw-dev/oneclaw/client"
)

const (
	maxAtWork = 16      // calls under way at a time, in the whole process
	maxValue  = 1 << 20 // bytes of a value that goes into a conversation
	maxBlank  = 4 << 10 // bytes of white space that may precede a message
)

// onlySome lets n calls work at a time, so that many callers, or one caller with
// many calls, can not make the process hold many values. Others wait their turn,
// or until whoever asked has gone.
func onlySome(n int) mcp.Middleware {
	turns := make(chan struct{}, n)
	return func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
			if method != "tools/call" && method != "resources/read" {
				return next(ctx, method, req)
			}
			select {
			case turns <- struct{}{}:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			defer func() { <-turns }()
			return next(ctx, method, req)
		}
	}
}

// fits refuses a value that is too long for an answer. Programs read it elsewhere.
func fits(path string, v client.Value) error {
	if v.Len() <= maxValue {
		return nil
	}
	return notice(fmt.Sprintf("The value of the secret at path '%s' has more than %s bytes, too many for a conversation. "+
		"Let a program read it over REST: GET /v1/vaults/{vault_id}/secrets/{path}, or 'oneclaw secret get'. "+
		"This attempt counted against its access limit, if it has one.", path, strconv.Itoa(maxValue)))
}

var errBatch = errors.New("a batch")

// oneMessage returns body from its first character on that is not white space, and
// errBatch when that begins a batch. One small batch could ask for many large
// values; protocol versions from 2025-06-18 on have none.
func oneMessage(body io.ReadCloser) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(body, 512)
	for range maxBlank {
		c, err := buffered.ReadByte()
		if err != nil {
			return http.NoBody, nil //nolint:nilerr // the library says what is wrong with an empty message
		}
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		case '[':
			return nil, errBatch
		}
		return readCloser{buffered, body}, buffered.UnreadByte()
	}
	return http.NoBody, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}
