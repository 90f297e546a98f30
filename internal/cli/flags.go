package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// mayBeEmpty are the flags that may be set to an empty text.
var mayBeEmpty = map[string]bool{"description": true, "reason": true, "prefix": true}

// checkFlags refuses what a command would take for a flag that was not given. An empty
// value is mostly a variable of a shell that is not set, and most flags limit something:
// left out in silence, a share would be open to everybody, or an agent bound to nothing.
func (c *cli) checkFlags(cmd *cobra.Command) error {
	var err error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch {
		case err != nil:
		case empty(f.Value) && !mayBeEmpty[f.Name]:
			err = usage("--" + f.Name + " has an empty value. Leave it out, or give it one.")
		case c.foreign(cmd) && (f.Name == "api-url" || f.Name == "vault") && cmd.LocalNonPersistentFlags().Lookup(f.Name) == nil:
			err = usage(quote(cmd.CommandPath()) + " does not take --" + f.Name + "; see " + quote(cmd.CommandPath()+" --help") + ".")
		}
	})
	return err
}

// empty reports whether a text, or a part of a list of texts, is empty.
func empty(v pflag.Value) bool {
	if list, ok := v.(pflag.SliceValue); ok {
		for _, s := range list.GetSlice() {
			if s == "" {
				return true
			}
		}
		return len(list.GetSlice()) == 0
	}
	return v.Type() == "string" && v.String() == ""
}

// foreign reports whether the caller added the command, rather than this package.
func (c *cli) foreign(cmd *cobra.Command) bool {
	top := cmd
	for top.HasParent() && top.Parent().HasParent() {
		top = top.Parent()
	}
	return !c.ours[top.Name()]
}
