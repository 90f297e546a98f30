// Command oneclaw is the server, the MCP server for agents, and the command
// line, in one binary.
package main

import (
	"context"
	"io"
	"log" //nolint:depguard // to keep it silent
	"os"
	"syscall"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/app"
	"github.com/oneclaw-dev/oneclaw/internal/cli"
	"github.com/oneclaw-dev/oneclaw/internal/cli/fence"
	"github.com/oneclaw-dev/oneclaw/internal/mcpserver"
	"github.com/oneclaw-dev/oneclaw/internal/ops"
)

// version is set by the build.
var version = "dev"

func main() {
	// What the standard library writes there has words of what came over the network, such as of an
	// answer that nobody asked for. This program logs with log/slog.
	log.SetOutput(io.Discard)
	if fence.Waits(os.Args) {
		os.Exit(fence.Wait())
	}
	os.Exit(run(context.Background(), os.Args[1:], os.Environ(), os.Getenv, os.Stdin, os.Stdout, os.Stderr))
}

// run is main with the world as arguments.
func run(ctx context.Context, args, environ []string, getenv func(string) string, in io.ReadCloser, out, errs io.Writer) int {
	root := cli.New(cli.Deps{
		Stdin: in, Stdout: out, Stderr: errs, Getenv: getenv, Version: version, Become: syscall.Exec,
		VerifyExport: func(export io.Reader, key string) (client.AuditReport, error) {
			return ops.VerifyExport(export, key)
		},
	})
	root.AddCommand(app.Commands(app.Deps{Stdout: out, Stderr: errs, Environ: environ, Version: version})...)
	root.AddCommand(ops.Commands(ops.Operator{Stdout: out, Stderr: errs, Environ: environ, Version: version, Now: time.Now})...)
	root.AddCommand(mcpserver.Command(mcpserver.Deps{
		Version: version, Getenv: getenv, Stdin: in, Stdout: out, Stderr: errs, Server: func() (string, error) { return cli.Server(getenv) },
	}))
	return cli.Execute(ctx, root, args)
}
