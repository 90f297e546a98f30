//go:build pkcs11 && cgo

package pkcs11_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	p11 "github.com/miekg/pkcs11"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/keystore"
	"github.com/oneclaw-dev/oneclaw/internal/keystore/pkcs11"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

const kek = "vault:1"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// raw is a second user of the token, through the binding alone.
type raw struct {
	*p11.Ctx
	sh p11.SessionHandle
}

func (tok *token) raw(t testing.TB) raw {
	t.Helper()
	c := p11.New(tok.module)
	if err := c.Initialize(); err != nil && !errors.Is(err, p11.Error(p11.CKR_CRYPTOKI_ALREADY_INITIALIZED)) {
		t.Fatal(err)
	}
	slots, err := c.GetSlotList(true)
	must(t, err)
	for _, slot := range slots {
		info, err := c.GetTokenInfo(slot)
		must(t, err)
		if info.Label != tok.label {
			continue
		}
		sh, err := c.OpenSession(slot, p11.CKF_SERIAL_SESSION|p11.CKF_RW_SESSION)
		must(t, err)
		if err := c.Login(sh, p11.CKU_USER, tok.pin); err != nil && !errors.Is(err, p11.Error(p11.CKR_USER_ALREADY_LOGGED_IN)) {
			t.Fatal(err)
		}
		return raw{c, sh}
	}
	t.Fatal("the token is not there")
	return raw{}
}

func (r raw) find(t testing.TB, class uint) []p11.ObjectHandle {
	t.Helper()
	must(t, r.FindObjectsInit(r.sh, []*p11.Attribute{p11.NewAttribute(p11.CKA_CLASS, class)}))
	all, _, err := r.FindObjects(r.sh, 100)
	must(t, err)
	must(t, r.FindObjectsFinal(r.sh))
	return all
}

func (r raw) makeAES(t testing.TB, label string, extractable bool) {
	t.Helper()
	_, err := r.GenerateKey(r.sh, []*p11.Mechanism{p11.NewMechanism(p11.CKM_AES_KEY_GEN, nil)}, []*p11.Attribute{
		p11.NewAttribute(p11.CKA_VALUE_LEN, 32), p11.NewAttribute(p11.CKA_LABEL, label),
		p11.NewAttribute(p11.CKA_TOKEN, true), p11.NewAttribute(p11.CKA_PRIVATE, true),
		p11.NewAttribute(p11.CKA_SENSITIVE, true), p11.NewAttribute(p11.CKA_EXTRACTABLE, extractable),
		p11.NewAttribute(p11.CKA_ENCRYPT, true), p11.NewAttribute(p11.CKA_DECRYPT, true),
	})
	must(t, err)
}

func TestKeysCannotBeExtracted(t *testing.T) {
	tok := newToken(t)
	s := tok.open(t)
	must(t, s.CreateKEK(t.Context(), kek))
	must(t, s.CreateSigner(t.Context(), "token:1"))
	must(t, s.CreateEVMKey(t.Context(), "account:1"))
	r := tok.raw(t)
	keys := append(r.find(t, p11.CKO_SECRET_KEY), r.find(t, p11.CKO_PRIVATE_KEY)...)
	if len(keys) != 4 {
		t.Fatalf("%d secret objects, want the probe, the KEK, the signer and the key of an account", len(keys))
	}
	r.cannotExtract(t, keys)
}

// TestAnImportedKeyCannotBeReadBack: what came from outside stays inside from then on.
// One that the token would give out is not used.
func TestAnImportedKeyCannotBeReadBack(t *testing.T) {
	tok := newToken(t)
	s := tok.open(t)
	must(t, s.ImportEVMKey(t.Context(), "account:1", evm.NewKey()))
	r := tok.raw(t)
	keys := r.find(t, p11.CKO_PRIVATE_KEY)
	if len(keys) != 1 {
		t.Fatalf("%d private keys, want the imported one", len(keys))
	}
	r.cannotRead(t, keys[0])

	_, _, err := r.GenerateKeyPair(r.sh, []*p11.Mechanism{p11.NewMechanism(p11.CKM_EC_KEY_PAIR_GEN, nil)},
		[]*p11.Attribute{
			p11.NewAttribute(p11.CKA_EC_PARAMS, []byte{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a}),
			p11.NewAttribute(p11.CKA_LABEL, "oneclaw/evm/account:2"), p11.NewAttribute(p11.CKA_TOKEN, true),
		},
		[]*p11.Attribute{
			p11.NewAttribute(p11.CKA_LABEL, "oneclaw/evm/account:2"), p11.NewAttribute(p11.CKA_TOKEN, true),
			p11.NewAttribute(p11.CKA_PRIVATE, true), p11.NewAttribute(p11.CKA_SENSITIVE, true), p11.NewAttribute(p11.CKA_EXTRACTABLE, true),
			p11.NewAttribute(p11.CKA_SIGN, true),
		})
	must(t, err)
	if _, err := s.EVMKey(t.Context(), "account:2"); fault.CodeOf(err) != keystore.CodeKeyUnusable {
		t.Errorf("a key that the token gives out: %v", err)
	}
}

