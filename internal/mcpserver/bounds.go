package mcpserver

import (
	"context"
	"fmt"
	"strconv"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/budget"
)

const (
	maxAtWork = 16      // calls of one agent under way at a time
	maxValue  = 1 << 20 // bytes of a value that goes into a conversation
)

// onlySome lets n calls of one agent work at a time, so that its many calls can
// not hold up those of others. Its others wait their turn, or until whoever asked
// has gone; they hold nothing meanwhile that anybody else waits for.
func onlySome(n int, current func(context.Context) *session) mcp.Middleware {
	turns := budget.NewTurns(n)
	return func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
			if method != "tools/call" && method != "resources/read" {
				return next(ctx, method, req)
			}
			done, err := turns.Wait(ctx, current(ctx).who)
			if err != nil {
				return nil, err
			}
			defer done()
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
