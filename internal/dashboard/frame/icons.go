package frame

import "html/template"

// icons are drawn on a field of 24 by 24, by hand for these pages.
var icons = map[string]template.HTML{
	"home":         `<path d="M4 11l8-7 8 7v9h-5v-6H9v6H4z"/>`,
	"vaults":       `<rect x="3" y="4" width="18" height="16" rx="2"/><circle cx="12" cy="12" r="4"/><path d="M12 8v2M12 14v2M8 12h2M14 12h2"/>`,
	"agents":       `<rect x="5" y="8" width="14" height="11" rx="3"/><path d="M12 4v4M9 13h.01M15 13h.01M2 13v3M22 13v3"/>`,
	"inbox":        `<path d="M3 13l3-8h12l3 8v6H3zM3 13h5l1 3h6l1-3h5"/>`,
	"shares":       `<path d="M4 12v7h16v-7M12 3v12M8 7l4-4 4 4"/>`,
	"transactions": `<path d="M4 8h14l-4-4M20 16H6l4 4"/>`,
	"shroud":       `<path d="M12 3l8 3v6c0 5-4 8-8 9-4-1-8-4-8-9V6z"/>`,
	"audit":        `<path d="M6 3h9l4 4v14H6zM9 12h7M9 16h7M9 8h3"/>`,
	"organisation": `<circle cx="9" cy="8" r="3"/><path d="M3 20c0-4 3-6 6-6s6 2 6 6M16 5a3 3 0 010 6M18 14c2 1 3 3 3 6"/>`,
	"usage":        `<path d="M4 20V10M10 20V4M16 20v-7M22 20H2"/>`,
	"settings":     `<circle cx="12" cy="12" r="3"/><path d="M12 2v4M12 18v4M2 12h4M18 12h4M5 5l3 3M16 16l3 3M19 5l-3 3M8 16l-3 3"/>`,
	"search":       `<circle cx="10" cy="10" r="6"/><path d="M15 15l6 6"/>`,
	"plus":         `<path d="M12 5v14M5 12h14"/>`,
	"freeze":       `<path d="M12 2v20M3 7l18 10M21 7L3 17"/>`,
	"warning":      `<path d="M12 3l10 18H2zM12 10v5M12 18h.01"/>`,
}

// icon is a picture beside a text that says the same, so that screen readers pass it over.
func icon(name string) template.HTML {
	return `<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">` + icons[name] + `</svg>`
}
