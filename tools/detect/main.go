// Command detect writes what the detectors of Shroud take from others' data: the
// look-alikes of Unicode and the rules of gitleaks. It is a module of its own, so
// that the versions which it reads are pinned and the product does not link them.
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "detect:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	const root = "../../internal/shroud/"
	if len(args) != 1 {
		return fmt.Errorf("say what to write: confusables, leaks")
	}
	switch args[0] {
	case "confusables":
		return os.WriteFile(root+"text/confusables.go", confusablesSource(), 0o644)
	case "leaks":
		rules, err := leakRules()
		if err != nil {
			return err
		}
		return os.WriteFile(root+"leak/rules.json", rules, 0o644)
	}
	return fmt.Errorf("nothing is called %s", args[0])
}
