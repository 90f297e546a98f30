package signedin

import "net/http"

// openPages are those that take no login.
func (s *Site) openPages() map[string]page {
	return map[string]page{
		"GET /login":  signInPage,
		"POST /login": signIn,

		"GET /login/with/{n}": toProvider,
		"GET " + fromProvider: cameBack,

		"POST /language": chooseLanguage,
	}
}

// pages are those of who is signed in.
func (s *Site) pages() map[string]page {
	all := map[string]page{
		"GET /{$}":      home,
		"POST /logout":  signOut,
		"POST /confirm": confirmed,

		"GET /dev/components": components,
	}
	for _, more := range []map[string]page{
		vaultPages, secretPages, bindingPages, policyPages, sharePages, environmentPages, searchPages,
		auditPages, settingsPages, organisationPages, adminPages,
		agentPages, inboxPages, transactionPages, modelPages, usagePages,
	} {
		for pattern, p := range more {
			all[pattern] = p
		}
	}
	return all
}

// redirect leads elsewhere.
func (v *visit) redirect(to string) error {
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}
