package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

// presets are how calls may be looked at, by name.
var presets = []string{"strict", "balanced", "observe"}

// ofPreset are the fields of a shroud_config that a preset sets. All others are kept: limits,
// lists of models and tools.
var ofPreset = []string{
	"sanitization_mode", "pii_policy", "injection_threshold", "context_injection_threshold", "enable_secret_redaction", "enable_response_filtering",
	"command_injection_detection", "social_engineering_detection", "encoding_detection", "network_detection", "filesystem_detection",
}

func (c *cli) shroudPreset() *cobra.Command {
	return c.mayAsk(&cobra.Command{
		Use:   "preset AGENT strict|balanced|observe",
		Short: "Let an agent call models, looked at as a preset says",
		Long: `Let an agent call models through Shroud (shroud_enabled), looked at as a preset says. strict stops
all that looks like a threat; balanced is what is there without a shroud_config; observe
stops no threat and notes all. Limits, models and tools of the agent stay as they are.`,
		Example: `  oneclaw shroud preset builder strict`,
		Args:    args("AGENT", "PRESET"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			if !slices.Contains(presets, a[1]) {
				return console.Usage("PRESET is " + oneOf(presets) + ".")
			}
			on := true
			agent, err := reconfigure(ctx, cl, a[0], client.AgentUpdate{ShroudEnabled: &on}, func(config map[string]any) error {
				for _, field := range ofPreset {
					delete(config, field)
				}
				config["preset"] = a[1]
				return nil
			})
			if err != nil {
				return err
			}
			c.warnOfNoProvider(ctx, cl, agent.ID, a[0])
			return c.did(agent, "%s calls models, looked at as %s says.", a[0], a[1])
		}),
	})
}
