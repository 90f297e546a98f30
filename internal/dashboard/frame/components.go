package frame

import "net/http"

// components shows the parts that pages are made of, for who works on them. It is there in dev alone.
func components(v *Visit) error {
	if !v.frame.Dev {
		return Missing(v)
	}
	return v.Show(http.StatusOK, "components", v.T("Components"), v.Now())
}
