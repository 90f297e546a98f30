package listen

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// lookEvery is how often files that may have been replaced are read again. They are
// small, and reading them sees also what a mount does by a symbolic link.
const lookEvery = 2 * time.Second

// Files are the certificates that the configuration names, as they were when they were
// last whole: files that don't fit together, or half a file, change nothing.
type Files struct {
	log     *slog.Logger
	pair    kept[tls.Certificate]
	clients kept[x509.CertPool]
}

// kept is what was made of some files.
type kept[T any] struct {
	what  string
	names []string // none: there is nothing
	parse func(contents [][]byte) (made *T, good func(time.Time) bool, err error)
	bad   *fault.Error         // what is said of files that can't be used
	sum   []byte               // of the contents that were looked at last
	good  func(time.Time) bool // whether what was made last is good at a time
	now   atomic.Pointer[T]
}

// OpenFiles reads the files, and fails when one can't be used.
func OpenFiles(cfg config.Config, log *slog.Logger) (*Files, error) {
	f := &Files{
		log: log,
		pair: kept[tls.Certificate]{what: "certificate", parse: parsePair, bad: fault.New(fault.Invalid, "bad_certificate",
			"The files that ONECLAW_TLS_CERT_FILE and ONECLAW_TLS_KEY_FILE name can't be used.")},
		clients: kept[x509.CertPool]{what: "certificate authorities of clients", parse: parseClientCAs, bad: fault.New(fault.Invalid, "bad_client_ca",
			"The file that ONECLAW_CLIENT_CA_FILE names can't be read, or holds no certificate in PEM.")},
	}
	if cfg.TLSCertFile != "" {
		f.pair.names = []string{cfg.TLSCertFile, cfg.TLSKeyFile}
	}
	if cfg.ClientCAFile != "" {
		f.clients.names = []string{cfg.ClientCAFile}
	}
	at := time.Time{} // nothing is there that could be better
	if _, err := f.pair.look(at); err != nil {
		return nil, err
	}
	if _, err := f.clients.look(at); err != nil {
		return nil, err
	}
	return f, nil
}

// Certificate is the one to serve with, or nil for plain HTTP.
func (f *Files) Certificate() *tls.Certificate { return f.pair.now.Load() }

// ClientCAs are the authorities that may issue certificates for agents, or nil where
// there are none.
func (f *Files) ClientCAs() *x509.CertPool { return f.clients.now.Load() }

// Watch takes what is replaced until ctx ends: now and then, and at once when hurry has
// something. What can't be used is logged each time; see faultlog.
func (f *Files) Watch(ctx context.Context, hurry <-chan os.Signal, now func() time.Time) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-hurry:
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			f.Look(now())
		}()
		select {
		case <-done:
		case <-ctx.Done(): // a file system that hangs does not keep the process from ending
			return
		}
	}
}

// Look takes what was replaced.
func (f *Files) Look(now time.Time) {
	note(f.log, &f.pair, now)
	note(f.log, &f.clients, now)
}

func note[T any](log *slog.Logger, k *kept[T], now time.Time) {
	changed, err := k.look(now)
	switch {
	case err != nil:
		log.Error("replaced files can't be used: what was there before goes on", slog.String("what", k.what), slog.Any("error", err))
	case changed:
		log.Info("replaced files are used from now on", slog.String("what", k.what))
	}
}

// look reads the files, and parses them when they are not those of before.
func (k *kept[T]) look(now time.Time) (changed bool, err error) {
	if len(k.names) == 0 {
		return false, nil
	}
	contents := make([][]byte, len(k.names))
	defer func() {
		for _, c := range contents { // one may be a private key
			clear(c)
		}
	}()
	sum := sha256.New()
	for i, name := range k.names {
		if contents[i], err = read(name); err != nil {
			return false, k.unusable(err)
		}
		one := sha256.Sum256(contents[i])
		sum.Write(one[:])
	}
	if bytes.Equal(sum.Sum(nil), k.sum) {
		return false, nil
	}
	for _, c := range contents {
		if cutOff(c) {
			return false, k.unusable(errors.New("it ends in the middle of PEM"))
		}
	}
	made, good, err := k.parse(contents)
	if err != nil {
		return false, k.unusable(err)
	}
	if k.good != nil && k.good(now) && !good(now) {
		return false, k.unusable(errors.New("it has ended or has not begun, and the one before is good"))
	}
	k.sum, k.good = sum.Sum(nil), good
	k.now.Store(made)
	return true, nil
}

func (k *kept[T]) unusable(err error) error {
	return fault.Wrap(err, fault.Invalid, k.bad.Code, k.bad.Detail)
}

// cutOff reports whether a file of PEM is half written: parsers leave out the block
// that has no end.
func cutOff(text []byte) bool {
	for block, rest := pem.Decode(text); ; block, rest = pem.Decode(rest) {
		if block == nil {
			return bytes.Contains(rest, []byte("-----BEGIN"))
		}
	}
}

func parsePair(contents [][]byte) (*tls.Certificate, func(time.Time) bool, error) {
	pair, err := tls.X509KeyPair(contents[0], contents[1])
	if err != nil {
		return nil, nil, err
	}
	return &pair, func(t time.Time) bool { return within(pair.Leaf, t) }, nil
}

// parseClientCAs makes authorities that are good while one of them is.
func parseClientCAs(contents [][]byte) (*x509.CertPool, func(time.Time) bool, error) {
	pool := x509.NewCertPool()
	var all []*x509.Certificate
	for block, rest := pem.Decode(contents[0]); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" || len(block.Headers) != 0 {
			continue
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil { // as AppendCertsFromPEM does
			all = append(all, c)
			pool.AddCert(c)
		}
	}
	if len(all) == 0 {
		return nil, nil, errors.New("it holds no certificate in PEM")
	}
	return pool, func(t time.Time) bool {
		return slices.ContainsFunc(all, func(c *x509.Certificate) bool { return within(c, t) })
	}, nil
}

func within(c *x509.Certificate, t time.Time) bool {
	return !t.Before(c.NotBefore) && !t.After(c.NotAfter)
}

// maxFile is the longest file that is read: chains and lists of authorities are shorter.
const maxFile = 1 << 20

// read reads a regular file, and nothing that could wait or have no end.
func read(name string) ([]byte, error) {
	if info, err := os.Stat(name); err != nil { // to open a device may do something
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe may have taken its place
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no regular file")
	case info.Size() > maxFile:
		return nil, errors.New("it is longer than 1 MiB")
	}
	text := make([]byte, info.Size()) // never copied: it may be a private key
	n, err := io.ReadFull(f, text)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // it is being replaced, or empty
	}
	return text[:n], err
}
