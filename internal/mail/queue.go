package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// systemKEK is the key of what belongs to the server itself.
const systemKEK = "system"

// errDamaged is for a mail that no later attempt can open.
var errDamaged = errors.New("the stored mail does not open")

// content is the sealed part of a queued mail.
type content struct {
	Template string `json:"letter"`
	To       string `json:"to"`
	Subject  string `json:"subject"`
	Text     string `json:"text"`
	HTML     string `json:"html"`
}

// SealOf says which key a queued mail is sealed with, and where.
func SealOf(id string) (kek string, at seal.Ref) { return systemKEK, row(id) }

func row(id string) seal.Ref { return seal.Ref{Org: "system", Vault: "mail", Path: id, Version: 1} }

// enqueue writes the mail and stores it. When it returns nil the mail is on
// disk; nothing here waits for a mail server.
func (s *Service) enqueue(ctx context.Context, name, to string, data any) error {
	return s.enqueueAs(ctx, name, name, to, data)
}

// enqueueAs queues the mail under another name.
func (s *Service) enqueueAs(ctx context.Context, name, as, to string, data any) error {
	if err := checkRecipient(to); err != nil {
		return err
	}
	t := s.templates[name]
	c := content{Template: as, To: to}
	var err error
	if c.Subject, c.Text, c.HTML, err = t.write(data); err != nil {
		return err
	}
	if err := checkLine(c.Subject); err != nil {
		return err
	}
	plain, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("queue mail: %w", err)
	}
	value := secret.New(plain)
	defer value.Wipe()
	now := stamp.Of(s.cfg.Now())
	m := Queued{ID: ids.New(), CreatedAt: now, GiveUpAt: now.Add(t.life)}
	if m.Box, err = s.seal(ctx, m.ID, value); err != nil {
		return fmt.Errorf("queue mail: %w", err)
	}
	if err := s.cfg.Queue.AddMail(ctx, m); err != nil {
		return fmt.Errorf("queue mail: %w", err)
	}
	s.nudge()
	return nil
}

// seal makes the system's key when it is missing, so that a keystore that is
// away delays mails and not the start.
func (s *Service) seal(ctx context.Context, id string, value secret.Bytes) (seal.Box, error) {
	box, err := s.cfg.Sealer.Seal(ctx, systemKEK, row(id), value)
	if !fault.Is(err, fault.NotFound) {
		return box, err
	}
	if err := s.cfg.Keys.CreateKEK(ctx, systemKEK); err != nil && !fault.Is(err, fault.Conflict) {
		return seal.Box{}, err
	}
	return s.cfg.Sealer.Seal(ctx, systemKEK, row(id), value)
}

// open returns the message of a queued mail. It is errDamaged when it will
// never open.
func (s *Service) open(ctx context.Context, m Queued) (content, error) {
	value, err := s.cfg.Sealer.Open(ctx, systemKEK, row(m.ID), m.Box)
	if fault.CodeOf(err) == seal.CodeOpenFailed {
		return content{}, errDamaged
	}
	if err != nil {
		return content{}, seal.KeyLost(err)
	}
	defer value.Wipe()
	var c content
	if json.Unmarshal(value.Reveal(), &c) != nil {
		return content{}, errDamaged // the cause could quote the content
	}
	return c, nil
}
