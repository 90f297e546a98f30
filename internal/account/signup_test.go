package account_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
	"github.com/oneclaw-dev/oneclaw/internal/testkit/world"
)

func TestPasswordRules(t *testing.T) {
	w := world.Open(t)
	details := map[string]string{}
	for name, p := range map[string]string{
		"eleven characters":            "Ab1!efghiJk",
		"no upper case":                "tr0ub4dor-horses",
		"no lower case":                "TR0UB4DOR-HORSES",
		"no digit":                     "Troubador-horses",
		"no symbol":                    "Tr0ub4dorHorses",
		"one character three times":    "Tr0ub4dor---horse",
		"an ascending run of letters":  "Tr0ub4dor-xyz-fox",
		"an ascending run of digits":   "Troubador-789-fox",
		"bad UTF-8":                    "Tr0ub4dor-\xff-horses",
		"more than a thousand letters": "Tr0-" + strings.Repeat("ab", 600),
	} {
		_, err := w.Accounts.Signup(t.Context(), w.Anon(policy.Signup), "ada@example.com", secret.FromString(p), "")
		world.WantKind(t, name, err, fault.Invalid)
		if err == nil {
			continue
		}
		if strings.Contains(err.Error(), p) {
			t.Errorf("%s: the answer repeats the password", name)
		}
		if twin, used := details[err.Error()]; used && !strings.Contains(name+twin, "ascending") {
			t.Errorf("%s has the same answer as %s", name, twin)
		}
		details[err.Error()] = name
	}
	for i, p := range []string{
		"Tr0ub4dor-and-horses", "Pässwört-2026-Zürich", "aB3$aB3$aB3$", "Correct horse 9 stapl!", "cba-987-ZYX-down",
	} {
		email := "user" + string(rune('a'+i)) + "@example.com"
		if _, err := w.Accounts.Signup(t.Context(), w.Anon(policy.Signup), email, secret.FromString(p), ""); err != nil {
			t.Errorf("password %d: %v", i, err)
		}
	}
}

func TestMailAddresses(t *testing.T) {
	w := world.Open(t)
	for _, email := range []string{
		"", "ada", "@example.com", "ada@", "ada@@example.com", "ada@example..com", "ada@-example.com", "ada@exam ple.com",
		"ada@example.com, bob@example.com", "Ada <ada@example.com>", "ada@example.com\r\nBcc: bob@example.com", "ada\x00@example.com",
		"ädä@example.com", "ada@exаmple.com", "ada@[127.0.0.1]", `"ada b"@example.com`, "ada.@example.com",
		strings.Repeat("a", 65) + "@example.com", "ada@" + strings.Repeat("a.", 130) + "com",
	} {
		_, err := w.Accounts.Signup(t.Context(), w.Anon(policy.Signup), email, secret.FromString(world.Password), "")
		world.WantCode(t, "an odd address", err, "invalid_email")
	}
	for _, email := range []string{"a@b", "ada.b+tag@mail.example.com", "o'hara@example.com", "x@xn--mnchen-3ya.de"} {
		if _, err := w.Accounts.Signup(t.Context(), w.Anon(policy.Signup), email, secret.FromString(world.Password), ""); err != nil {
			t.Errorf("%s: %v", email, err)
		}
	}
}

func TestOneAddressHasOneAccount(t *testing.T) {
	w := world.Open(t)
	var made, taken atomic.Int64
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			email := []string{"ada@example.com", "ADA@example.com", " Ada@Example.com"}[i%3]
			c := w.Anon(policy.Signup)
			j, err := w.Accounts.Signup(t.Context(), c, email, secret.FromString(world.Password), "")
			switch {
			case err == nil && j.Token.Access.Len() > 0:
				made.Add(1)
			case fault.Is(err, fault.Conflict) && !c.Event.Committed && c.Event.ActorID == "":
				taken.Add(1)
			default:
				t.Errorf("sign up: %v", err)
			}
		})
	}
	wait.Wait()
	if made.Load() != 1 || taken.Load() != 7 {
		t.Errorf("%d made, %d taken, want 1 and 7", made.Load(), taken.Load())
	}
}

func TestSignupCanBeClosed(t *testing.T) {
	w := world.Open(t, func(s *world.Setup) {
		s.People = func(c *account.Config) { c.Signup = false }
	})
	_, err := w.Accounts.Signup(t.Context(), w.Anon(policy.Signup), "ada@example.com", secret.FromString(world.Password), "")
	world.WantCode(t, "sign up", err, "signup_closed")
}

// verified has addresses confirmed before anybody logs in.
func verified(s *world.Setup) {
	s.People = func(c *account.Config) { c.VerifyEmail = true }
}

