package transaction

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/typed"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/intents/guard"
	"github.com/oneclaw-dev/oneclaw/internal/intents/meaning"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// Message is what an agent wants signed that is no transaction: one of Text and Typed.
type Message struct {
	Chain, KeyPath, Vault string
	Text                  string // EIP-191; 0x and digits are bytes
	Typed                 []byte // EIP-712, JSON
	Digest                bool   // a bare hash, which is refused
}

// SignedMessage is a signature of a message.
type SignedMessage struct {
	Chain     string
	From      evm.Address
	Signature evm.Signature
	Hash      evm.Hash // that was signed
}

// maxMessage bounds a message, in bytes.
const maxMessage = 64 << 10

var (
	errDigest  = fault.New(fault.Denied, "digest_refused", "A bare hash is never signed: nobody could know what it allows. Send the typed data.").Because("guard:digest")
	errMessage = invalid("invalid_message", "Send message or typed_data, of at most 65,536 bytes.")
	// errHidden and errBare: neither is ever what a person reads.
	errHidden = fault.New(fault.Denied, "message_refused", "This text parses as a transaction, an authorization or the bytes of typed data, and is not signed as a text: nobody could know what it allows.").Because("guard:text")
	errBare   = fault.New(fault.Denied, "message_refused", "This text has exactly 32 bytes, as they are or as hexadecimal digits, and could be a bare hash: nobody could know what it allows. A text of any other length would pass.").Because("guard:digest")
)

// SignMessage signs a text or typed data, where the agent's guard says so explicitly. What the
// signature would allow counts against the same limits as transactions.
func (s *Service) SignMessage(ctx context.Context, c *call.Call, agent string, m Message) (SignedMessage, error) {
	a, err := s.working(ctx, c, agent, policy.SignMessage)
	if err != nil {
		return SignedMessage{}, err
	}
	p := prepared{agent: a}
	if p.rules, err = rulesOf(&a); err != nil {
		return SignedMessage{}, err
	}
	attempt, what, words, err := p.read(&m)
	if err != nil {
		return SignedMessage{}, err
	}
	if p.chain, err = s.cfg.Chains.Named(ctx, m.Chain); err != nil {
		return SignedMessage{}, err
	}
	if p.names, err = s.cfg.Chains.Names(ctx, p.chain.ChainID); err != nil {
		return SignedMessage{}, err
	}
	if p.key, err = s.keyFor(ctx, c, &a, &p.chain, Draft{KeyPath: m.KeyPath, Vault: m.Vault}); err != nil {
		return SignedMessage{}, err
	}
	attempt.Names, attempt.Shared = p.names.All, p.names.Shared
	attempt.Chain, attempt.ChainID, attempt.Coin, attempt.From = p.chain.Name, uint64(p.chain.ChainID), p.chain.NativeCurrency, p.key.address
	if err := refusal(guard.Decide(&p.rules, attempt, &guard.Spent{Early: true})); err != nil {
		return SignedMessage{}, err
	}
	t := Tx{
		ID: ids.New(), Org: a.Org, Agent: a.ID, Chain: p.chain.Name, ChainID: attempt.ChainID, From: p.key.address,
		Status: Unsigned, ReplayBody: p.digest.String(), CreatedAt: stamp.Of(c.Now), NextAt: stamp.Of(s.cfg.Now().Add(signFor)),
	}
	at := place(a.ID, p.key.address, strconv.FormatUint(attempt.ChainID, 10)+" "+what, t.ReplayBody)
	approved, err := s.approved(ctx, c, &a, &p.key, at)
	if err != nil {
		return SignedMessage{}, err
	}
	r := &Reservation{
		Tx: &t, Approval: approved, Since: c.Now.Add(-window), Recipients: guard.Recipients(attempt),
		Decide: func(now *Agent, spent *guard.Spent) ([]guard.Take, error) {
			return decide(now, attempt, spent, approved != "")
		},
	}
	c.Touch("agent", agent)
	c.Event.Details.More = append([]audit.Field{
		audit.Text("chain", t.Chain), audit.Text("from", t.From.String()), audit.Text("kind", what), audit.Text("digest", p.digest.String()),
	}, moves(&attempt.Meaning)...)
	out := SignedMessage{Chain: t.Chain, From: t.From, Hash: *p.digest}
	says := words(p.chain.NativeCurrency) + ", on " + t.Chain + "."
	signs := &vault.Signing{Path: at, Words: cut(says)}
	if err := s.sign(ctx, c, &p, r, signs, func(sig evm.Signature) { out.Signature = sig }); err != nil {
		return SignedMessage{}, s.ask(ctx, c, &a, &p.key, at, says, err)
	}
	if err := s.keep(ctx, c, r, Unsigned); err != nil {
		return SignedMessage{}, err
	}
	return out, nil
}

// read reads a message, and sets the digest that would be signed. what says its kind, and
// words what an approver is told, with the name of the chain's coin.
func (p *prepared) read(m *Message) (a *guard.Attempt, what string, words func(coin string) string, err error) {
	if m.Digest {
		return nil, "", nil, errDigest
	}
	if (m.Text == "") == (len(m.Typed) == 0) || len(m.Text) > maxMessage || len(m.Typed) > maxMessage {
		return nil, "", nil, errMessage
	}
	if m.Text != "" {
		text := []byte(m.Text)
		if digits, ok := strings.CutPrefix(m.Text, "0x"); ok {
			if raw, err := hex.DecodeString(digits); err == nil {
				text = raw
			}
		}
		for _, b := range [][]byte{text, []byte(m.Text)} {
			switch {
			case typed.LooksLikeDigest(b):
				return nil, "", nil, errBare
			case typed.LooksLikeTx(b):
				return nil, "", nil, errHidden
			}
		}
		digest := typed.TextHash(text)
		p.digest = &digest
		return &guard.Attempt{Text: true}, "text", func(string) string { return textWords(shown(text, m.Text)) }, nil
	}
	d, err := typed.Parse(m.Typed)
	if err != nil {
		return nil, "", nil, err
	}
	digest := d.Hash()
	p.digest = &digest
	var chain uint64
	if d.Domain.ChainID != nil {
		chain = *d.Domain.ChainID
	}
	means := meaning.ReadTyped(d, p.rules.Known(chain))
	words = func(coin string) string { return typedWords(d, &means, coin) }
	return &guard.Attempt{Typed: &guard.Typed{Domain: d.Domain, PrimaryType: d.PrimaryType}, Meaning: means}, "typed data " + d.PrimaryType, words, nil
}
