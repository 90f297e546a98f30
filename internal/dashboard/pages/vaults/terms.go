package vaults

import (
	"cmp"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
)

// terms are the conditions of a policy, as a form has them.
type terms struct {
	Nets                    string // one a line
	After, Before, Timezone string
	Approval                bool
	Minutes, MaxUses        string // of an approval
}

// Any reports whether there is a condition.
func (t terms) Any() bool { return t != terms{} }

// termsOf reads the conditions of a policy.
func termsOf(p *client.Policy) (t terms) {
	var c struct {
		IPAllowlist     []string           `json:"ip_allowlist"`
		TimeWindow      *client.TimeWindow `json:"time_window"`
		RequireApproval json.RawMessage    `json:"require_approval"` // a truth value, or an object
	}
	if json.Unmarshal(p.Conditions, &c) != nil {
		return t
	}
	t.Nets = strings.Join(c.IPAllowlist, "\n")
	if w := c.TimeWindow; w != nil {
		t.After, t.Before, t.Timezone = w.After, w.Before, w.Timezone
	}
	switch text := string(c.RequireApproval); text {
	case "", "null", "false":
		return t
	}
	t.Approval = true
	var a client.ApprovalTerms
	if json.Unmarshal(c.RequireApproval, &a) == nil {
		t.MaxUses = uses(int64(a.MaxUses))
		if a.ValidSeconds > 0 {
			t.Minutes = strconv.FormatFloat(float64(a.ValidSeconds)/60, 'f', -1, 64)
		}
	}
	return t
}

// termsIn are those of the form.
func termsIn(v *frame.Visit) terms {
	t := terms{
		Nets: v.Form("nets"), After: v.Form("after"), Before: v.Form("before"), Timezone: v.Form("timezone"), Approval: v.Form("approval") != "",
	}
	if t.Approval {
		t.Minutes, t.MaxUses = v.Form("minutes"), v.Form("max_uses")
	}
	if t.After == "" && t.Before == "" {
		t.Timezone = ""
	}
	return t
}

// conditions are what the API is told.
func (t terms) conditions() *client.Conditions {
	c := &client.Conditions{IPAllowlist: listOf(t.Nets)}
	if t.After != "" || t.Before != "" {
		c.TimeWindow = &client.TimeWindow{After: cmp.Or(t.After, "00:00"), Before: cmp.Or(t.Before, "00:00"), Timezone: t.Timezone}
	}
	if t.Approval {
		minutes, _ := strconv.ParseFloat(t.Minutes, 64) // none: the server's own
		c.RequireApproval = &client.ApprovalTerms{ValidSeconds: int64(math.Round(minutes * 60)), MaxUses: int(frame.Number(t.MaxUses))}
	}
	return c
}
