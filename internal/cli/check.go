package cli

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// What can't do is refused before a password is asked for in vain. These are the rules of the
// server that need nothing but the arguments; the server holds to them all the same.

// checkKeyScopes refuses a verb or an area alone too: the server takes it for the path of a
// secret, and the key could do nothing else.
func checkKeyScopes(scopes []string) error {
	for _, s := range scopes {
		if slices.Contains([]string{"read", "write", "delete", "admin", "all", "secret", "secrets", "vault", "vaults"}, s) {
			return console.Usage("--scopes takes an area and read, write or *, such as vault:read or secret:*, or a pattern of paths, such as prod/**.")
		}
	}
	return policy.CheckKeyScopes(scopes)
}

// checkPattern refuses what is no pattern of paths.
func checkPattern(text string) error {
	_, err := policy.Compile(text)
	return err
}

// checkConditions refuses conditions of a policy that the server does not know.
func checkConditions(k *client.Conditions) error {
	if k == nil {
		return nil
	}
	text, err := json.Marshal(k)
	if err == nil {
		_, err = policy.CompileConditions(text)
	}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return console.Usage(inFlags(e.Detail))
	}
	return err
}

// checkAddresses refuses what is neither an address nor a network.
func checkAddresses(all []string) error {
	for _, s := range all {
		if _, ok := policy.ParseNet(s); !ok {
			return console.Usage("--ip takes addresses, and networks such as 10.0.0.0/8.")
		}
	}
	return nil
}

// checkEmail refuses what is clearly no mail address.
func checkEmail(what, s string) error {
	name, host, ok := strings.Cut(s, "@")
	if !ok || name == "" || host == "" || strings.ContainsFunc(s, unicode.IsSpace) {
		return console.Usage(what + " takes a mail address, such as eve@example.com.")
	}
	return nil
}

// checkReason holds the reason of a decision to the server's rule.
func checkReason(s string) error {
	if len(s) > 500 || strings.ContainsFunc(s, unicode.IsControl) {
		return console.Usage("--reason is one line of at most 500 bytes.")
	}
	return nil
}

// check refuses limits of an agent's transactions that are none.
func (i *intentFlags) check() error {
	for flag, text := range map[string]string{"tx-max-value": i.perTx, "tx-daily-limit": i.perDay} {
		if text == "" || text == "any" {
			continue
		}
		if _, err := evm.ParseETH(text); err != nil {
			return console.Usage("--" + flag + " takes a decimal number of the chain's coin, such as 0.05, or any.")
		}
	}
	if !lifts(i.to) {
		for _, to := range i.to {
			if _, err := evm.ParseAddress(to); err != nil {
				return console.Usage("--tx-to takes addresses: 0x and 40 hexadecimal digits, in one case or with the right checksum (EIP-55).")
			}
		}
	}
	return nil
}