func TestAddressesAreConfirmedFirst(t *testing.T) {
	w := world.Open(t, verified)
	ctx := t.Context()
	j, err := w.Accounts.Signup(ctx, w.Anon(policy.Signup), "ada@example.com", secret.FromString(world.Password), "Ada")
	if err != nil || j.Token != nil || j.Email != "ada@example.com" {
		t.Fatalf("sign up: %+v %v", j, err)
	}
	_, err = w.Accounts.Login(ctx, w.Anon(policy.Login), "ada@example.com", secret.FromString(world.Password))
	world.WantCode(t, "the right password", err, "email_not_verified")
	world.WantKind(t, "the right password", err, fault.Denied)
	_, err = w.Accounts.Login(ctx, w.Anon(policy.Login), "ada@example.com", secret.FromString(world.Password+"x"))
	world.WantKind(t, "a wrong password", err, fault.Unauthenticated)

	token := w.Mail.Token(world.Verify, "ada@example.com")
	for name, bad := range map[string]string{"nothing": "", "another": "x" + token, "cut": token[:40]} {
		_, err := w.Accounts.VerifyEmail(ctx, w.Anon(policy.VerifyEmail), bad)
		world.WantCode(t, name, err, "invalid_token")
	}
	got, err := w.Accounts.VerifyEmail(ctx, w.Anon(policy.VerifyEmail), token)
	if err != nil {
		t.Fatal(err)
	}
	me, err := w.Accounts.Me(ctx, w.Call(w.Who(string(got.Access.Reveal())), policy.ReadUser))
	if err != nil || !me.EmailVerified || me.DisplayName != "Ada" {
		t.Errorf("me: %+v %v", me, err)
	}
	_, err = w.Accounts.VerifyEmail(ctx, w.Anon(policy.VerifyEmail), token)
	world.WantCode(t, "the token again", err, "invalid_token")
	w.LogIn("ada@example.com", world.Password)
}

func TestAMailedTokenLivesADay(t *testing.T) {
	w := world.Open(t, verified)
	if _, err := w.Accounts.Signup(t.Context(), w.Anon(policy.Signup), "ada@example.com", secret.FromString(world.Password), ""); err != nil {
		t.Fatal(err)
	}
	w.Clock.Forward(24 * time.Hour)
	_, err := w.Accounts.VerifyEmail(t.Context(), w.Anon(policy.VerifyEmail), w.Mail.Token(world.Verify, "ada@example.com"))
	world.WantCode(t, "after a day", err, "invalid_token")
}

func TestAMailedTokenIsSpentOnce(t *testing.T) {
	w := world.Open(t, verified)
	if _, err := w.Accounts.Signup(t.Context(), w.Anon(policy.Signup), "ada@example.com", secret.FromString(world.Password), ""); err != nil {
		t.Fatal(err)
	}
	var good atomic.Int64
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			got, err := w.Accounts.VerifyEmail(t.Context(), w.Anon(policy.VerifyEmail), w.Mail.Token(world.Verify, "ada@example.com"))
			if err == nil && got.Access.Len() > 0 {
				good.Add(1)
			} else if fault.CodeOf(err) != "invalid_token" || got.Access.Len() > 0 {
				t.Errorf("verify: %v", err)
			}
		})
	}
	wait.Wait()
	if good.Load() != 1 {
		t.Errorf("%d times, want once", good.Load())
	}
}

func TestAMailThatCanNotBeSentLeavesNoAccount(t *testing.T) {
	w := world.Open(t, verified)
	w.Mail.Fail(world.ErrDown)
	_, err := w.Accounts.Signup(t.Context(), w.Anon(policy.Signup), "ada@example.com", secret.FromString(world.Password), "")
	world.WantKind(t, "sign up", err, fault.Unavailable)
	w.Mail.Fail(nil)
	if _, err := w.Accounts.Signup(t.Context(), w.Anon(policy.Signup), "ada@example.com", secret.FromString(world.Password), ""); err != nil {
		t.Errorf("once more: %v", err)
	}
}

func TestTheFirstOwnerIsMadeOnce(t *testing.T) {
	w := world.Open(t)
	var made atomic.Int64
	var wait sync.WaitGroup
	for i := range 4 {
		wait.Go(func() {
			ok, err := w.Accounts.EnsureOwner(t.Context(), "owner"+string(rune('a'+i))+"@example.com", secret.FromString(world.Password))
			if err != nil {
				t.Error(err)
			}
			if ok {
				made.Add(1)
			}
		})
	}
	wait.Wait()
	if made.Load() != 1 {
		t.Errorf("made %d owners, want 1", made.Load())
	}
	w2 := world.Open(t)
	if ok, err := w2.Accounts.EnsureOwner(t.Context(), "owner@localhost", secret.FromString(world.Password)); err != nil || !ok {
		t.Fatalf("got %v %v", ok, err)
	}
	a, err := w2.DB.AccountByEmail(t.Context(), "owner@localhost")
	if err != nil || !a.PlatformAdmin || !a.EmailVerified || a.Role != policy.RoleOwner {
		t.Errorf("owner %+v %v", a, err)
	}
	w2.LogIn("owner@localhost", world.Password)
	if ok, err := w2.Accounts.EnsureOwner(t.Context(), "other@localhost", secret.FromString(world.Password)); err != nil || ok {
		t.Errorf("a second owner: %v %v", ok, err)
	}
	w3 := world.Open(t)
	if ok, err := w3.Accounts.EnsureOwner(t.Context(), "owner@localhost", secret.FromString("short")); ok || fault.CodeOf(err) != "weak_password" {
		t.Errorf("an owner with a weak password: %v %v", ok, err)
	}
	w3.SignUp("ada")
	if ok, err := w3.Accounts.EnsureOwner(t.Context(), "owner@localhost", secret.FromString(world.Password)); err != nil || ok {
		t.Errorf("an owner beside a user: %v %v", ok, err)
	}
}

