package signedin

import "net/http"

// components shows the parts that pages are made of, for who works on them. It is there in dev alone.
func components(v *visit) error {
	if !v.Dev {
		return missing(v)
	}
	return v.show(http.StatusOK, "components", v.t("Components"), v.Now())
}
