package childproxy_test

import "testing"

// TestPostgreSQL runs what asks the store for each request on the other database: world.Open knows its
// subtests by their name.
func TestPostgreSQL(t *testing.T) {
	t.Run("bindings of each request", TestBindingsAreAskedForEachRequest)
	t.Run("secrets of another run", TestAProgramUsesNoSecretOfAnotherRun)
}
