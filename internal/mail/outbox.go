package mail

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// keepMails is how many files an Outbox keeps when it is not told.
const keepMails = 200

// Outbox is a Sender that writes each mail into a folder instead, for
// development. The files are readable by their owner alone: mails hold tokens.
type Outbox struct {
	dir  string
	keep int
	mu   sync.Mutex
}

// NewOutbox returns an Outbox over dir, which it makes if need be. The newest
// keep mails stay; 0 means 200.
func NewOutbox(dir string, keep int) (*Outbox, error) {
	if keep == 0 {
		keep = keepMails
	}
	if dir == "" || keep < 0 {
		return nil, fault.New(fault.Invalid, "invalid_outbox", "The outbox needs a folder, and keeps one mail or more.")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create outbox: %w", err)
	}
	// The folder may have been there with wider permissions.
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a folder needs the x bit
		return nil, fmt.Errorf("create outbox: %w", err)
	}
	return &Outbox{dir: dir, keep: keep}, nil
}

// Send implements Sender. The file is whole when it appears under its name,
// which begins with the time so that names sort by age.
func (o *Outbox) Send(_ context.Context, m Message) error {
	msg, err := m.mime()
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	f, err := os.CreateTemp(o.dir, ".new-*") // 0600
	if err != nil {
		return fmt.Errorf("write to outbox: %w", err)
	}
	_, err = msg.WriteTo(f)
	if err = errors.Join(err, f.Close()); err == nil {
		name := m.Date.UTC().Format("20060102T150405.000000Z") + "-" + m.ID + ".eml"
		err = os.Rename(f.Name(), filepath.Join(o.dir, name))
	}
	if err != nil {
		return fmt.Errorf("write to outbox: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return o.prune()
}

// prune removes the oldest mails beyond those to keep, and what a crash left
// half written.
func (o *Outbox) prune() error {
	entries, err := os.ReadDir(o.dir) // sorted by name
	if err != nil {
		return fmt.Errorf("prune outbox: %w", err)
	}
	var mails []string
	var errs []error
	remove := func(name string) {
		if err := os.Remove(filepath.Join(o.dir, name)); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case strings.HasPrefix(name, ".new-"):
			remove(name)
		case e.Type().IsRegular() && strings.HasSuffix(name, ".eml"):
			mails = append(mails, name)
		}
	}
	for name := range slices.Values(mails[:max(0, len(mails)-o.keep)]) {
		remove(name)
	}
	return errors.Join(errs...)
}
