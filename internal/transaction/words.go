package transaction

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/typed"
	"github.com/oneclaw-dev/oneclaw/internal/intents/meaning"
)

// Bounds of what an approver is told, in bytes. The parts together leave room for why it is asked.
const (
	roomEffects = 900
	roomMessage = 700
	leastField  = 12 // of each field, however many there are
	maxFields   = 24
)

// words say what a transaction would do, for who approves it.
func (p *prepared) words() string {
	coin := p.chain.NativeCurrency
	what := evm.FormatETH(&p.tx.Value) + " " + coin + " on " + p.chain.Name
	switch {
	case p.tx.To == nil:
		what += ", creating a contract"
	case p.meaning.Function != "":
		what += ", calling " + p.meaning.Function + " of " + p.tx.To.String()
	default:
		what += " to " + p.tx.To.String()
	}
	if cost := p.cost(); p.costly(&cost) {
		what += "; fees of up to " + evm.FormatETH(&cost) + " " + coin + " come on top"
	}
	effects := p.meaning.Effects
	if len(effects) > 0 && effects[0].Kind == meaning.NativeValue { // it was named above
		effects = effects[1:]
	}
	return what + unread(&p.meaning) + listed(effects, coin, roomEffects) + "."
}

// costly reports whether the fees are more than a tenth of what is paid, or of a limit.
func (p *prepared) costly(cost *uint256.Int) bool {
	tenth := func(of *uint256.Int) bool { return of != nil && cost.Gt(new(uint256.Int).Div(of, uint256.NewInt(10))) }
	return tenth(&p.tx.Value) || tenth(p.rules.MaxValue) || tenth(p.rules.DailyLimit) || tenth(p.rules.Approval.AboveNative)
}

// unread says what of a call or signature nobody can read.
func unread(m *meaning.Meaning) string {
	switch {
	case m.Delegates:
		return "; it runs another contract's code as the account, which can do anything"
	case m.Truncated:
		return "; more calls than can be read"
	case len(m.Unknown) > 0:
		return "; what it does at " + m.Unknown[0].String() + " can't be read"
	}
	return ""
}

// listed names effects, the largest of each coin or token first. What does not fit is
// counted, and the sums are of all.
func listed(effects []meaning.Effect, coin string, room int) string {
	groups := map[evm.Address][]meaning.Effect{}
	var order []evm.Address
	for i := range effects {
		token := effects[i].Token
		if groups[token] == nil {
			order = append(order, token)
		}
		groups[token] = append(groups[token], effects[i])
	}
	var out strings.Builder
	for i, token := range order {
		share := (room - out.Len()) / (len(order) - i)
		if share < 150 && i > 0 {
			out.WriteString("; and " + strconv.Itoa(len(order)-i) + " more tokens")
			break
		}
		group(&out, groups[token], token, coin, share)
	}
	return out.String()
}

// group writes the effects on one coin or token.
func group(out *strings.Builder, effects []meaning.Effect, token evm.Address, coin string, room int) {
	format := func(n *uint256.Int) string { return n.Dec() + " of the token " + token.String() }
	if token.IsZero() {
		format = func(n *uint256.Int) string { return evm.FormatETH(n) + " " + coin }
	}
	total, unlimited := new(uint256.Int), false
	for i := range effects {
		if _, over := total.AddOverflow(total, &effects[i].Amount); over || effects[i].Unlimited {
			unlimited = true
		}
	}
	slices.SortStableFunc(effects, func(a, b meaning.Effect) int {
		return cmp.Or(-cmp.Compare(rank(a.Unlimited), rank(b.Unlimited)), -a.Amount.Cmp(&b.Amount))
	})
	all := format(total)
	if unlimited {
		all = "an unlimited amount of " + named(token, coin)
	}
	began, left := out.Len(), len(effects)
	for i := range effects {
		e := &effects[i]
		amount := format(&e.Amount)
		if e.Unlimited {
			amount = "an unlimited amount of " + named(token, coin)
		}
		line := "; " + verb(e.Kind) + " " + amount + " to " + e.To.String()
		if i > 0 && out.Len()-began+len(line)+len(all)+24 > room {
			break
		}
		out.WriteString(line)
		left--
	}
	switch {
	case left > 0:
		out.WriteString("; and " + strconv.Itoa(left) + " more, " + all + " in all")
	case len(effects) > 1:
		out.WriteString("; " + all + " in all")
	}
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

func named(token evm.Address, coin string) string {
	if token.IsZero() {
		return coin
	}
	return "the token " + token.String()
}

func verb(k meaning.Kind) string {
	if k == meaning.NativeValue {
		return "pays"
	}
	return string(k)
}

// textWords show a text that is to be signed, with its length where it is cut.
func textWords(text []byte) string {
	return "Sign the text " + quoted(string(text), roomMessage)
}

// typedWords show typed data: what it would give away, and each of its fields.
func typedWords(d *typed.Data, m *meaning.Meaning, coin string) string {
	what := "Sign typed data " + d.PrimaryType
	if d.Domain.Name != "" {
		what += " of " + quoted(d.Domain.Name, 60)
	}
	if d.Domain.VerifyingContract != nil {
		what += " at " + d.Domain.VerifyingContract.String()
	}
	return what + unread(m) + listed(m.Effects, coin, roomMessage) + "; with " + fields(&d.Message, roomMessage)
}

// fields names the fields of a struct. Each is cut to its share, so that none is left out
// because another is long.
func fields(v *typed.Value, room int) string {
	type leaf struct{ name, text string }
	var leaves []leaf
	var walk func(v *typed.Value, name string)
	walk = func(v *typed.Value, name string) {
		items := v.Items()
		if len(v.Names) > 0 {
			for i := range items {
				walk(&items[i], strings.TrimPrefix(name+"."+v.Names[i], "."))
			}
			return
		}
		leaves = append(leaves, leaf{name, v.String()})
	}
	walk(v, "")
	parts := make([]string, 0, len(leaves))
	for i, l := range leaves {
		left := len(leaves) - i
		if len(leaves) > maxFields && left > 1 && i >= maxFields-1 {
			if i == maxFields-1 {
				parts = append(parts, strconv.Itoa(left-1)+" more fields")
			}
			continue
		}
		part := short(l.name, 32)
		part += " " + short(l.text, max(room/min(left, maxFields)-len(part)-3, leastField))
		room = max(room-len(part)-2, 0)
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

// quoted is a text in quotes, cut to so many bytes, with its length if it was.
func quoted(text string, room int) string {
	q := strconv.Quote(text)
	if len(q) <= room {
		return q
	}
	part := text
	for len(strconv.Quote(part)) > room {
		part = strings.ToValidUTF8(part[:len(part)-1-len(part)/8], "")
	}
	return strconv.Quote(part) + " (cut: it has " + strconv.Itoa(len(text)) + " bytes)"
}

// short cuts what is longer than room, and says how long it was.
func short(text string, room int) string {
	if len(text) <= room {
		return text
	}
	return strings.ToValidUTF8(text[:room], "") + "... (" + strconv.Itoa(len(text)) + " bytes)"
}

// cut keeps what is asked for within what approvals take. Why it is asked comes last, and is
// cut first.
func cut(s string) string {
	if len(s) <= approval.MaxWords {
		return s
	}
	return strings.ToValidUTF8(s[:approval.MaxWords-3], "") + "..."
}

// shown is a message's bytes as a text where they are one, else their digits.
func shown(b []byte, text string) []byte {
	if strings.HasPrefix(text, "0x") && strings.ToValidUTF8(string(b), "") != string(b) {
		return []byte("0x" + hex.EncodeToString(b))
	}
	return b
}
