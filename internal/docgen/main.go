// Command docgen writes the pages of docs that are made from the code:
// docs/config.md from the configuration, docs/errors.md from every place that
// makes an error for a caller, docs/cli.md from the commands.
//
// Its promise: a setting or an error code that the code has is on its page, and
// one code never stands for two kinds of failure; docgen fails when it does.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/oneclaw-dev/oneclaw/internal/config"
)

//go:generate go run . -root ../..

func main() {
	root := flag.String("root", ".", "root of the repository")
	flag.Parse()
	if err := run(*root); err != nil {
		fmt.Fprintln(os.Stderr, "docgen:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(root string) error {
	errs, err := errorPage(root)
	if err != nil {
		return err
	}
	for name, page := range map[string]string{
		"config.md": configPage(config.Settings(), config.ClientSettings()),
		"errors.md": errs,
		"cli.md":    cliPage(everyCommand()),
	} {
		// Documentation, for everybody to read.
		if err := os.WriteFile(filepath.Join(root, "docs", name), []byte(page), 0o644); err != nil { //nolint:gosec // see above
			return err
		}
	}
	return nil
}

const madeFromCode = "<!-- Made from the code by `make generate`. Change the code, not this page. -->\n\n"
