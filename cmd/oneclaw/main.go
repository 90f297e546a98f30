// Command oneclaw is the server, the MCP server for agents, and the command
// line, in one binary.
package main

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/app"
	"github.com/oneclaw-dev/oneclaw/internal/cli"
	"github.com/oneclaw-dev/oneclaw/internal/mcpserver"
	"github.com/oneclaw-dev/oneclaw/internal/ops"
)

// version is set by the build.
var version = "dev"

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Environ(), os.Getenv, os.Stdin, os.Stdout, os.Stderr))
}

// run is main with the world as arguments.
func run(ctx context.Context, args, environ []string, getenv func(string) string, in io.ReadCloser, out, errs io.Writer) int {
	root := cli.New(cli.Deps{
		Stdin: in, Stdout: out, Stderr: errs, Getenv: getenv, Version: version,
		VerifyExport: func(export io.Reader, key string) (client.AuditReport, error) {
			return ops.VerifyExport(export, key)
		},
	})
	root.AddCommand(app.Commands(app.Deps{Stdout: out, Stderr: errs, Environ: environ, Version: version})...)
	root.AddCommand(ops.Commands(ops.Operator{Stdout: out, Stderr: errs, Environ: environ, Version: version, Now: time.Now})...)
	root.AddCommand(mcpserver.Command(mcpserver.Deps{Version: version, Getenv: getenv, Stdin: in, Stdout: out, Stderr: errs}))
	return cli.Execute(ctx, root, args)
}