func TestTheDatabaseHoldsNoCredential(t *testing.T) {
	w := world.Open(t, verified)
	if _, err := w.Accounts.Signup(t.Context(), w.Anon(policy.Signup), "ada@example.com", secret.FromString(world.Password), ""); err != nil {
		t.Fatal(err)
	}
	mailed := w.Mail.Token(world.Verify, "ada@example.com")
	got, err := w.Accounts.VerifyEmail(t.Context(), w.Anon(policy.VerifyEmail), mailed)
	if err != nil {
		t.Fatal(err)
	}
	token := string(got.Access.Reveal())
	ada := w.Who(token)
	// A mailed link is no person: programs read mail.
	_, _, err = w.Accounts.CreateKey(t.Context(), w.Call(ada, policy.CreateAPIKey), account.KeyDraft{Name: "laptop"})
	world.WantCode(t, "a key without end, from a mailed link", err, "person_required")
	in, err := w.Accounts.Login(t.Context(), w.Anon(policy.Login), "ada@example.com", secret.FromString(world.Password))
	if err != nil {
		t.Fatal(err)
	}
	here := w.Who(string(in.Access.Reveal()))
	_, agentKey := w.NewAgent(here, agent.Agent{})
	_, userKey, err := w.Accounts.CreateKey(t.Context(), w.Call(here, policy.CreateAPIKey), account.KeyDraft{Name: "laptop"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Identity.Revoke(t.Context(), w.Call(ada, policy.Logout), token); err != nil {
		t.Fatal(err)
	}
	if err := w.DB.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(w.Dir, sqldb.File+"*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("files %v %v", files, err)
	}
	seen := false
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		seen = seen || strings.Contains(string(data), "ada@example.com")
		for what, canary := range map[string]string{
			"password": world.Password, "mailed token": mailed, "token": token, "signature": token[strings.LastIndex(token, ".")+1:],
			"agent key": agentKey[12:], "user key": string(userKey.Reveal()[12:]),
		} {
			if strings.Contains(string(data), canary) {
				t.Errorf("%s holds the %s", filepath.Base(f), what)
			}
		}
	}
	if !seen {
		t.Error("the address is in no file: this test looks at the wrong files")
	}
}

func TestAServerIsSetUpOnceWithACodeOfItsStart(t *testing.T) {
	w := world.Open(t)
	code, err := w.Accounts.OfferSetup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other, err := w.Accounts.OfferSetup(t.Context()) // of another node, or another start
	if err != nil {
		t.Fatal(err)
	}
	setup := func(code, email string) error {
		_, err := w.Accounts.Setup(t.Context(), w.Anon(policy.Signup), code, email, secret.FromString(world.Password), "Ann")
		return err
	}
	world.WantKind(t, "no code", setup("", "ann@example.com"), fault.Denied)
	world.WantKind(t, "half a code", setup(code[:10], "ann@example.com"), fault.Denied)
	w.Clock.Forward(25 * time.Hour)
	world.WantKind(t, "yesterday's code", setup(code, "ann@example.com"), fault.Denied)
	code, err = w.Accounts.OfferSetup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	world.WantKind(t, "the code of a former start", setup(other, "ann@example.com"), fault.Denied)
	errs := make([]error, 4)
	var wait sync.WaitGroup
	for i := range errs {
		wait.Go(func() { errs[i] = setup(code, "owner"+string(rune('a'+i))+"@example.com") })
	}
	wait.Wait()
	owners := 0
	for i, err := range errs {
		if err == nil {
			owners++
			a, err := w.DB.AccountByEmail(t.Context(), "owner"+string(rune('a'+i))+"@example.com")
			if err != nil || !a.PlatformAdmin || !a.EmailVerified || a.Role != policy.RoleOwner {
				t.Errorf("the owner is %+v, %v", a, err)
			}
		} else {
			world.WantKind(t, "another", err, fault.Conflict)
		}
	}
	if owners != 1 {
		t.Errorf("%d owners", owners)
	}
	world.WantKind(t, "the code again", setup(code, "late@example.com"), fault.Conflict)
}
