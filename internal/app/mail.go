package app

import (
	"path/filepath"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/mail"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
)

// outboxKeep bounds the mails kept in DATA/outbox.
const outboxKeep = 100

func (a *App) mailer(sealer *seal.Sealer, publicURL string) (*mail.Service, error) {
	sender, err := mailSender(a.cfg)
	if err != nil {
		return nil, err
	}
	a.outbox, _ = sender.(*mail.Outbox)
	from := a.cfg.MailFrom
	if from == "" {
		from = "oneclaw@oneclaw.localhost"
	}
	return mail.New(mail.Config{
		Queue: a.db, Sealer: sealer, Keys: a.sealing, Sender: sender, Log: a.log, Now: now, From: from, PublicURL: publicURL,
	})
}

func mailSender(cfg config.Config) (mail.Sender, error) {
	if cfg.SMTPHost == "" {
		return mail.NewOutbox(filepath.Join(cfg.Data, "outbox"), outboxKeep)
	}
	return mail.NewSMTP(mail.SMTPConfig{
		Host: cfg.SMTPHost, Port: cfg.SMTPPort, TLS: cfg.SMTPTLS, Username: cfg.SMTPUsername, Password: cfg.SMTPPassword,
	})
}
