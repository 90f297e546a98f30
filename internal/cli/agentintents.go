package cli

import (
	"encoding/json"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

// intentFlags are the limits of an agent's transactions that are fields of the agent.
type intentFlags struct {
	enabled       bool
	to, chains    []string
	perTx, perDay string
	most          string // transactions in a day
	messages      bool
	asks, domains string // files
	given         func(flag string) bool
}

func (i *intentFlags) flags(cmd *cobra.Command) {
	i.given = cmd.Flags().Changed
	f := cmd.Flags()
	f.BoolVar(&i.enabled, "intents-api", false, "whether it may have transactions signed")
	f.StringVar(&i.perTx, "tx-max-value", "", "most that one transaction pays, in the chain's coin; any: no limit")
	f.StringVar(&i.perDay, "tx-daily-limit", "", "most that it pays in 24 hours, in the chain's coin; any: no limit")
	f.StringSliceVar(&i.to, "tx-to", nil, "the addresses that it may call, pay and approve; any: every address")
	f.StringSliceVar(&i.chains, "tx-chains", nil, "the chains that it may use, by name; any: every chain")
	f.StringVar(&i.most, "tx-max-per-day", "", "most transactions in 24 hours; any: no limit")
	f.StringVar(&i.asks, "tx-approval-policy", "", "file with a JSON object that says when a human is asked (- for stdin); any: never")
	f.BoolVar(&i.messages, "message-signing", false, "whether it may have texts signed (EIP-191)")
	f.StringVar(&i.domains, "eip712-domains", "", "file with a JSON list of the contracts whose typed data it may have signed (- for stdin); none: of no contract")
}

// create puts the limits into a new agent.
func (i *intentFlags) create(n *client.AgentCreate) {
	n.IntentsAPIEnabled = i.enabled
	for text, into := range map[*string]*string{&i.perTx: &n.TxMaxValueETH, &i.perDay: &n.TxDailyLimitETH} {
		if *text != "any" {
			*into = *text
		}
	}
	if !lifts(i.to) {
		n.TxToAllowlist = i.to
	}
	if !lifts(i.chains) {
		n.TxAllowedChains = i.chains
	}
}

// update puts those that were given into a change.
func (i *intentFlags) update(u *client.AgentUpdate) {
	if i.given("intents-api") {
		u.IntentsAPIEnabled = &i.enabled
	}
	for _, l := range []struct {
		flag, name string
		text       *string
		into       **string
	}{{"tx-max-value", "tx_max_value_eth", &i.perTx, &u.TxMaxValueETH}, {"tx-daily-limit", "tx_daily_limit_eth", &i.perDay, &u.TxDailyLimitETH}} {
		switch {
		case i.given(l.flag) && *l.text == "any":
			u.Clear = append(u.Clear, l.name)
		case i.given(l.flag):
			*l.into = l.text
		}
	}
	for _, l := range []struct {
		name string
		list []string
		into *[]string
	}{{"tx_to_allowlist", i.to, &u.TxToAllowlist}, {"tx_allowed_chains", i.chains, &u.TxAllowedChains}} {
		if lifts(l.list) {
			u.Clear = append(u.Clear, l.name)
		} else {
			*l.into = l.list
		}
	}
}

// fields are the limits that newer servers have. clear gets those that are lifted.
func (i *intentFlags) fields(c *cli, clear *[]string) (f client.AgentFields, err error) {
	if i.given("message-signing") {
		f.MessageSigningEnabled = &i.messages
	}
	switch {
	case i.most == "any":
		*clear = append(*clear, "tx_max_per_day")
	case i.most != "":
		n, err := strconv.ParseInt(i.most, 10, 64)
		if err != nil || n < 0 {
			return f, console.Usage("--tx-max-per-day takes a whole number, or any.")
		}
		f.TxMaxPerDay = &n
	}
	if i.asks == "any" {
		*clear = append(*clear, "tx_approval_policy")
	} else if i.asks != "" {
		if f.TxApprovalPolicy, err = c.readObject("--tx-approval-policy", i.asks); err != nil {
			return f, err
		}
	}
	if i.domains == "none" {
		f.EIP712DomainAllowlist = json.RawMessage("[]")
	} else if i.domains != "" {
		text, err := c.readLine(i.domains)
		if err != nil {
			return f, err
		}
		var list []json.RawMessage
		if json.Unmarshal([]byte(text), &list) != nil {
			return f, console.Usage("--eip712-domains takes a file with a JSON list.")
		}
		f.EIP712DomainAllowlist = json.RawMessage(text)
	}
	return f, nil
}