// TestAnAccountIsTheOneOfThePrivateHalf: the token does not protect public objects.
func TestAnAccountIsTheOneOfThePrivateHalf(t *testing.T) {
	tok := newToken(t)
	s := tok.open(t)
	must(t, s.CreateEVMKey(t.Context(), "account:1"))
	r := tok.raw(t)
	for _, obj := range r.find(t, p11.CKO_PUBLIC_KEY) {
		must(t, r.DestroyObject(r.sh, obj))
	}
	_, err := r.CreateObject(r.sh, []*p11.Attribute{
		p11.NewAttribute(p11.CKA_CLASS, p11.CKO_PUBLIC_KEY), p11.NewAttribute(p11.CKA_KEY_TYPE, p11.CKK_EC),
		p11.NewAttribute(p11.CKA_EC_PARAMS, []byte{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a}),
		p11.NewAttribute(p11.CKA_EC_POINT, append([]byte{0x04, 65}, evm.NewKey().Public()...)),
		p11.NewAttribute(p11.CKA_LABEL, "oneclaw/evm/account:1"), p11.NewAttribute(p11.CKA_TOKEN, true),
	})
	must(t, err)
	if k, err := s.EVMKey(t.Context(), "account:1"); fault.CodeOf(err) != keystore.CodeKeyUnusable {
		t.Errorf("the account is %v, %v", k, err)
	}
}

// cannotRead tries to read the key, and to make it readable.
func (r raw) cannotRead(t *testing.T, obj p11.ObjectHandle) {
	t.Helper()
	got, err := r.GetAttributeValue(r.sh, obj, []*p11.Attribute{p11.NewAttribute(p11.CKA_VALUE, nil)})
	if !errors.Is(err, p11.Error(p11.CKR_ATTRIBUTE_SENSITIVE)) {
		t.Errorf("reading the value of a key: %v, %d attributes", err, len(got))
	}
	for _, weaker := range []*p11.Attribute{p11.NewAttribute(p11.CKA_SENSITIVE, false), p11.NewAttribute(p11.CKA_EXTRACTABLE, true)} {
		if err := r.SetAttributeValue(r.sh, obj, []*p11.Attribute{weaker}); err == nil {
			t.Error("a key could be made extractable")
		}
	}
}

func (r raw) cannotExtract(t *testing.T, keys []p11.ObjectHandle) {
	t.Helper()
	for _, obj := range keys {
		r.cannotRead(t, obj)
		got, err := r.GetAttributeValue(r.sh, obj, []*p11.Attribute{
			p11.NewAttribute(p11.CKA_SENSITIVE, nil), p11.NewAttribute(p11.CKA_ALWAYS_SENSITIVE, nil),
			p11.NewAttribute(p11.CKA_NEVER_EXTRACTABLE, nil), p11.NewAttribute(p11.CKA_LOCAL, nil)})
		must(t, err)
		for _, a := range got {
			if !bytes.Equal(a.Value, []byte{1}) {
				t.Errorf("attribute %#x is %v", a.Type, a.Value)
			}
		}
	}
}

func TestAKeyThatCouldLeaveTheTokenIsNotUsed(t *testing.T) {
	tok := newToken(t)
	s := tok.open(t)
	tok.raw(t).makeAES(t, "oneclaw/kek/"+kek, true)
	_, err := s.Wrap(t.Context(), kek, make([]byte, 32), nil)
	if fault.CodeOf(err) != keystore.CodeKeyUnusable {
		t.Fatalf("got %v", err)
	}
}

func TestTwoKeysUnderOneIDAreRefused(t *testing.T) {
	tok := newToken(t)
	s := tok.open(t)
	must(t, s.CreateKEK(t.Context(), kek))
	tok.raw(t).makeAES(t, "oneclaw/kek/"+kek, false)
	_, err := s.Wrap(t.Context(), kek, make([]byte, 32), nil)
	if fault.CodeOf(err) != keystore.CodeKeyUnusable {
		t.Fatalf("got %v", err)
	}
	must(t, s.DestroyKEK(t.Context(), kek))
	if n := len(tok.raw(t).find(t, p11.CKO_SECRET_KEY)); n != 1 {
		t.Fatalf("%d secret keys left, want the probe alone", n)
	}
}

