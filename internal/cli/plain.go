package cli

import "strings"

// forPeople is a word of the API as a person reads it. Programs get it as it is, and so
// does who has to type it: types of secrets, actions and the like stay as flags take them.
func (c *cli) forPeople(word string) string {
	if !c.IsTTY(c.Stdout) {
		return word
	}
	return plain(word)
}

// plain says a word of the API in words.
func plain(word string) string {
	switch word {
	case "anyone_with_link":
		return "anyone with the link"
	case "creator":
		return "the human who made the agent"
	case "external_email":
		return "a mail address"
	case "api_key", "api_keys":
		return strings.Replace(word, "api_key", "API key", 1)
	case "ip_rule":
		return "IP rule"
	}
	return strings.ReplaceAll(word, "_", " ")
}
