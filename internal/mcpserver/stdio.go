package mcpserver

import (
	"context"
	"errors"
	"io"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// RunStdio serves one client that writes to in and reads from out, until in ends
// or ctx does; both are a clean end (nil). Nothing but the protocol goes to out.
func RunStdio(ctx context.Context, s *mcp.Server, in io.ReadCloser, out io.Writer) error {
	err := s.Run(ctx, &mcp.IOTransport{Reader: in, Writer: openWriter{out}})
	if err == nil || ctx.Err() != nil || errors.Is(err, io.EOF) {
		return nil //nolint:nilerr // these are how a session ends
	}
	// The library's error may quote the line that it could not read.
	return errors.New("the MCP client sent something that is not a protocol message, or closed its end; the session is over")
}

// openWriter leaves the process's standard output open.
type openWriter struct{ io.Writer }

func (openWriter) Close() error { return nil }
