// Package child makes processes of a test end with it.
package child