// What an HSM does that restarts, or drops idle sessions, or is logged out.
func TestTheConnectionComesBack(t *testing.T) {
	cases := map[string]func(t *testing.T, r raw){
		"all sessions closed":  func(t *testing.T, r raw) { must(t, r.CloseAllSessions(slotOf(t, r))) },
		"logged out":           func(t *testing.T, r raw) { must(t, r.Logout(r.sh)) },
		"the module shut down": func(t *testing.T, r raw) { must(t, r.Finalize()) },
		"the module restarted": func(t *testing.T, r raw) { must(t, r.Finalize()); must(t, r.Initialize()) },
		"nothing":              func(*testing.T, raw) {},
	}
	for name, cut := range cases {
		t.Run(name, func(t *testing.T) {
			tok := newToken(t)
			s := tok.open(t)
			must(t, s.CreateKEK(t.Context(), kek))
			must(t, s.CreateSigner(t.Context(), "token:1"))
			k, err := s.Signer(t.Context(), "token:1")
			must(t, err)
			w, err := s.Wrap(t.Context(), kek, make([]byte, 32), nil)
			must(t, err)

			cut(t, tok.raw(t))
			_, err = s.Unwrap(t.Context(), kek, w, nil)
			must(t, err)
			cut(t, tok.raw(t))
			sig, err := k.Sign(nil, []byte("m"), crypto.Hash(0))
			must(t, err)
			if !ed25519.Verify(k.Public().(ed25519.PublicKey), []byte("m"), sig) {
				t.Fatal("the signature does not verify")
			}
			cut(t, tok.raw(t))
			must(t, s.CreateKEK(t.Context(), "vault:2"))
			cut(t, tok.raw(t))
			if !s.Health(t.Context()).Connected {
				t.Fatal("not connected")
			}
		})
	}
}

func slotOf(t *testing.T, r raw) uint {
	t.Helper()
	info, err := r.GetSessionInfo(r.sh)
	must(t, err)
	return info.SlotID
}

func TestAnotherTokenUnderTheSameLabelIsNotOurs(t *testing.T) {
	tok := newToken(t)
	s := tok.open(t)
	must(t, s.CreateKEK(t.Context(), kek))
	tok.move(t, tok.dir, tok.elsewhere())
	tok.init(t)
	if s.Health(t.Context()).Connected {
		t.Fatal("a new token was taken for the old one")
	}
	if err := s.CreateKEK(t.Context(), "vault:2"); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("got %v", err)
	}
	if _, err := s.Wrap(t.Context(), kek, make([]byte, 32), nil); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("got %v", err)
	}
	must(t, os.RemoveAll(tok.dir))
	tok.move(t, tok.elsewhere(), tok.dir)
	if _, err := s.Wrap(t.Context(), kek, make([]byte, 32), nil); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	tok := newToken(t)
	cases := map[string]struct {
		change func(*pkcs11.Config)
		kind   fault.Kind
		code   string
	}{
		"no module":           {func(c *pkcs11.Config) { c.Module = "" }, fault.Invalid, "pkcs11_config"},
		"no label":            {func(c *pkcs11.Config) { c.TokenLabel = "" }, fault.Invalid, "pkcs11_config"},
		"a file that is none": {func(c *pkcs11.Config) { c.Module = "/etc/hostname" }, fault.Invalid, "pkcs11_module"},
		"an unknown label":    {func(c *pkcs11.Config) { c.TokenLabel = "other" }, fault.Unavailable, keystore.CodeUnavailable},
		"a wrong PIN":         {func(c *pkcs11.Config) { c.PIN = secret.FromString("wrong-pin") }, fault.Invalid, "pkcs11_pin"},
		"no PIN":              {func(c *pkcs11.Config) { c.PIN = secret.Bytes{} }, fault.Invalid, "pkcs11_config"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			cfg := tok.config()
			c.change(&cfg)
			_, err := pkcs11.Open(t.Context(), cfg)
			if !fault.Is(err, c.kind) || fault.CodeOf(err) != c.code {
				t.Fatalf("got %v, want %s", err, c.code)
			}
			if strings.Contains(err.Error(), "wrong-pin") {
				t.Fatal("the error shows the PIN")
			}
		})
	}
	tok.open(t) // none of these did harm
}

