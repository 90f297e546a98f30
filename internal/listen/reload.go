package listen

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"os"
	"sync/atomic"
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
	parse func(contents [][]byte) (*T, error)
	bad   *fault.Error // what is said of files that can't be used
	sum   []byte       // of the contents that were looked at last
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
	if _, err := f.pair.look(); err != nil {
		return nil, err
	}
	if _, err := f.clients.look(); err != nil {
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
func (f *Files) Watch(ctx context.Context, hurry <-chan os.Signal) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-hurry:
		}
		f.Look()
	}
}

// Look takes what was replaced.
func (f *Files) Look() {
	note(f.log, &f.pair)
	note(f.log, &f.clients)
}

func note[T any](log *slog.Logger, k *kept[T]) {
	changed, err := k.look()
	switch {
	case err != nil:
		log.Error("replaced files can't be used: what was there before goes on", slog.String("what", k.what), slog.Any("error", err))
	case changed:
		log.Info("replaced files are used from now on", slog.String("what", k.what))
	}
}

// look reads the files, and parses them when they are not those of before.
func (k *kept[T]) look() (changed bool, err error) {
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
		if contents[i], err = os.ReadFile(name); err != nil {
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
	made, err := k.parse(contents)
	if err != nil {
		return false, k.unusable(err)
	}
	k.sum = sum.Sum(nil)
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

func parsePair(contents [][]byte) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(contents[0], contents[1])
	return &pair, err
}

func parseClientCAs(contents [][]byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(contents[0]) {
		return nil, errors.New("it holds no certificate in PEM")
	}
	return pool, nil
}