// A PIN that was changed while we run must be tried once: most tokens lock after
// a few, and then nobody gets in.
func TestAPINThatIsRefusedIsNotTriedAgain(t *testing.T) {
	tok := newToken(t)
	s := tok.open(t)
	must(t, s.CreateKEK(t.Context(), kek))
	r := tok.raw(t)
	must(t, r.SetPIN(r.sh, tok.pin, "another-pin"))
	must(t, r.CloseAllSessions(slotOf(t, r)))
	if _, err := s.Wrap(t.Context(), kek, make([]byte, 32), nil); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("got %v", err)
	}
	r = raw{r.Ctx, 0}
	slots, err := r.GetSlotList(true)
	must(t, err)
	r.sh, err = r.OpenSession(slots[0], p11.CKF_SERIAL_SESSION|p11.CKF_RW_SESSION)
	must(t, err)
	must(t, r.Login(r.sh, p11.CKU_USER, "another-pin"))
	must(t, r.SetPIN(r.sh, "another-pin", tok.pin))
	must(t, r.CloseAllSessions(slots[0]))
	tok.now.Add(1e12)
	// The PIN is right again, so only one that is tried would get through.
	if _, err := s.Wrap(t.Context(), kek, make([]byte, 32), nil); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("the PIN was tried again: %v", err)
	}
}

// Nor is it tried by the next process, until the setting says another.
func TestARestartDoesNotTryARefusedPINAgain(t *testing.T) {
	tok := newToken(t)
	cfg := tok.config()
	cfg.Refused = filepath.Join(t.TempDir(), "refused-pin.json")
	refuses := func(pin string) {
		t.Helper()
		wrong := cfg
		wrong.PIN = secret.FromString(pin)
		if s, err := pkcs11.Open(t.Context(), wrong); fault.CodeOf(err) != "pkcs11_pin" || !fault.Is(err, fault.Invalid) {
			t.Fatalf("got %v, %v", s, err)
		}
	}
	opens := func() keystore.KeyStore {
		t.Helper()
		s, err := pkcs11.Open(t.Context(), cfg)
		must(t, err)
		return s
	}
	must(t, opens().Close())
	refuses("another-pin")
	if text, err := os.ReadFile(cfg.Refused); err != nil || strings.Contains(string(text), "another-pin") {
		t.Fatalf("remembered %q: %v", text, err)
	}
	// The right PIN is tried, and forgets it.
	must(t, opens().Close())
	if _, err := os.Stat(cfg.Refused); err == nil {
		t.Error("a right PIN did not forget the wrong one")
	}
	refuses("another-pin")
	remembered, err := os.ReadFile(cfg.Refused)
	must(t, err)
	// It becomes right, so only one that is tried would get through.
	s := tok.open(t)
	r := tok.raw(t)
	must(t, r.SetPIN(r.sh, tok.pin, "another-pin"))
	must(t, r.CloseAllSessions(slotOf(t, r)))
	must(t, s.Close())
	refuses("another-pin")
	must(t, os.WriteFile(cfg.Refused, remembered[:len(remembered)/2], 0o600))
	refuses("another-pin") // half a file is no reason to try
	must(t, os.Remove(cfg.Refused))
	cfg.PIN = secret.FromString("another-pin")
	must(t, opens().Close())
}

// Sealing runs package erase beside calls into C, under a busy collector: Go 1.26
// crashes when the one happens within the other.
func TestSealingOverTheToken(t *testing.T) {
	tok := newToken(t)
	s := tok.open(t)
	must(t, s.CreateKEK(t.Context(), kek))
	sealer := seal.New(s)
	ref := seal.Ref{Org: "o", Vault: "v", Path: "p", Version: 1}
	stop := make(chan struct{})
	var collector, workers sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	})
	for range 8 {
		workers.Go(func() {
			for range 50 {
				box, err := sealer.Seal(t.Context(), kek, ref, secret.FromString("value"))
				if err != nil {
					t.Errorf("seal: %v", err)
					return
				}
				v, err := sealer.Open(t.Context(), kek, ref, box)
				if err != nil || string(v.Reveal()) != "value" {
					t.Errorf("open: %v", err)
					return
				}
				box.WrappedDEK[5] ^= 1
				if _, err = sealer.Open(t.Context(), kek, ref, box); fault.CodeOf(err) != seal.CodeOpenFailed {
					t.Errorf("an altered box: %v", err)
				}
			}
		})
	}
	workers.Wait()
	close(stop)
	collector.Wait()
}
